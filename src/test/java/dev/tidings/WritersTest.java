package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The writers of a delivery, on a clock that the tests advance. */
class WritersTest {
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final ManualTicker ticker = new ManualTicker();
  private final Writers writers = new Writers(ticker, new Threads().virtual("tidings-writer"));

  /** Clients that get the same events and do not read hang at the same event. */
  @Test
  void manyWhoHangAtOnceCostTheLastOneLittle() throws Exception {
    var readAgain = new CountDownLatch(1);
    var written = new CountDownLatch(1);
    var outboxes = new ArrayList<Outbox>();
    for (int i = 0; i < 63; i++) {
      outboxes.add(outbox(() -> Await.latch("the test", readAgain)));
    }
    outboxes.add(outbox(written::countDown));
    deliver(writers, outboxes);
    int looks = 0;
    while (!written.await(10, TimeUnit.MILLISECONDS)) {
      ticker.advance(Duration.ofMillis(10));
      looks++;
    }
    readAgain.countDown();
    assertTrue(looks < 30, looks + " looks, each 10 ms after the one before");
  }

  /** For example, a lack of memory. */
  @Test
  void anErrorOfOneKeepsNoOtherFromItsEvent() throws Exception {
    var frame = Frame.of(Event.of("x"));
    var dying = new QuietSink() {
      @Override
      public void write(List<Frame> batch) {
        throw new StackOverflowError("not really");
      }

      @Override
      public void failed(Throwable cause) {
        throw new StackOverflowError("nor here");
      }
    };
    var written = new CountDownLatch(1);
    var refusing = outbox(() -> {});
    try (var log = new LogRecords()) {
      int took = writers.deliver(List.of(refusing, opened(dying), outbox(written::countDown)), (Outbox outbox, Outbox.Starter to) -> {
        if (outbox == refusing) {
          throw new StackOverflowError("nor there");
        }
        return outbox.offer(frame, to) == Answer.TAKEN;
      });
      assertEquals(2, took);
      Await.latch("the last one's write", written);
      assertEquals(2, log.messages(Level.SEVERE).size());
    }
  }

  @Test
  void whatWasOfferedIsWrittenAlsoIfTheNextOneCannotBeFound() throws Exception {
    var written = new CountDownLatch(1);
    var first = List.of(outbox(written::countDown)).iterator();
    Iterable<Outbox> broken = () -> new Iterator<>() {
      @Override
      public boolean hasNext() {
        return true;
      }

      @Override
      public Outbox next() {
        return first.next(); // fails the second time
      }
    };
    assertThrows(
        NoSuchElementException.class,
        () -> deliver(writers, broken));
    Await.latch("the write", written);
  }

  @Test
  void eachTimeOfNoThreadsIsLoggedOnce() {
    var fails = new AtomicBoolean();
    var threads = new Threads().virtual("tidings-writer");
    var failing = new Writers(ticker, task -> {
      if (fails.get()) {
        throw new OutOfMemoryError("no thread");
      }
      return threads.newThread(task);
    });
    try (var log = new LogRecords()) {
      for (int times = 1; times <= 2; times++) {
        fails.set(true);
        failing.start(outbox(() -> {}));
        failing.start(outbox(() -> {}));
        assertEquals(times, log.messages(Level.SEVERE).size());
        fails.set(false);
        failing.start(outbox(() -> {}));
      }
    }
  }

  /** The lookout ends when there is nothing to watch, whichever of the two threads is faster. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsWrittenIsLookedAfterNoMore(boolean atOnce) {
    var threads = new Threads().virtual("tidings-writer");
    var any = new Writers(ticker, task -> atOnce ? new Thread(task) {
      @Override
      public void start() {
        run();
      }
    } : threads.newThread(task));
    deliver(any, List.of(outbox(() -> {})));
    Await.until("nothing is watched", () -> {
      ticker.advance(Duration.ofMillis(10));
      return ticker.waiting() == 0;
    });
  }

  @Test
  void aBlockOfWhichAllHaveAThreadGetsNoMore() throws Exception {
    var readAgain = new CountDownLatch(1);
    var hangs = new CountDownLatch(1);
    var started = new AtomicInteger();
    var threads = new Threads().virtual("tidings-writer");
    var counting = new Writers(ticker, task -> {
      started.incrementAndGet();
      return threads.newThread(task);
    });
    var outbox = outbox(() -> {
      hangs.countDown();
      Await.latch("the test", readAgain);
    });
    deliver(counting, List.of(outbox));
    Await.latch("the write", hangs);
    try (var log = new LogRecords()) {
      ticker.advance(SECOND);
      assertEquals(List.of(), log.messages(Level.SEVERE));
    }
    assertEquals(1, started.get());
    readAgain.countDown();
  }

  private enum Way {
    BROADCAST,
    PING,
    CHANNEL
  }

  /** Starting a thread for each stream costs about half as much as the write. */
  @ParameterizedTest
  @EnumSource
  void whateverGoesToManyStreamsIsWrittenInBlocks(Way way) {
    var threads = ConcurrentHashMap.<Long>newKeySet();
    var written = new AtomicInteger();
    var body = new OutputStream() {
      @Override
      public void write(int b) {
        throw new AssertionError("blocks are not written byte by byte");
      }

      @Override
      public void write(byte[] bytes, int from, int length) {
        threads.add(Thread.currentThread().threadId());
        written.incrementAndGet();
      }
    };
    try (var sources = ticker.sources(Settings.defaults().withHeartbeat(SECOND)); var channel = Channel.create()) {
      var streams = new ArrayList<EventSource>();
      for (int i = 0; i < 640; i++) {
        streams.add(sources.open(MockExchange.with(new Headers(), body)));
      }
      for (EventSource stream : streams) {
        stream.send("hello");
        if (way == Way.CHANNEL) {
          channel.join(stream);
        }
      }
      streams.forEach(EventSource::flush);
      Await.until("it goes out in ten blocks", () -> {
        threads.clear();
        written.set(0);
        switch (way) {
          case BROADCAST -> sources.broadcast("x");
          case PING -> ticker.advance(SECOND); // so short that it needs no second write
          case CHANNEL -> channel.publish("x");
        }
        Await.until("all have it", () -> written.get() >= 640);
        return threads.size() == 10 || way == Way.CHANNEL && threads.size() < 20; // not all are live at first
      });
      sources.dropAll();
    }
  }

  private static void deliver(Writers writers, Iterable<Outbox> outboxes) {
    var frame = Frame.of(Event.of("x"));
    writers.deliver(outboxes, (Outbox outbox, Outbox.Starter to) -> outbox.offer(frame, to) == Answer.TAKEN);
  }

  /** Returns an outbox whose sink runs this for each write. */
  private static Outbox outbox(Await.Blocking write) {
    var sink = new QuietSink() {
      @Override
      public void write(List<Frame> batch) throws IOException {
        Await.asIo(write);
      }
    };
    return opened(sink);
  }

  private static Outbox opened(QuietSink sink) {
    var outbox = new Outbox(sink, sink, ready -> {}, Settings.defaults().values().queue());
    outbox.open();
    outbox.release();
    return outbox;
  }
}
