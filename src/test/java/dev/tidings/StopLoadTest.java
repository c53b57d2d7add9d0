package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.WhatwgParser.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A stop while many streams are open and events flow: delivered events, farewells, and leftovers. */
@Timeout(120)
class StopLoadTest {
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final int STALLED = 4; // these do not read
  private static final int LEAVE = 10; // one in this many handlers returns by itself when a stop begins

  private final AtomicInteger handlers = new AtomicInteger();
  private final AtomicInteger early = new AtomicInteger(); // handlers that returned in the first half of the grace
  private volatile long stopped = System.nanoTime();
  private AtomicIntegerArray accepted; // by the number in a stream's identifier

  @Test
  void everythingAcceptedArrivesAndNothingIsLeft() throws Exception {
    stopUnderLoad(Scheme.HTTP, Math.min(500, (fileLimit() - 500) / 3));
  }

  @Test
  void onTlsToo() throws Exception {
    stopUnderLoad(Scheme.HTTPS, 100);
  }

  private static int fileLimit() throws IOException {
    Path limits = Path.of("/proc/self/limits");
    if (!Files.exists(limits)) {
      return 2000;
    }
    var line = Pattern.compile("Max open files +(\\d+)").matcher(Files.readString(limits));
    return line.find() ? (int) Math.min(100_000, Long.parseLong(line.group(1))) : 100_000;
  }

  private static long sockets() {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(StopLoadTest::isSocket).count();
    } catch (IOException e) {
      return 0; // on other systems
    }
  }

  private static boolean isSocket(Path file) {
    try {
      return Files.readSymbolicLink(file).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // closed meanwhile
    }
  }

  private void stopUnderLoad(Scheme scheme, int count) throws Exception {
    var threadsBefore = StopTest.threads();
    try (var server = scheme.builder().build(); var _ = Client.get(server.start().uri())) {
      server.eventSources(); // the JVM keeps one socket of its own from the first use on
    }
    Await.until("no thread is left", () -> StopTest.threads().equals(threadsBefore));
    long socketsBefore = sockets();
    accepted = new AtomicIntegerArray(count);
    var settings = Settings.defaults()
        .withOverflow(Overflow.dropNewest()).withFarewell(Event.of("bye", "x")).withRecheck(stream -> true)
        .withMaxStreams(count).withReconnect(Duration.ofSeconds(1), Duration.ofSeconds(5));
    var stalled = new ArrayList<Client>();
    var publishers = new ArrayList<Thread>();
    // If anything fails, the server is closed first; otherwise its clients would never end.
    try (var clients = Executors.newVirtualThreadPerTaskExecutor();
        var server = scheme.builder().settings(settings).build(new Random(7))) {
      server.get("/", this::handle).start();
      var sources = server.eventSources();
      var connecting = new Semaphore(50);
      var opened = new CountDownLatch(count - STALLED);
      var views = new ArrayList<Future<View>>();
      for (int i = STALLED; i < count; i++) {
        views.add(clients.submit(reader(server, i, connecting, opened)));
      }
      for (int i = 0; i < STALLED; i++) {
        stalled.add(Client.get(server.uri().resolve("/?id=" + i), 4096));
      }
      Await.latch("all to open", opened);
      Await.until("the stalled are there too", () -> sources.count() == count);
      stall(sources);
      for (int i = 0; i < 2; i++) {
        int share = i;
        publishers.add(Thread.ofPlatform().start(() -> publish(sources, stream -> number(stream) % 2 == share)));
      }
      Await.until("events flow", () -> accepted.get(count - 1) > 3 && accepted.get(count - 2) > 3);

      stopped = System.nanoTime();
      server.stop(GRACE);
      var took = Duration.ofNanos(System.nanoTime() - stopped);
      System.out.println(scheme + ": " + count + " streams stopped after " + took);
      assertTrue(took.compareTo(GRACE) >= 0, took::toString);
      assertTrue(took.compareTo(GRACE.plusSeconds(3)) < 0, took::toString); // 1 is promised; more on a busy machine
      assertEquals(0, handlers.get());

      var retries = new ArrayList<Long>();
      for (int i = STALLED; i < count; i++) {
        var view = views.get(i - STALLED).get();
        assertEquals(accepted.get(i), view.events(), "events of " + i);
        assertEquals(1, view.farewells());
        retries.add(view.retry());
      }
      JitterTest.assertEven(1000, 5000, 20, retries.stream().mapToLong(Long::longValue));
      assertEquals(0, sources.count());
      assertEquals(List.of(), sources.streams());
      long left = sources.stats().ended().getOrDefault(Ending.CLOSED, 0L); // on a busy machine fewer than should
      assertTrue(left > 0 && left >= early.get(), () -> early + " left early; endings: " + sources.stats().ended());
      assertEquals(count, sources.stats().ended().values().stream().mapToLong(Long::longValue).sum());
    } finally {
      for (var client : stalled) {
        client.close();
      }
    }
    for (var publisher : publishers) {
      Await.end(publisher);
    }
    Await.until("no thread is left", () -> StopTest.threads().equals(threadsBefore));
    Await.until("no more than " + socketsBefore + " sockets are left", () -> sockets() <= socketsBefore);
  }

  private void handle(SseRequest request) throws IOException {
    handlers.incrementAndGet();
    try (var stream = request.getEventSource(request.query("id").orElseThrow())) {
      stream.send("opened", "");
      if (number(stream) % LEAVE == 0 && number(stream) >= STALLED) {
        Await.until("a stop", stream::isStopping);
        LockSupport.parkNanos(Duration.ofMillis(number(stream) % 300).toNanos());
        if (System.nanoTime() - stopped < GRACE.toNanos() / 2) {
          early.incrementAndGet();
        }
      } else {
        stream.keepAlive();
      }
    } finally {
      handlers.decrementAndGet();
    }
  }

  private static int number(EventSource stream) {
    return Integer.parseInt(stream.identifier().orElseThrow());
  }

  /** Fills the buffers between the server and the clients that do not read. */
  private static void stall(EventSources sources) {
    var large = Event.of("x".repeat(60_000));
    var stalled = sources.streams().stream().filter(stream -> number(stream) < STALLED).toList();
    Await.until("they are stalled", () -> {
      stalled.forEach(stream -> stream.offer(large));
      return stalled.stream().allMatch(stream -> stream.traffic().dropped() > 100);
    });
  }

  /** Sends each stream its own count, as long as streams are open. */
  private void publish(EventSources sources, Predicate<EventSource> mine) {
    for (List<EventSource> streams; !(streams = sources.all()).isEmpty(); ) {
      for (var stream : streams) {
        int number = number(stream);
        if (number >= STALLED && mine.test(stream) && stream.offer(Integer.toString(accepted.get(number)))) {
          accepted.incrementAndGet(number);
        }
      }
      LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
    }
  }

  /** The counts of a client up to the clean end. */
  private record View(int events, int farewells, long retry) {}

  private static Callable<View> reader(SseServer server, int number, Semaphore connecting, CountDownLatch opened) {
    return () -> {
      connecting.acquire();
      try (var client = Client.get(server.uri().resolve("/?id=" + number))) {
        client.socket().setSoTimeout(60_000);
        assertEquals("opened", client.next().type());
        connecting.release();
        opened.countDown();
        int events = 0;
        int farewells = 0;
        for (Message message; (message = client.next()) != null; ) {
          if (message.type().equals("bye")) {
            farewells++;
          } else {
            assertEquals(Integer.toString(events++), message.data());
          }
        }
        return new View(events, farewells, client.parser().reconnectionTime());
      }
    };
  }
}
