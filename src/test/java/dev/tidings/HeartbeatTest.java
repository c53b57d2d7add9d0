package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;

import dev.tidings.WhatwgParser.Message;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.logging.Level;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Pings, on a clock that the tests advance. */
class HeartbeatTest {
  private final ManualTicker ticker = new ManualTicker();
  private final CountDownLatch busy = new CountDownLatch(1);
  private Site site;
  private Client client;
  private EventSource stream;

  @BeforeEach
  void open() throws Exception {
    site = new Site(ticker.sources(Settings.defaults()), stream -> {
      Await.latch("the test", busy);
      return stream.keepAlive();
    });
    client = Client.get(site.uri());
    stream = site.opened();
  }

  @AfterEach
  void close() throws Exception {
    busy.countDown();
    client.close();
    site.close();
  }

  /** Advances the time in steps, and flushes after each. */
  private void advance(Duration step, int times) {
    for (int i = 0; i < times; i++) {
      ticker.advance(step);
      stream.flush();
    }
  }

  @Test
  void aSilentStreamIsPingedWithACommentInTwoWritesAlsoWhileItsHandlerIsBusy() throws Exception {
    advance(Duration.ofMillis(14_999), 1);
    assertEquals(0, stream.traffic().sent());
    advance(Duration.ofMillis(1), 1);
    assertEquals(1, stream.traffic().sent());
    client.awaitText(":\n\n");
    advance(Duration.ofMillis(500), 1);
    assertEquals(2, stream.traffic().sent());
    client.awaitText(":\n\n:\n\n");
  }

  /** Some clients split at blank lines and check how a block begins, others read line by line. */
  @Test
  void noPingCostsASimpleClientItsNextEvent() throws Exception {
    advance(Duration.ofSeconds(15), 1);
    advance(Duration.ofMillis(500), 1);
    stream.send("one");
    stream.withPing(ping -> ping.dataMessage("a text").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    advance(Duration.ofMillis(500), 1);
    stream.send("two");
    stream.close();
    String body = client.toEnd();
    var byBlocks = java.util.Arrays.stream(body.split("\n\n")).filter(block -> block.startsWith("data: ")).toList();
    assertEquals(java.util.List.of("data: one", "data: two"), byBlocks, body);
    assertEquals(byBlocks, body.lines().filter(line -> line.startsWith("data: ")).toList());
  }

  @Test
  void aStreamIsPingedAlsoWhileAListenerOfItsOpeningIsBusy() {
    var body = new java.io.ByteArrayOutputStream();
    try (var sources = ticker.sources(Settings.defaults())) {
      sources.onOpen(opened -> {
        ticker.advance(Duration.ofSeconds(15));
        opened.flush();
      });
      sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), body));
      assertEquals(":\n\n", body.toString(java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  @Test
  void anotherPingComesAsOftenAsTheHeartbeatUnlessItSaysHowOften() {
    var body = new java.io.ByteArrayOutputStream();
    try (var sources = ticker.sources(Settings.defaults().withHeartbeat(Duration.ofSeconds(4)))) {
      var other = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), body));
      other.withPing(ping -> ping.asEvent("ping").dataMessage("x").start());
      ticker.advance(Duration.ofSeconds(4));
      other.flush();
      assertEquals("event: ping\ndata: x\n\n", body.toString(java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  /** For clients that treat a block without data as a message. */
  @Test
  void pingsCanGoOutWithoutBlankLines() throws Exception {
    stream.withPing(ping -> ping.withoutBlankLines().interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    advance(Duration.ofMillis(500), 1);
    stream.withPing(ping -> ping.withoutBlankLines().dataMessage("a\nb").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofMillis(4500), 1); // 5 s after the first one
    stream.send("x");
    stream.close();
    assertEquals(":\n:\n: a\n: b\ndata: x\n\n", client.toEnd());
  }

  @Test
  void aPingThatIsAnEventKeepsItsBlankLine() throws Exception {
    stream.withPing(ping -> ping.withoutBlankLines().asEvent("ping").dataMessage("x").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    advance(Duration.ofMillis(500), 1);
    stream.send("y");
    stream.close();
    assertEquals("event: ping\ndata: x\n\n:\ndata: y\n\n", client.toEnd());
  }

  @Test
  void nothingButEventsHasABlankLineThen() {
    var body = new java.io.ByteArrayOutputStream();
    try (var sources = EventSources.create()) {
      var other = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), body));
      other.withPing(ping -> ping.withoutBlankLines().start());
      assertEquals(Ending.IDLE, other.waitForFail(Duration.ofMillis(1)));
      other.close(); // waits until all is written
      assertEquals(":\n", body.toString(java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  @Test
  void pingsComeEveryIntervalAndStartAnewWithEachMessage() throws Exception {
    advance(Duration.ofMillis(500), 61);
    assertEquals(4, stream.traffic().sent());
    stream.send("a message");
    advance(Duration.ofMillis(500), 29);
    assertEquals(5, stream.traffic().sent());
    advance(Duration.ofMillis(500), 1);
    assertEquals(6, stream.traffic().sent());
  }

  @Test
  void aMessageAfterThePingIsItsSecondWrite() throws Exception {
    advance(Duration.ofSeconds(15), 1);
    ticker.advance(Duration.ofMillis(100));
    stream.send("second write");
    advance(Duration.ofMillis(400), 3);
    assertEquals(2, stream.traffic().sent());
  }

  /** Otherwise a client that closes right after the previous message would be noticed an interval too late. */
  @Test
  void aMessageLateInTheIntervalGetsItsSecondWrite() throws Exception {
    stream.send("one");
    advance(Duration.ofSeconds(14), 1);
    stream.send("two");
    advance(Duration.ofMillis(1499), 1);
    assertEquals(2, stream.traffic().sent());
    advance(Duration.ofMillis(1), 1);
    assertEquals(3, stream.traffic().sent());
    client.awaitText("data: two\n\n:\n\n");
    advance(Duration.ofSeconds(12), 1);
    assertEquals(3, stream.traffic().sent());
  }

  @Test
  void frequentMessagesNeedNoSecondWrites() throws Exception {
    for (int i = 1; i <= 100; i++) {
      stream.send("n" + i);
      advance(Duration.ofSeconds(1), 1);
      assertEquals(i, stream.traffic().sent());
    }
  }

  @Test
  void withPingSetsIntervalAndText() throws Exception {
    stream.withPing(ping -> ping.dataMessage("ping-message").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    client.awaitText(": ping-message\n\n");
    assertEquals(0, client.parser().messages().size());
  }

  @Test
  void aPingCanBeAnEvent() throws Exception {
    stream.withPing(ping -> ping.dataMessage("a\nb").asEvent("ping").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    assertEquals(new Message("ping", "a\nb", ""), client.next());
  }

  @Test
  void pingTextForgesNothing() throws Exception {
    stream.withPing(ping -> ping.dataMessage("x\n\ndata: forged\r\rid: 1\n\n").interval(Duration.ofSeconds(5)).start());
    advance(Duration.ofSeconds(5), 1);
    stream.send("true");
    assertEquals(new Message("message", "true", ""), client.next());
  }

  @Test
  void aPolicyThatIsNotStartedChangesNothing() throws Exception {
    stream.withPing(ping -> ping.interval(Duration.ofSeconds(1)));
    advance(Duration.ofSeconds(14), 1);
    assertEquals(0, stream.traffic().sent());
  }

  @Test
  void shortIntervalsNeedNoSecondWrite() throws Exception {
    stream.withPing(ping -> ping.interval(Duration.ofMillis(200)).start());
    advance(Duration.ofMillis(200), 5);
    assertEquals(5, stream.traffic().sent());
    stream.withPing(ping -> ping.interval(Duration.ofSeconds(1)).start());
    advance(Duration.ofMillis(500), 4);
    assertEquals(7, stream.traffic().sent());
  }

  /** Events that wait for the head have not reached the client. */
  @Test
  void whatWaitsForTheHeadDoesNotPutOffTheFirstPing() throws Exception {
    ticker.advance(Duration.ofSeconds(10));
    assertEquals(1, site.sources.broadcast("x"));
    ticker.advance(Duration.ofSeconds(5));
    client.awaitText("data: x\n\n");
  }

  /** A lack of memory or of stack must not end all pings. */
  @Test
  void aTickThatCannotBeScheduledIsMadeUpForWithTheNextHeartbeat() {
    var fails = new AtomicBoolean();
    var failing = new Ticker() {
      @Override
      public long now() {
        return ticker.now();
      }

      @Override
      public Timer schedule(long nanos, Runnable run) {
        if (fails.getAndSet(false)) {
          throw new StackOverflowError("not really");
        }
        return ticker.schedule(nanos, run);
      }

      @Override
      public void close() {}
    };
    var heartbeats = new Heartbeats(failing, new Writers(failing, new Threads().virtual("tidings-writer")));
    var beats = new TreeSet<Integer>();
    try (var log = new LogRecords()) {
      for (int seconds : new int[] {10, 5, 20}) { // the second one is due before the first
        var beating = mock(Heartbeats.Beating.class);
        doAnswer(call -> beats.add(seconds)).when(beating).ping(any(), any());
        fails.set(seconds == 5);
        heartbeats.of(beating).start(Frame.COMMENT, Frame.COMMENT, Duration.ofSeconds(seconds));
      }
      assertEquals(1, log.messages(Level.SEVERE).size());
    }
    ticker.advance(Duration.ofMinutes(1));
    assertEquals(Set.of(5, 10, 20), beats);
  }

  @Test
  void badPoliciesAreRefused() {
    assertThrows(NullPointerException.class, () -> stream.withPing(ping -> ping.dataMessage(null)));
    assertThrows(IllegalArgumentException.class, () -> stream.withPing(ping -> ping.interval(Duration.ZERO)));
    assertThrows(IllegalArgumentException.class, () -> stream.withPing(ping -> ping.interval(Duration.ofSeconds(-1))));
    assertThrows(IllegalArgumentException.class, () -> stream.withPing(ping -> ping.asEvent("a\nb")));
    assertTrue(stream.isOpen());
  }

  @Test
  void anEndedStreamIsPingedNoMore() throws Exception {
    stream.close();
    long sent = stream.traffic().sent();
    ticker.advance(Duration.ofMinutes(5));
    assertEquals(sent, stream.traffic().sent());
  }

  @Test
  void anEndedStreamIsForgottenHoweverLongTheIntervalWas() throws Exception {
    stream.withPing(ping -> ping.interval(ChronoUnit.FOREVER.getDuration()).start());
    stream.close();
    ticker.advance(Duration.ofMinutes(2));
    assertEquals(0, site.sources.engine().heartbeats().size());
  }

  @Test
  void anIntervalForEverMeansNoPingAndNoSecondWrite() throws Exception {
    stream.withPing(ping -> ping.interval(ChronoUnit.FOREVER.getDuration()).start());
    for (int i = 1; i <= 5; i++) {
      stream.send("n" + i);
      advance(Duration.ofHours(1), 1);
      assertEquals(i, stream.traffic().sent());
    }
  }

  /** Otherwise each started policy would ping for as long as the stream is open. */
  @Test
  void policiesThatWereReplacedBeatNoMore() throws Exception {
    for (int i = 0; i < 1000; i++) {
      stream.withPing(ping -> ping.interval(Duration.ofSeconds(5)).start());
    }
    advance(Duration.ofSeconds(10), 1); // the outdated ones have had their turn
    int before = ticker.asked();
    advance(Duration.ofSeconds(10), 1);
    int asked = ticker.asked() - before;
    assertTrue(asked < 1000, () -> "number of calls for the time: " + asked);
  }
}
