package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpRequest.BodyPublishers;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The sample of token streaming, on the wire. The SDKs of the vendors are among the tests of {@code src/interop}. */
class TokensSampleTest {
  private static final String COMPLETIONS = "/v1/chat/completions";
  private static final String MESSAGES = "/v1/messages";

  private static Sample sample;

  @BeforeAll
  static void start() throws Exception {
    sample = Sample.start("Tokens");
  }

  @AfterAll
  static void stop() {
    sample.close();
  }

  private static String prompt(boolean stream, String content) {
    return "{\"stream\": " + stream + ", \"messages\": [{\"role\": \"user\", \"content\": " + content + "}]}";
  }

  /** A pattern that tries each space as a start needs half an hour of processor time for this prompt. */
  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void aPromptOfManySpacesTakesNoTime(String path) throws Exception {
    var response = sample.post(path, prompt(false, "\"" + " ".repeat(1_000_000) + "\""));
    assertEquals(200, response.statusCode(), response.body());
  }

  private static Lines stream(String path, String content) throws Exception {
    return sample.listen(sample.request(path).POST(BodyPublishers.ofString(prompt(true, content))));
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
    sample.output().next("stopped after 2"::equals);
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
    var answer = sample.post(path, prompt(false, hostile));
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
      var answer = sample.post(path, body);
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
    sample.output().next("stopped after 1"::equals);
  }

  @ParameterizedTest
  @ValueSource(strings = {COMPLETIONS, MESSAGES})
  void aDisconnectStopsTheModelWhileItThinks(String path) throws Exception {
    try (var stream = stream(path, "\"to be or think not\"")) {
      stream.next(line -> line.contains("\" or\""));
    }
    sample.output().next("stopped after 3"::equals); // without the disconnect, only after a minute
  }
}
