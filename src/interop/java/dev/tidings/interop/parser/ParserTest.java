package dev.tidings.interop.parser;

import static dev.tidings.HostileEvents.lines;
import static dev.tidings.HostileEvents.wellFormed;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import dev.tidings.Event;
import dev.tidings.HostileEvents;
import dev.tidings.SseServer;
import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests that a foreign parser reads the events that Tidings writes. {@code -Dseed=} repeats a run. */
@Timeout(120)
class ParserTest {
  private static final int EVENTS = 100_000;
  private static final long SEED = Long.getLong("seed", new Random().nextInt(Integer.MAX_VALUE));
  private static final Duration BOUND = Duration.ofSeconds(30);
  private static final TypeToken<List<Object>> LIST = new TypeToken<>() {};

  /** The parser treats these as a byte order mark if the stream begins with a field name that has them. */
  private static final Event FIRST = Event.empty().withComment("\u00EF\u00BB\u00BF");

  private final Gson gson = new Gson();

  @Test
  void everyEventIsReadAsItWasSent() throws Exception {
    long start = System.nanoTime();
    try (var server = SseServer.create(0)) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          sse.send(FIRST);
          var events = new HostileEvents(SEED);
          for (int i = 0; i < EVENTS && sse.send(events.next()); i++) {}
        }
      });
      server.start();
      String seed = String.valueOf(SEED);
      try (var node = Child.start(Child.find("node"), "js/parser.mjs", server.uri().toString(), seed)) {
        assertEquals(told(FIRST).getFirst(), told(node));
        compare(node);
        var end = told(node);
        assertEquals("end", end.getFirst(), () -> "seed " + SEED + ": more events than were sent: " + end);
        String figures = "%.0f MB in %.0f slices".formatted((double) end.get(1) / 1e6, (double) end.get(2));
        passed(figures + ", " + (System.nanoTime() - start) / 1_000_000 + " ms; seed " + SEED);
      }
    }
  }

  private void compare(Child node) throws InterruptedException {
    var events = new HostileEvents(SEED);
    for (int i = 0; i < EVENTS; i++) {
      var event = events.next();
      for (List<Object> expected : told(event)) {
        int number = i;
        assertEquals(expected, told(node), () -> "seed " + SEED + ", event " + number + ": " + event);
      }
    }
  }

  private List<Object> told(Child node) throws InterruptedException {
    return gson.fromJson(node.next(BOUND).orElseThrow(), LIST);
  }

  /** Returns the callbacks of eventsource-parser, in order. A retry is a JavaScript number. */
  private static List<List<Object>> told(Event event) {
    var told = new ArrayList<List<Object>>();
    event.comment().ifPresent(comment -> lines(comment).forEach(line -> told.add(List.of("comment", line))));
    event.retry().ifPresent(retry -> told.add(List.of("retry", (double) retry.toMillis())));
    event.fields().forEach((name, value) -> lines(value).forEach(line -> told.add(List.of("unknown-field", wellFormed(name), line))));
    event.data().ifPresent(data -> told.add(message(event, data)));
    return told;
  }

  /** Returns the callback of an event. Missing values are null, as in JSON. */
  private static List<Object> message(Event event, String data) {
    String name = event.name().map(HostileEvents::wellFormed).orElse(null);
    String id = event.id().map(HostileEvents::wellFormed).orElse(null);
    return Arrays.asList("event", name, id, String.join("\n", lines(data)));
  }

  private static void passed(String measured) throws Exception {
    String version = Npm.versionOnNode("eventsource-parser");
    String check =
        "reads 100,000 random events with hostile texts, in random slices: "
            + "reports every event, comment, `retry:` and other field";
    String deviation =
        "reports the id of each event, not the last event id; does not report an id or a name without data; "
            + "loses the last digits of a `retry:` above 2^53";
    Results.passed(Part.PARSER, "npm eventsource-parser", version, check, measured, deviation);
  }
}
