package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.ClosedByInterruptException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Waits for the end of a stream, on a clock that the tests advance. */
class WaitingTest {
  private final ManualTicker ticker = new ManualTicker();
  private final LinkedBlockingQueue<Ending> endings = new LinkedBlockingQueue<>();
  private Site site;
  private Client client;
  private EventSource stream;

  @BeforeEach
  void open() throws Exception {
    site = new Site(ticker.sources(Settings.defaults()), EventSource::keepAlive);
    client = Client.get(site.uri("waiting"));
    stream = site.opened();
    client.head();
  }

  @AfterEach
  void close() throws Exception {
    client.close();
    site.close();
  }

  private Thread waiting(Duration idle) {
    var thread = Thread.ofVirtual().start(() -> endings.add(stream.waitForFail(idle)));
    Await.until("it waits", () -> thread.getState() == Thread.State.WAITING || !thread.isAlive());
    return thread;
  }

  private Ending ending() throws InterruptedException {
    return Await.next("a wait to return", endings);
  }

  @Test
  void idleCountsFromTheLastMessage() throws Exception {
    waiting(Duration.ofSeconds(15));
    ticker.advance(Duration.ofSeconds(10));
    stream.send("one");
    ticker.advance(Duration.ofMillis(14_999));
    assertTrue(stream.isOpen());
    ticker.advance(Duration.ofMillis(1));
    assertEquals(Ending.IDLE, ending());
    assertEquals("one", client.next().data());
    assertEquals(null, client.next());
    assertEquals(Map.of(Ending.IDLE, 1L), site.sources.stats().ended());
  }

  @Test
  void idleDoesNotCountFromTheCall() throws Exception {
    stream.send("one");
    ticker.advance(Duration.ofSeconds(12));
    waiting(Duration.ofSeconds(15));
    ticker.advance(Duration.ofSeconds(3));
    assertEquals(Ending.IDLE, ending());
  }

  @Test
  void aWaitThatComesTooLateEndsAtOnce() throws Exception {
    stream.send("one");
    ticker.advance(Duration.ofSeconds(20));
    assertEquals(Ending.IDLE, stream.waitForFail(Duration.ofSeconds(15)));
    assertEquals("one", client.next().data());
  }

  @Test
  void pingsDoNotCount() throws Exception {
    stream.withPing(ping -> ping.asEvent("ping").interval(Duration.ofSeconds(4)).start());
    waiting(Duration.ofSeconds(10));
    ticker.advance(Duration.ofSeconds(9));
    assertEquals("ping", client.next().type());
    ticker.advance(Duration.ofSeconds(1));
    assertEquals(Ending.IDLE, ending());
  }

  @Test
  void anOfferAndABroadcastCount() throws Exception {
    waiting(Duration.ofSeconds(10));
    ticker.advance(Duration.ofSeconds(9));
    assertTrue(stream.offer("one"));
    ticker.advance(Duration.ofSeconds(9));
    assertEquals(1, site.sources.broadcast("two"));
    ticker.advance(Duration.ofSeconds(9));
    assertTrue(stream.isOpen());
    ticker.advance(Duration.ofSeconds(1));
    assertEquals(Ending.IDLE, ending());
  }

  @Test
  void zeroEndsAtOnceAndNegativeIsAnError() {
    var e = assertThrows(IllegalArgumentException.class, () -> stream.waitForFail(Duration.ofNanos(-1)));
    assertTrue(e.getMessage().contains("PT-0.000000001S"), e.getMessage());
    assertTrue(stream.isOpen());
    stream.send("one");
    assertEquals(Ending.IDLE, stream.waitForFail(Duration.ZERO));
  }

  @Test
  void absurdlyLongIsForEver() throws Exception {
    waiting(Duration.ofSeconds(Long.MAX_VALUE, 999_999_999));
    ticker.advance(Duration.ofHours(5));
    assertTrue(stream.isOpen());
    stream.close();
    assertEquals(Ending.CLOSED, ending());
  }

  @Test
  void theShortestOfSeveralWaitsEndsThemAll() throws Exception {
    waiting(Duration.ofSeconds(30));
    waiting(Duration.ofSeconds(10));
    waiting(Duration.ofSeconds(20));
    ticker.advance(Duration.ofSeconds(10));
    assertEquals(Ending.IDLE, ending());
    assertEquals(Ending.IDLE, ending());
    assertEquals(Ending.IDLE, ending());
    assertEquals(Ending.IDLE, site.ending());
  }

  @Test
  void afterTheEndWaitsReturnTheFirstEnding() throws Exception {
    stream.close();
    assertEquals(Ending.CLOSED, stream.waitForFail(Duration.ofSeconds(1)));
    assertEquals(Ending.CLOSED, stream.waitForFail(Duration.ZERO));
    assertEquals(Ending.CLOSED, stream.keepAlive());
    assertEquals(Ending.CLOSED, stream.ending().orElseThrow());
    Thread.currentThread().interrupt();
    assertEquals(Ending.CLOSED, stream.keepAlive());
    assertTrue(Thread.interrupted());
  }

  @Test
  void anInterruptEndsTheStreamAndTheStatusStays() throws Exception {
    var interrupted = new LinkedBlockingQueue<Boolean>();
    var thread = Thread.ofVirtual().start(() -> {
      endings.add(stream.waitForFail(Duration.ofSeconds(15)));
      stream.close();
      interrupted.add(Thread.currentThread().isInterrupted());
    });
    Await.until("it waits", () -> thread.getState() == Thread.State.WAITING);
    stream.send("accepted before");
    thread.interrupt();
    assertEquals(Ending.INTERRUPTED, ending());
    assertTrue(Await.next("the status", interrupted));
    assertEquals("accepted before", client.next().data());
    assertThrows(IOException.class, client::next, "a waiting handler that is interrupted has not finished");
  }

  @Test
  void aThreadThatWasInterruptedBeforeItsWaitEndsTheStreamWithoutHarmToWhatIsSent() throws Exception {
    try (var other = new Site(ticker.sources(Settings.defaults()), opened -> {
          Thread.currentThread().interrupt();
          return opened.keepAlive();
        });
        var reader = Client.get(other.uri())) {
      assertEquals(Ending.INTERRUPTED, other.ending());
      assertEquals(":\n\n", reader.toEndOrCut());
    }
  }

  /** The waiting thread writes the first bytes itself, and an interrupt during that closes the connection. */
  @Test
  void anInterruptOfTheFirstWriteIsNoClientThatWent() throws Exception {
    var writing = new CountDownLatch(1);
    var body = new OutputStream() {
      @Override
      public void write(int b) throws IOException {
        writing.countDown();
        try {
          Await.latch("the interrupt", new CountDownLatch(1));
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt(); // as a channel does
          throw new ClosedByInterruptException();
        }
      }
    };
    var other = site.sources.open(MockExchange.with(new Headers(), body));
    var thread = Thread.ofVirtual().start(() -> endings.add(other.keepAlive()));
    Await.latch("the first write", writing);
    thread.interrupt();
    assertEquals(Ending.INTERRUPTED, ending());
  }

  @Test
  void theStreamHasLeftTheRegistryWhenTheWaitReturns() throws Exception {
    var found = new LinkedBlockingQueue<Boolean>();
    Thread.ofVirtual().start(() -> {
      stream.keepAlive();
      found.add(site.sources.getByIdentifier("waiting").isPresent() || site.sources.count() > 0);
    });
    stream.life().end(Ending.EXPIRED);
    assertFalse(Await.next("the wait", found));
  }

  @Test
  void aStreamOnWhichASendIsBlockedIsNotIdle() throws Exception {
    var body = new StuckBody();
    try (var sources = ticker.sources(Settings.defaults().withQueueEvents(1))) {
      var full = sources.open(MockExchange.with(new Headers(), body));
      body.fill(full);
      var sent = new LinkedBlockingQueue<Boolean>();
      var sender = Thread.ofVirtual().start(() -> sent.add(full.send("y")));
      Await.until("it blocks", () -> sender.getState() == Thread.State.WAITING);
      var waiter = Thread.ofVirtual().start(() -> endings.add(full.waitForFail(Duration.ofSeconds(10))));
      Await.until("it waits", () -> waiter.getState() == Thread.State.WAITING);
      ticker.advance(Duration.ofSeconds(25));
      assertTrue(full.isOpen());
      body.read();
      assertTrue(Await.next("the send", sent));
      ticker.advance(Duration.ofSeconds(10));
      assertEquals(Ending.IDLE, ending());
    }
  }

  @Test
  void whatAChannelSendsCounts() throws Exception {
    try (var channel = Channel.create()) {
      channel.join(stream);
      waiting(Duration.ofSeconds(10));
      ticker.advance(Duration.ofSeconds(9));
      channel.publish("one");
      channel.publish("two");
      assertEquals(List.of("one", "two"), client.data(2)); // so the first one has been counted
      ticker.advance(Duration.ofSeconds(9));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ofSeconds(10)); // the second one may be counted only now
      assertEquals(Ending.IDLE, ending());
    }
  }

  /** A timer would hold the stream for as long as it may be idle. */
  @Test
  void aWaitThatIsOverLeavesNoTimer() throws Exception {
    int before = ticker.waiting();
    waiting(Duration.ofHours(1));
    stream.close();
    assertEquals(Ending.CLOSED, ending());
    assertEquals(before, ticker.waiting());
  }

  @Test
  void zeroIsOverAtOnceAlsoWhileASendIsBlocked() {
    var watched = mock(IdleTimeout.Watched.class);
    when(watched.lastMessage()).thenReturn(ticker.now());
    when(watched.isAwaited()).thenReturn(true);
    new IdleTimeout(watched, ticker, 0).check();
    verify(watched).idle();
  }

  @Test
  void aLookThatComesAfterTheWaitLeavesNoTimer() {
    int before = ticker.waiting();
    var watched = mock(IdleTimeout.Watched.class);
    when(watched.lastMessage()).thenReturn(ticker.now());
    var idle = new IdleTimeout(watched, ticker, 1000);
    idle.check();
    assertEquals(before + 1, ticker.waiting());
    idle.stop();
    idle.check(); // a check that was under way
    assertEquals(before, ticker.waiting());
  }
}
