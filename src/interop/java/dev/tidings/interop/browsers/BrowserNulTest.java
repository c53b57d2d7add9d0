package dev.tidings.interop.browsers;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.SseServer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Tests U+0000 in each place of a stream. By the standard it is a character like any other, except in an id, which is
 * then ignored. The stream is written without the library.
 */
@Timeout(60)
class BrowserNulTest {
  private static final String STREAM = """
      data: in data: a\0b

      : in a comment: a\0b
      data: after a comment

      id: in an id: a\0b
      data: after an id

      event: na\0me
      data: after a name

      da\0ta: after a field
      data: after a field

      data: last

      """;

  private static final String PAGE = Pages.page("NUL", """
      const source = new EventSource('/events');
      for (const type of ['message', 'na\\u0000me', 'name', 'na']) {
        source.addEventListener(type, event => {
          tell(JSON.stringify([event.type, event.data, event.lastEventId]).replaceAll('"', ''));
          if (event.data === 'last') source.close();
        });
      }
      """);

  @ParameterizedTest
  @EnumSource
  void isACharacterLikeAnyOther(Browser browser) throws Exception {
    var told = new ArrayList<String>();
    try (var server = SseServer.create(0)) {
      Pages.html(server, "/", PAGE);
      server.httpServer().createContext("/events", exchange -> {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        try (var out = exchange.getResponseBody()) {
          out.write(STREAM.getBytes(UTF_8));
        }
      });
      server.start();
      try (var tab = browser.open()) {
        tab.go(server.uri());
        do {
          told.add(tab.told());
        } while (!told.getLast().contains("last"));
      }
    }
    boolean firefox = browser == Browser.FIREFOX;
    var expected = new ArrayList<>(List.of(
        firefox ? "[message,in data: ab,]" : "[message,in data: a\\u0000b,]",
        "[message,after a comment,]",
        "[message,after an id,]",
        firefox ? "[name,after a name,]" : "[na\\u0000me,after a name,]",
        "[message,after a field,]",
        "[message,last,]"));
    if (firefox) {
      expected.remove("[message,after an id,]");
    }
    assertEquals(expected, told);
    browser.passed(
        "U+0000 is kept in data and in an event name; an id that has it is ignored", "",
        firefox ? "removes U+0000 from data and from event names, and does not report an event whose id has it" : "");
  }
}
