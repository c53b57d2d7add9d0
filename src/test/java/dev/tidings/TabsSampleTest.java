package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code samples/Tabs.java}; the tests of {@code src/interop} run its script in browsers. */
class TabsSampleTest {

  @Test
  void streamHasMessagesAndPingsThatScriptsSee() throws Exception {
    try (var sample = Sample.start("Tabs"); var stream = sample.listen("/events")) {
      assertEquals("event: tidings:position", stream.nextEvent().getFirst());
      assertEquals("1", sample.get("/streams").body());
      assertEquals(204, sample.post("/say", "hello").statusCode());
      var said = stream.nextEvent();
      assertEquals("event: said", said.getFirst());
      assertEquals("data: hello", said.getLast());
      assertEquals(List.of("event: ping", "data: "), stream.nextEvent());
      try (var late = sample.listen("/events")) {
        assertEquals("event: tidings:position", late.nextEvent().getFirst());
        assertEquals(said, late.nextEvent());
      }
    }
  }

  @Test
  void pageAndItsScriptsAreServed() throws Exception {
    try (var sample = Sample.start("Tabs")) {
      for (String path : List.of("/", "/tabs.js", "/tabs.css", "/shared-events.js")) {
        var response = sample.get(path);
        assertEquals(200, response.statusCode());
        assertEquals(
            "default-src 'self'; frame-ancestors 'none'",
            response.headers().firstValue("Content-Security-Policy").orElseThrow());
      }
      assertEquals(Files.readString(Path.of("samples", "shared-events.js")), sample.get("/shared-events.js").body());
      assertTrue(sample.get("/").body().startsWith("<!doctype html>"));
    }
  }
}
