package dev.tidings.interop.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.SseServer;
import dev.tidings.StatusException;
import dev.tidings.interop.Child;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import dev.tidings.interop.tokens.TokenClient.Answer;
import dev.tidings.interop.tokens.TokenClient.Way;
import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests the sample of token streaming with the SDKs whose formats it has. No request leaves this machine. */
@Timeout(120)
class TokensTest {
  private static final Duration BOUND = Duration.ofSeconds(20);
  private static final String CHUNK = // of OpenAI
      "{\"id\": \"1\", \"object\": \"chat.completion.chunk\", \"created\": 1, \"model\": \"echo\", \"choices\": "
          + "[{\"index\": 0, \"delta\": {\"role\": \"assistant\", \"content\": \"to\"}, \"finish_reason\": null}]}";
  private static final String START =
      "{\"type\": \"message_start\", \"message\": {\"id\": \"1\", \"type\": \"message\", \"role\": \"assistant\", "
          + "\"model\": \"echo\", \"content\": [], \"stop_reason\": null, \"stop_sequence\": null, \"usage\": "
          + "{\"input_tokens\": 1, \"output_tokens\": 1}}}";

  private static Child sample;
  private static URI uri;
  private static ProxySelector proxies;

  static List<TokenClient> clients() {
    return List.of(
        new NodeTokens("openai", "openai", "/v1/chat/completions"),
        new OpenAiTokens(),
        new NodeTokens("anthropic", "@anthropic-ai/sdk", "/v1/messages"),
        new AnthropicTokens());
  }

  @BeforeAll
  static void start() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    sample = Child.start(java, "-XX:TieredStopAtLevel=1", "-cp", "target/classes", "../../samples/Tokens.java", "0");
    uri = URI.create(sample.await("http://", BOUND));
    proxies = ProxySelector.getDefault();
    ProxySelector.setDefault(new Loopback());
  }

  @AfterAll
  static void stop() {
    ProxySelector.setDefault(proxies);
    sample.close();
  }

  /** Rejects connections to other machines. */
  private static final class Loopback extends ProxySelector {
    @Override
    public List<Proxy> select(URI uri) {
      assertEquals("127.0.0.1", uri.getHost());
      return List.of(Proxy.NO_PROXY);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {}
  }

  private static void passed(TokenClient client, String check) throws Exception {
    passed(client, check, "");
  }

  private static void passed(TokenClient client, String check, String deviation) throws Exception {
    Results.passed(Part.TOKENS, client.name(), client.version(), check, "", deviation);
  }

  private static void requireFailure(String expected, Answer answer) {
    assertNull(answer.whole(), answer::toString);
    assertTrue(answer.failure().orElse("none").contains(expected), answer::toString);
  }

  @ParameterizedTest
  @MethodSource("clients")
  void allTokensInOrder(TokenClient client) throws Exception {
    var raw = client.ask(uri, Way.RAW, "to be \"or\" \\not ü \uD83D\uDE00");
    assertEquals(new Answer(List.of("to", " be", " \"or\"", " \\not", " ü", " \uD83D\uDE00"), null, null), raw);
    assertEquals(new Answer(List.of("to", " be"), "to be", null), client.ask(uri, Way.HELPER, "to be"));
    assertEquals(new Answer(List.of(), "to be", null), client.ask(uri, Way.PLAIN, "to be"));
    passed(client, "receives all tokens in order, as events and collected by the SDK; and a plain answer");
  }

  @ParameterizedTest
  @MethodSource("clients")
  void errorBeforeTheFirstToken(TokenClient client) throws Exception {
    for (Way way : List.of(Way.RAW, Way.HELPER, Way.PLAIN)) {
      var failed = client.ask(uri, way, "fail");
      assertEquals(List.of(), failed.tokens());
      requireFailure("503", failed);
      requireFailure("the model has failed", failed);
    }
    passed(client, "a failure before the first token is an exception with status and message");
  }

  @ParameterizedTest
  @MethodSource("clients")
  void failureInTheMiddle(TokenClient client) throws Exception {
    for (Way way : List.of(Way.RAW, Way.HELPER)) {
      var failed = client.ask(uri, way, "to be fail");
      assertEquals(List.of("to", " be"), failed.tokens());
      requireFailure("the model has failed", failed);
    }
    passed(client, "a failure after some tokens, sent as an error event, is an exception with its message");
  }

  @ParameterizedTest
  @MethodSource("clients")
  void cancelStopsTheModel(TokenClient client) throws Exception {
    // The model is silent for a minute after the third token. No other test stops one after three tokens.
    assertEquals(new Answer(List.of("to", " be", " or"), null, null), client.ask(uri, Way.CANCEL, "to be or think not"));
    sample.await("stopped after 3", BOUND);
    passed(client, "cancels a stream: the model is stopped, although it is silent at that time");
  }

  // Responses that end without an event.

  /** Starts a server that sends a token, and then throws this, or returns if it is empty. */
  private static SseServer truncating(Optional<RuntimeException> failure) throws IOException {
    return SseServer.create(0)
        .stream("POST", "/v1/chat/completions", (_, sse) -> {
          sse.send(CHUNK);
          failure.ifPresent(TokensTest::raise);
        })
        .stream("POST", "/v1/messages", (_, sse) -> {
          sse.send(Event.of("message_start", START));
          sse.send(event("content_block_start", "\"content_block\": {\"type\": \"text\", \"text\": \"\"}"));
          sse.send(event("content_block_delta", "\"delta\": {\"type\": \"text_delta\", \"text\": \"to\"}"));
          failure.ifPresent(TokensTest::raise);
        })
        .start();
  }

  private static void raise(RuntimeException failure) {
    throw failure;
  }

  private static Event event(String type, String member) {
    return Event.of(type, "{\"type\": \"" + type + "\", \"index\": 0, " + member + "}");
  }

  @ParameterizedTest
  @MethodSource("clients")
  void abortedResponse(TokenClient client) throws Exception {
    try (var server = truncating(Optional.of(new StatusException(503, "the model has failed")))) {
      for (Way way : List.of(Way.RAW, Way.HELPER)) {
        var aborted = client.ask(server.uri(), way, "to be");
        assertEquals(List.of("to"), aborted.tokens());
        requireFailure(client instanceof NodeTokens ? "terminated" : "Stream failed", aborted);
      }
    }
    passed(client, "a response that is aborted without an error event is an exception, not a short answer");
  }

  @ParameterizedTest
  @MethodSource("clients")
  void responseThatEndsEarly(TokenClient client) throws Exception {
    try (var server = truncating(Optional.empty())) {
      assertEquals(new Answer(List.of("to"), null, null), client.ask(server.uri(), Way.RAW, "to be"));
      assertTrue(client.ask(server.uri(), Way.HELPER, "to be").failure().isPresent());
    }
    passed(
        client,
        "a response that ends before the last event is an exception",
        "only if the SDK collects the events; the events themselves end like those of a complete answer");
  }
}
