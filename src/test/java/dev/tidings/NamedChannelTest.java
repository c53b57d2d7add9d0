package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** A channel of a family that is dropped before, while and after it is opened. */
class NamedChannelTest {
  private final AtomicInteger calls = new AtomicInteger(); // of the application's function

  private NamedChannel named(Function<String, EventLog> logs) {
    return new NamedChannel("kitchen", logs, new Outages(0), new ChannelThreads());
  }

  private EventLog memory(String name) {
    calls.incrementAndGet();
    return EventLog.inMemory();
  }

  /** Runs what must not block on a thread of its own. */
  private static void assertReturns(Runnable call) throws InterruptedException {
    var thread = Thread.ofVirtual().start(call);
    try {
      Await.end(thread);
    } finally {
      thread.interrupt();
    }
  }

  @Test
  void aCloseBeforeTheChannelIsOpenedNeitherBlocksNorCallsTheFunction() throws Exception {
    var channel = named(this::memory);
    assertTrue(channel.enter());
    assertTrue(channel.drop());
    assertReturns(channel::close);
    assertEquals("the channels are closed", assertThrows(IllegalStateException.class, channel::channel).getMessage());
    assertFalse(channel.leave());
    assertFalse(channel.enter());
    assertEquals(0, calls.get());
    assertEquals(0, channel.count());
  }

  @Test
  void aFunctionThatUsesItsOwnChannelFails() throws Exception {
    var family = new AtomicReference<Channels>();
    try (var rooms = Channels.create(name -> {
      family.get().publish(name, Event.of("welcome"));
      return EventLog.inMemory();
    })) {
      family.set(rooms);
      var call = Thread.ofVirtual().start(() -> assertThrows(IllegalStateException.class, () -> rooms.position("hall")));
      Await.end(call);
      assertEquals(0, rooms.count());
    }
  }

  @Test
  void aCloseWhileTheFunctionRunsWaitsForIt() throws Exception {
    var inside = new CountDownLatch(1);
    var may = new CountDownLatch(1);
    var log = new CloseableLog();
    var channel = named(name -> {
      inside.countDown();
      Await.uninterrupted(may::await);
      return log;
    });
    assertTrue(channel.enter());
    var opens = Thread.ofVirtual().start(channel::channel);
    Await.latch("the function", inside);
    assertTrue(channel.drop());
    var closes = Await.waiting("the close", () -> {
      channel.close();
      return true;
    });
    assertEquals(0, log.closes.get());
    may.countDown();
    Await.next("the close", closes);
    Await.end(opens);
    assertEquals(1, log.closes.get());
  }

  private static final class CloseableLog extends ForwardingLog implements AutoCloseable {
    private final AtomicInteger closes = new AtomicInteger();

    CloseableLog() {
      super(EventLog.inMemory());
    }

    @Override
    public void close() {
      closes.incrementAndGet();
    }
  }

  /** Sweeps run in the bins of the map, where nothing may block. */
  @Test
  void aSweepNeverWaitsForAChannelThatIsNotOpened() throws Exception {
    var channel = named(this::memory);
    assertReturns(() -> assertFalse(channel.expire(true)));
    assertTrue(channel.enter());
    assertReturns(() -> assertFalse(channel.expire(true)));
    assertFalse(channel.leave());
    assertReturns(() -> assertFalse(channel.expire(true)));
    channel.channel();
    assertTrue(channel.expire(true));
    assertEquals(1, calls.get());
  }

  @Test
  void aChannelIsExpiredOnceAtTheSecondSweepOrAtOnceIfForced() {
    var channel = named(this::memory);
    channel.channel();
    assertFalse(channel.expire(false));
    assertTrue(channel.expire(false));
    assertFalse(channel.expire(false), "it is being dropped");
    assertFalse(channel.drop(), "it is being dropped");
    var other = named(this::memory);
    other.channel();
    assertTrue(other.expire(true));
    assertFalse(other.enter());
  }

  @Test
  void aUseBetweenTwoSweepsCountsLikeOneDuringASweep() {
    var channel = named(this::memory);
    channel.channel();
    assertFalse(channel.expire(false));
    assertTrue(channel.enter());
    channel.leave();
    assertFalse(channel.expire(false), "used since");
    assertTrue(channel.enter());
    assertFalse(channel.expire(true), "in use");
    channel.leave();
    assertFalse(channel.expire(false), "not idle at the last sweep");
    assertTrue(channel.expire(false));
  }

  @Test
  void aChannelThatCannotBeOpenedIsForgottenByItsLastCall() {
    var failure = new IllegalStateException("the disk is full");
    var channel = named(name -> {
      throw failure;
    });
    assertTrue(channel.enter());
    assertTrue(channel.enter());
    assertEquals(failure, assertThrows(IllegalStateException.class, channel::channel));
    assertEquals(failure, assertThrows(IllegalStateException.class, channel::channel));
    assertTrue(channel.isBroken());
    assertFalse(channel.expire(true));
    assertFalse(channel.leave());
    assertTrue(channel.leave());
  }
}
