package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The stop of a server when its JVM exits: real processes and signals. */
@Timeout(60)
class ExitHookTest {
  private static final Duration BUSY = Duration.ofSeconds(4); // the processors may be occupied

  private static final String PROGRAM =
      """
      import dev.tidings.*;
      import java.time.Duration;
      import java.util.concurrent.locks.LockSupport;
      import java.util.logging.*;

      class Program {
        public static void main(String[] args) throws Exception {
          var settings = Settings.defaults()
              .withReconnect(Duration.ofMillis(1234), Duration.ofMillis(1234))
              .withFarewell(Event.of("bye", "bye"))
              .withRecheckDeadline(Duration.ofSeconds(3))
              .withRecheck(sse -> {
                if (sse.identifier().isPresent()) {
                  LockSupport.parkNanos(30_000_000_000L);
                }
                return true;
              });
          AutoCloseable log = () -> System.out.println("log closed");
          var logger = Logger.getLogger("dev.tidings");
          logger.addHandler(new Handler() {
            @Override
            public void publish(LogRecord record) {
              if (record.getMessage().contains("recheck")) {
                System.exit(9);
              }
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
          });
          if (args[0].equals("unstarted")) {
            SseServer.create(0).stopOnExit(Duration.ofSeconds(20));
            System.out.println("end of main");
            return;
          }
          try (log; var other = SseServer.create(0); var server = SseServer.builder().settings(settings.withHeartbeat(Duration.ofMillis(args[0].equals("ticker") ? 200 : 15000))).build()) {
            server.stream("/wait", (request, sse) -> sse.keepAlive());
            server.stream("/checked", request -> "checked", (request, sse) -> sse.keepAlive());
            server.stream("/job", sse -> {
              for (int i = 0; !sse.isStopping(); i++) {
                sse.send("" + i);
                Thread.sleep(10);
              }
              Thread.sleep(300);
              sse.send("finished");
            });
            server.stream("/stubborn", sse -> {
              sse.send("begun");
              while (true) {
                LockSupport.park();
                Thread.interrupted();
              }
            });
            server.get("/exit", request -> System.exit(7));
            server.stream("/exit-in-stream", sse -> {
              sse.send("last words");
              System.exit(7);
            });
            server.get("/stop-and-exit", request -> {
              request.respond(202);
              server.stop(Duration.ofSeconds(20));
              System.exit(7);
            });
            server.get("/stop", request -> {
              request.respond(202);
              server.stop(Duration.ZERO);
            });
            server.eventSources().onEnd((sse, why) -> {
              if (args[0].equals("listener")) {
                System.exit(8);
              }
            });
            other.stream("/wait", sse -> sse.keepAlive());
            other.stopOnExit(Duration.ofSeconds(20)).start();
            server.stopOnExit(Duration.ofSeconds(40)).stopOnExit(Duration.parse(args[1]));
            System.out.println(server.start().uri());
            System.out.println(other.uri());
            server.join();
            System.out.println("joined");
            if (args[0].equals("lingers")) {
              Thread.sleep(Duration.ofDays(1));
            }
          }
        }
      }
      """;

  private static OwnJvm program(String mode, Duration grace) throws IOException {
    return OwnJvm.startWithSignals(PROGRAM, mode, grace.toString());
  }

  private static void signal(OwnJvm jvm, String name) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("kill", "-" + name, "" + jvm.process().pid()).inheritIO().start().waitFor());
  }

  /** Waits for the exit, and returns the status and the output without addresses. */
  private static String exit(OwnJvm jvm) throws InterruptedException {
    assertTrue(jvm.process().waitFor(40, TimeUnit.SECONDS), "the JVM does not exit");
    var all = new StringBuilder(jvm.process().exitValue() + "\n");
    for (String line; !(line = jvm.lines().next()).equals(Lines.END); ) {
      all.append(line.startsWith("http:") ? "" : line + "\n");
    }
    return all.toString();
  }

  private static void assertQuick(long start, Duration grace) {
    var took = Duration.ofNanos(System.nanoTime() - start);
    assertTrue(took.compareTo(grace.plusSeconds(1).plus(BUSY)) < 0, took::toString);
  }

  /** Both servers stop, accepted events arrive, and the main thread closes its log. */
  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  void aSignalStopsTheServersAndTheMainThreadFinishes(String signal, int status) throws Exception {
    try (var jvm = program("main", Duration.ofSeconds(1))) {
      var uri = jvm.uri();
      try (var waiting = Client.get(uri.resolve("/wait"));
          var others = Client.get(jvm.uri().resolve("/wait"));
          var job = Client.get(uri.resolve("/job"))) {
        waiting.awaitText(":\n\n");
        others.awaitText(":\n\n");
        assertEquals("0", job.next().data());
        signal(jvm, signal);
        assertTrue(waiting.toEnd().endsWith("event: bye\ndata: bye\n\nretry: 1234\n\n"));
        assertTrue(others.toEnd().contains("retry: "));
        var text = job.toEnd();
        assertTrue(text.contains("event: bye\ndata: bye\n\nretry: 1234\n\n"), text);
        assertTrue(text.endsWith("data: finished\n\n"), text);
        var numbers = Pattern.compile("data: (\\d+)").matcher(text).results().map(number -> number.group(1)).toList();
        assertEquals(IntStream.range(0, numbers.size()).mapToObj(Integer::toString).toList(), numbers);
      }
      assertEquals(status + "\njoined\nlog closed\n", exit(jvm));
    }
  }

  @Test
  void aHandlerThatIgnoresItsInterruptDoesNotDelayTheExit() throws Exception {
    var grace = Duration.ofMillis(500);
    try (var jvm = program("main", grace)) {
      var uri = jvm.uri();
      try (var stubborn = Client.get(uri.resolve("/stubborn")); var waiting = Client.get(uri.resolve("/wait"))) {
        assertEquals("begun", stubborn.next().data());
        waiting.awaitText(":\n\n");
        long start = System.nanoTime();
        signal(jvm, "TERM");
        waiting.awaitText("event: bye\ndata: bye\n\nretry: 1234\n\n");
        assertTrue(exit(jvm).startsWith("143\n"));
        assertQuick(start, grace);
      }
    }
  }

  /** The stop does not wait for the handler, although the grace period is long. */
  @ParameterizedTest
  @ValueSource(strings = {"/exit", "/exit-in-stream", "/stop-and-exit"})
  void aHandlerCanEndTheJvmAndIsNotWaitedFor(String path) throws Exception {
    try (var jvm = program("main", Duration.ofSeconds(30))) {
      var uri = jvm.uri();
      try (var job = Client.get(uri.resolve("/job"))) {
        assertEquals("0", job.next().data());
        long start = System.nanoTime();
        try (var client = Client.get(uri.resolve(path))) {
          assertTrue(job.toEnd().endsWith("data: finished\n\n"));
          if (path.equals("/exit-in-stream")) {
            assertTrue(client.toEnd().contains("data: last words\n\n"));
          }
          assertEquals("7\njoined\nlog closed\n", exit(jvm));
          assertQuick(start, Duration.ZERO);
        }
      }
    }
  }

  @Test
  void aListenerCanEndTheJvm() throws Exception {
    try (var jvm = program("listener", Duration.ofSeconds(30))) {
      var uri = jvm.uri();
      var job = Client.get(uri.resolve("/job"));
      assertEquals("0", job.next().data());
      long start = System.nanoTime();
      job.close();
      assertEquals("8\njoined\nlog closed\n", exit(jvm));
      assertQuick(start, Duration.ZERO);
    }
  }

  /** Its timers end the grace period of an ordinary stop. */
  @Test
  void evenTheThreadOfTheTimersCanEndTheJvm() throws Exception {
    var grace = Duration.ofMillis(500);
    try (var jvm = program("ticker", grace)) {
      var uri = jvm.uri();
      try (var waiting = Client.get(uri.resolve("/wait"))) {
        waiting.awaitText(":\n\n");
        long start = System.nanoTime();
        try (var _ = Client.get(uri.resolve("/checked"))) {
          waiting.awaitText("event: bye\ndata: bye\n\nretry: 1234\n\n");
          assertTrue(exit(jvm).startsWith("9\n"));
          assertQuick(start, grace.plusMillis(3300)); // with the heartbeat and the deadline of the recheck
        }
      }
    }
  }

  @Test
  void aServerThatWasNeverStartedDelaysNoExit() throws Exception {
    long start = System.nanoTime();
    try (var jvm = program("unstarted", Duration.ZERO)) {
      assertEquals("0\nend of main\n", exit(jvm));
      assertQuick(start, Duration.ofSeconds(2)); // with the start of the JVM
    }
  }

  @Test
  void aServerThatHasStoppedNeedsNoHook() throws Exception {
    try (var jvm = program("main", Duration.ofSeconds(30))) {
      assertEquals(202, Client.get(jvm.uri().resolve("/stop")).status());
      assertEquals("0\njoined\nlog closed\n", exit(jvm));
    }
  }

  @Test
  void aThreadThatGoesOnAfterItsJoinIsWaitedForBriefly() throws Exception {
    try (var jvm = program("lingers", Duration.ofSeconds(30))) {
      jvm.uri();
      long start = System.nanoTime();
      signal(jvm, "TERM");
      assertTrue(exit(jvm).startsWith("143\n"));
      assertQuick(start, Duration.ofSeconds(1));
    }
  }

  // Without a JVM of its own.

  /** A server whose stop never ends. */
  private static final class Endless implements ExitHook.Server {
    final List<Duration> begun = new ArrayList<>();
    final List<Duration> waited = new ArrayList<>();

    @Override
    public void beginStop(Duration grace) {
      begun.add(grace);
    }

    @Override
    public boolean awaitStop(long nanos) {
      waited.add(Duration.ofNanos(nanos));
      return false;
    }

    @Override
    public void exiting() {}
  }

  @Test
  void theWaitForTheStopIsBounded() throws Exception {
    var server = new Endless();
    var hook = new ExitHook(server);
    hook.set(Duration.ofDays(1));
    hook.set(Duration.ofHours(1));
    hook.exit();
    assertEquals(List.of(Duration.ofHours(1), Duration.ZERO), server.begun);
    assertEquals(2, server.waited.size());
    assertEquals(Duration.ofHours(1), server.waited.getFirst());
    var rest = server.waited.getLast().minusHours(1); // no time has passed
    assertTrue(rest.isPositive() && rest.toMillis() < 1000, rest::toString);
    hook.withdraw();
  }

  @Test
  void theServerIsReturnedAndANegativeGraceIsRefused() throws Exception {
    try (var server = SseServer.create(0)) {
      assertSame(server, server.stopOnExit(Duration.ZERO));
      assertThrows(IllegalArgumentException.class, () -> server.stopOnExit(Duration.ofNanos(-1)));
    }
  }

  /** The JVM would keep a server whose hook is registered. */
  @Test
  void aServerThatHasStoppedIsForgotten() throws Exception {
    var stopped = stopped();
    Await.until("the server is forgotten", () -> {
      System.gc();
      return stopped.refersTo(null);
    });
  }

  private static WeakReference<SseServer> stopped() throws Exception {
    var server = SseServer.create(0).stopOnExit(Duration.ofSeconds(1));
    server.close();
    server.join();
    server.stopOnExit(Duration.ofSeconds(1));
    return new WeakReference<>(server);
  }
}
