package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The events of JDK Flight Recorder. */
class RecorderTest {
  @TempDir Path folder;

  /** Code that is recorded. */
  private interface Recorded {
    void run() throws Exception;
  }

  private List<RecordedEvent> record(Recorded code, String... enabled) throws Exception {
    try (var recording = new Recording()) {
      for (String name : enabled) {
        recording.enable(name);
      }
      recording.start();
      code.run();
      recording.stop();
      return events(recording);
    }
  }

  private List<RecordedEvent> events(Recording recording) throws IOException {
    var file = folder.resolve("recording.jfr");
    recording.dump(file);
    return RecordingFile.readAllEvents(file).stream()
        .filter(event -> event.getEventType().getName().startsWith("dev.tidings."))
        .toList();
  }

  private static List<RecordedEvent> named(String name, List<RecordedEvent> events) {
    return events.stream().filter(event -> event.getEventType().getName().equals("dev.tidings." + name)).toList();
  }

  private static EventSource open(EventSources sources, OutputStream body) {
    return sources.open(MockExchange.with(new Headers(), body), "me \"and\" you");
  }

  @Test
  void theLifeOfAStream() throws Exception {
    var events = record(() -> {
      try (var server = SseServer.create(0)) {
        var opened = new LinkedBlockingQueue<EventSource>();
        server.stream("/path", request -> "id\n" + "x".repeat(100), (request, sse) -> {
          opened.add(sse);
          sse.send("a");
          sse.send("b");
        });
        try (var client = Client.get(server.start().uri().resolve("/path"))) {
          assertEquals(List.of("a", "b"), client.data(2));
          assertNull(client.next());
        }
        opened.remove().life().awaitEnd();
      }
    });
    var lives = named("Stream", events);
    assertEquals(1, lives.size(), events::toString);
    var life = lives.getFirst();
    assertEquals("\"id\\n" + "x".repeat(77) + "\" (cut)", life.getString("identifier"));
    assertEquals("\"/path\"", life.getString("route"));
    assertEquals("CLOSED", life.getString("ending"));
    assertEquals(2, life.getLong("events"));
    assertEquals(18, life.getLong("bytes"));
    assertEquals(0, life.getLong("dropped"));
    assertTrue(life.getDuration().isPositive());
    assertTrue(life.getDuration("age").isPositive());
    assertNull(life.getStackTrace());
    assertEquals(List.of("Tidings"), life.getEventType().getCategoryNames());
    for (var field : life.getEventType().getFields()) {
      assertTrue(field.getLabel() != null, field::getName);
    }
  }

  /** A recording that began later has its end. */
  @Test
  void aStreamThatWasOpenBefore() throws Exception {
    try (var sources = EventSources.create()) {
      var stream = open(sources, OutputStream.nullOutputStream());
      var events = record(() -> {
        stream.complete();
        stream.life().awaitEnd();
      });
      var life = named("Stream", events).getFirst();
      assertEquals("COMPLETED", life.getString("ending"));
      assertEquals("\"me \\\"and\\\" you\"", life.getString("identifier"));
      assertNull(life.getString("route"));
      assertTrue(life.getDuration("age").isPositive());
      assertEquals(Duration.ZERO, life.getDuration());
    }
  }

  @Test
  void slowWritesAndTheLargestWait() throws Exception {
    var least = Duration.ofMillis(150);
    var events = record(() -> {
      try (var sources = EventSources.create(Settings.defaults().withOverflow(Overflow.dropOldest()).withQueueEvents(1))) {
        var body = new StuckBody();
        var stream = open(sources, body);
        body.fill(stream);
        stream.offer("drops one");
        TimeUnit.MILLISECONDS.sleep(least.toMillis()); // the time is what is measured
        body.read();
        stream.close();
      }
    });
    var write = named("SlowWrite", events).getFirst();
    assertTrue(write.getDuration().compareTo(least) >= 0, write::toString);
    assertEquals("\"me \\\"and\\\" you\"", write.getString("identifier"));
    assertEquals("data: is being written\n\n".length(), write.getLong("bytes"));
    var life = named("Stream", events).getFirst();
    assertTrue(life.getDuration("largestWait").compareTo(least) >= 0, life::toString);
    assertEquals(1, life.getLong("dropped"));
    assertEquals(3, life.getLong("events"));
  }

  @Test
  void publishingIfItIsEnabled() throws Exception {
    Recorded publishing = () -> {
      var channel = Channel.create("news", EventLog.inMemory());
      channel.publish("a");
      channel.publish(Event.of("b"), "key");
      channel.publishAll(List.of(Event.of("c"), Event.of("d")));
      channel.close();
    };
    assertEquals(List.of(), record(publishing));
    var events = record(publishing, "dev.tidings.Publish");
    assertEquals(List.of(1, 1, 2), events.stream().map(event -> event.getInt("events")).toList());
    assertEquals("\"news\"", events.getFirst().getString("channel"));
    assertTrue(events.getFirst().getDuration().compareTo(Duration.ZERO) >= 0);
  }

  @Test
  void gaps() throws Exception {
    var events = record(() -> {
      var gaps = new LogEntry.Gaps("gap", "news");
      gaps.entry("1", new EventLog.Reading(false, "5", List.of(), OptionalLong.of(4)));
      gaps.entry("1", new EventLog.Reading(false, "7", List.of(), OptionalLong.empty()));
    });
    assertEquals(List.of(4L, -1L), events.stream().map(event -> event.getLong("missed")).toList());
    assertEquals("\"5\"", events.getFirst().getString("from"));
    assertEquals("\"news\"", events.getFirst().getString("channel"));
  }

  @Test
  void withoutARecordingNothingIsCreated() {
    var recorder = Recorder.CURRENT;
    assertSame(JfrRecorder.class, recorder.getClass());
    assertFalse(recorder.recordsStreams());
    assertNull(recorder.open("/"));
    assertNull(recorder.late());
    assertNull(recorder.beginWrite());
    assertNull(recorder.beginPublish());
  }

  @Test
  void waitsAreThoseOfTheFramesWhateverIsDropped() {
    var waits = new Waits();
    var times = new ArrayList<Long>();
    var random = new Random(1);
    long largest = 0;
    for (long now = 0; now < 10_000; now++) {
      switch (times.isEmpty() ? 0 : random.nextInt(now % 1000 < 500 ? 3 : 5)) {
        case 0, 1 -> {
          waits.added(now);
          times.add(now);
        }
        case 2, 3 -> {
          waits.taken(now);
          largest = Math.max(largest, now - times.removeFirst());
        }
        default -> {
          int index = random.nextInt(times.size());
          waits.dropped(index);
          times.remove(index);
        }
      }
      assertEquals(largest, waits.largest());
    }
    waits.cleared();
    waits.added(20_000);
    waits.taken(20_001);
    assertEquals(largest, waits.largest());
  }

  private static final String PROGRAM =
      """
      import dev.tidings.*;

      class Program {
        public static void main(String[] args) throws Exception {
          System.out.println("jdk.jfr: " + ModuleLayer.boot().findModule("jdk.jfr").isPresent());
          try (var server = SseServer.create(0)) {
            var news = Channel.create();
            server.stream("/", (request, sse) -> {
              news.join(sse);
              sse.sendHeaders();
              news.publish("x");
              sse.flush();
            });
            server.start();
            try (var in = server.uri().toURL().openStream()) {
              System.out.println("read: " + new String(in.readAllBytes()).contains("data: x"));
            }
          }
        }
      }
      """;

  /** A runtime image with the library and without the recorder. */
  @Test
  @Timeout(120)
  void aRuntimeImageWithoutTheRecorderRunsServers() throws Exception {
    var image = folder.resolve("image");
    var jlink = new ProcessBuilder(
            OwnJvm.tool("jlink"), "--module-path", "target/classes", "--add-modules", "dev.tidings", "--output", image.toString())
        .redirectErrorStream(true)
        .start();
    var output = new String(jlink.getInputStream().readAllBytes());
    assertEquals(0, jlink.waitFor(), output);
    var java = image.resolve("bin").resolve("java").toString();
    var source = Files.writeString(folder.resolve("Program.java"), PROGRAM);
    OwnJvm.compile(source, folder);
    try (var jvm = OwnJvm.start(List.of(java, "--add-modules", "dev.tidings", "-cp", folder.toString(), "Program"))) {
      assertEquals("jdk.jfr: false\nread: true\n", jvm.toEnd());
    }
  }
}
