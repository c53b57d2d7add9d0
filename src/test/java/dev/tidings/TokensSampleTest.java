package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The sample of token streaming, on the wire. The SDKs of the vendors are among the tests of {@code src/interop}. */
class TokensSampleTest {
  private static final String COMPLETIONS = "/v1/chat/completions";
  private static final String MESSAGES = "/v1/messages";

  private static OwnJvm sample;
  private static URI uri;
  private static HttpClient client;

  @BeforeAll
  static void start(@TempDir Path classes) throws Exception {
    OwnJvm.compile(Path.of("samples", "Tokens.java"), classes);
    sample = OwnJvm.start(classes, "Tokens", List.of(), "0");
    uri = sample.uri();
    client = HttpClient.newHttpClient();
  }

  @AfterAll
  static void stop() {
    client.shutdownNow();
    sample.close();
  }

  private static String prompt(boolean stream, String content) {
    return "{\"stream\": " + stream + ", \"messages\": [{\"role\": \"user\", \"content\": " + content + "}]}";
  }

  /** A pattern that tries each space as a start needs half an hour of processor time for this prompt. */
  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void aPromptOfManySpacesTakesNoTime(String path) throws Exception {
    var response = post(path, prompt(false, "\"" + " ".repeat(1_000_000) + "\""), BodyHandlers.ofString());
    assertEquals(200, response.statusCode(), response.body());
  }

  private static <T> HttpResponse<T> post(String path, String body, BodyHandler<T> handler) throws Exception {
    var request =
        HttpRequest.newBuilder(uri.resolve(path)).timeout(Duration.ofSeconds(20)).POST(BodyPublishers.ofString(body));
    return client.send(request.build(), handler);
  }

  private static Lines stream(String path, String content) throws Exception {
    var response = post(path, prompt(true, content), BodyHandlers.ofInputStream());
    assertEquals(200, response.statusCode());
    return new Lines(response.body());
  }

  private static void requireContains(String expected, List<String> event) {
    assertTrue(event.getLast().contains(expected), () -> event + " without " + expected);
  }

  @Test
  void completionsAreMessagesAndEndWithDone() throws Exception {
    try (var stream = stream(COMPLETIONS, "\"to be\"")) {
      requireContains("\"delta\": {\"role\": \"assistant\"", stream.nextEvent());
      requireContains("\"delta\": {\"content\": \"to\"}", stream.nextEvent());
      requireContains("\"delta\": {\"content\": \" be\"}", stream.nextEvent());
      requireContains("\"finish_reason\": \"stop\"", stream.nextEvent());
      assertEquals(List.of("data: [DONE]"), stream.nextEvent());
      assertEquals(Lines.END, stream.next());
    }
    sample.lines().next("stopped after 2"::equals);
  }

  @Test
  void messagesAreNamedEvents() throws Exception {
    try (var stream = stream(MESSAGES, "[{\"type\": \"text\", \"text\": \"to\"}]")) {
      for (String name :
          List.of(
              "message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop",
              "message_delta", "message_stop")) {
        var event = stream.nextEvent();
        assertEquals("event: " + name, event.getFirst());
        requireContains("{\"type\": \"" + name + "\"", event);
      }
      assertEquals(Lines.END, stream.next());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void withoutStreamTheAnswerIsOneText(String path) throws Exception {
    String hostile = "\"\\u0022\\\\ \\ud83d\\ude00\\n\\ud800\"";
    var answer = post(path, prompt(false, hostile), BodyHandlers.ofString());
    assertEquals(200, answer.statusCode());
    requireContains("\"\\\"\\\\ \\ud83d\\ude00\\u000a\\ud800\"", List.of(answer.body()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "503 | {\"messages\": [{\"content\": \"fail\"}], \"stream\": true} | the model has failed",
        "503 | {\"messages\": [{\"content\": \"a fail\"}]} | the model has failed",
        "400 | {\"messages\": []} | 'messages' must be an array of at least one message",
        "400 | {\"messages\": [{\"content\": 1}]} | 'content' must be text",
        "400 | {\"messages\": | the request is not JSON: see position 12",
        "400 | {} {} | the request is not JSON: see position 3"
      })
  void anErrorBeforeTheFirstTokenIsAStatus(int status, String body, String message) throws Exception {
    for (String path : List.of(COMPLETIONS, MESSAGES)) {
      var answer = post(path, body, BodyHandlers.ofString());
      assertEquals(status, answer.statusCode());
      assertEquals("application/json", answer.headers().firstValue("Content-Type").orElseThrow());
      requireContains("\"message\": \"" + message + "\"", List.of(answer.body()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void aFailureInTheMiddleIsAnErrorEventAndAbortsTheResponse(String path) throws Exception {
    try (var stream = stream(path, "\"to fail be\"")) {
      stream.next(line -> line.contains("\"the model has failed\""));
      assertEquals("", stream.next());
      assertEquals(Lines.BROKEN, stream.next());
    }
    sample.lines().next("stopped after 1"::equals);
  }

  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void aDisconnectStopsTheModelWhileItThinks(String path) throws Exception {
    try (var stream = stream(path, "\"to be or think not\"")) {
      stream.next(line -> line.contains("\" or\""));
    }
    sample.lines().next("stopped after 3"::equals); // without the disconnect, only after a minute
  }
}
