package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The time of day at which a stream ends, on a clock that the tests advance and set. */
class ExpireAtTest {
  private static final Duration HOUR = Duration.ofHours(1);
  private static final Duration HEARTBEAT = Duration.ofSeconds(15);
  private static final Settings SETTINGS =
      Settings.defaults().withReconnect(Duration.ofMillis(1234), Duration.ofMillis(1234));

  private final ManualTicker ticker = new ManualTicker();

  private static EventSource open(EventSources sources, OutputStream body) {
    return sources.open(MockExchange.with(new Headers(), body));
  }

  private static EventSource open(EventSources sources) {
    return open(sources, OutputStream.nullOutputStream());
  }

  private Site site(EventSources sources) throws Exception {
    return new Site(sources, EventSource::keepAlive);
  }

  @Test
  void aStreamEndsAtItsTimeWithARetry() throws Exception {
    try (var site = site(ticker.sources(SETTINGS)); var client = Client.get(site.uri())) {
      var stream = site.opened().expireAt(ticker.time().plus(HOUR));
      assertTrue(stream.send("before"));
      assertEquals("before", client.next().data());
      ticker.advance(HOUR.minusNanos(1));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ofNanos(1));
      assertEquals(Ending.EXPIRED, site.ending());
      assertFalse(stream.send("after"));
      assertFalse(stream.offer("after"));
      assertTrue(client.toEnd().endsWith("retry: 1234\n\n"));
      assertEquals(Map.of(Ending.EXPIRED, 1L), site.sources.stats().ended());
    }
  }

  /** A suspended machine: the time of day goes on, the time of the timers does not. */
  @Test
  void aJumpForwardIsNoticedWithinAHeartbeat() {
    try (var sources = ticker.sources(SETTINGS)) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR));
      ticker.advance(Duration.ofMinutes(20));
      ticker.set(Duration.ofMinutes(50));
      assertTrue(stream.isOpen());
      ticker.advance(HEARTBEAT);
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
    }
  }

  @Test
  void afterAJumpForwardNothingIsAccepted() {
    try (var sources = ticker.sources(SETTINGS)) {
      List<Consumer<EventSource>> sends = List.of(
          stream -> assertFalse(stream.send("x")),
          stream -> assertFalse(stream.offer("x")),
          stream -> assertEquals(0, sources.broadcast("x")),
          EventSource::close,
          EventSource::complete);
      for (var send : sends) {
        var body = new ByteArrayOutputStream();
        var stream = open(sources, body).expireAt(ticker.time().plus(HOUR));
        ticker.set(HOUR);
        send.accept(stream);
        assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
        stream.life().awaitEnd();
        assertEquals("retry: 1234\n\n", body.toString().substring(body.toString().indexOf("retry")));
        assertFalse(body.toString().contains("data:"), body::toString);
      }
    }
  }

  @Test
  void aClockThatIsSetBackProlongsTheStream() {
    try (var sources = ticker.sources(SETTINGS)) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR));
      ticker.set(HOUR.negated());
      ticker.advance(HOUR.multipliedBy(2).minusNanos(1));
      assertTrue(stream.isOpen());
      assertTrue(stream.offer("x"));
      ticker.advance(Duration.ofNanos(1));
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {10, 3000, 10_000})
  void aSecondCallReplacesTheFirst(long seconds) {
    try (var sources = ticker.sources(SETTINGS)) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR));
      ticker.advance(Duration.ofSeconds(100));
      var time = Duration.ofSeconds(seconds);
      stream.expireAt(ticker.time().plus(time));
      ticker.advance(time.minusNanos(1));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ofNanos(1));
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
    }
  }

  @Test
  void theEndOfTimeMeansNever() {
    try (var sources = ticker.sources(SETTINGS)) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR)).expireAt(Instant.MAX);
      ticker.advance(Duration.ofDays(2));
      assertTrue(stream.isOpen());
      stream.expireAt(Instant.MAX.minusNanos(1));
      ticker.advance(Duration.ofDays(2));
      assertTrue(stream.isOpen());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, Long.MAX_VALUE})
  void aTimeInThePastEndsTheStreamAtOnceEvenBeforeTheHeadIsSent(long nanos) {
    try (var sources = ticker.sources(SETTINGS)) {
      var body = new ByteArrayOutputStream();
      var stream = open(sources, body);
      stream.expireAt(nanos == Long.MAX_VALUE ? Instant.MIN : ticker.time().minusNanos(nanos));
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
      stream.life().awaitEnd();
      assertEquals("retry: 1234\n\n", body.toString());
      assertEquals(0, sources.count());
    }
  }

  @Test
  void eventsThatWaitForTheHeadAreDiscarded() {
    try (var sources = ticker.sources(SETTINGS)) {
      var body = new ByteArrayOutputStream();
      var stream = open(sources, body);
      assertEquals(1, sources.broadcast("waits for the head"));
      stream.expireAt(ticker.time());
      stream.life().awaitEnd();
      assertEquals("retry: 1234\n\n", body.toString());
    }
  }

  @Test
  void theEarlierOfLifetimeAndTimeWins() {
    var minutes = SETTINGS.withMaxLifetime(Duration.ofMinutes(10));
    try (var sources = ticker.sources(minutes)) {
      var one = open(sources).expireAt(ticker.time().plus(HOUR));
      var other = open(sources).expireAt(ticker.time().plusSeconds(60));
      ticker.advance(Duration.ofSeconds(60));
      assertEquals(Optional.of(Ending.EXPIRED), other.ending());
      assertTrue(one.isOpen());
      ticker.advance(Duration.ofMinutes(9));
      assertEquals(Optional.of(Ending.EXPIRED), one.ending());
    }
  }

  /** The batch that is being written is written, and the client can tell that the response is incomplete. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void queuedEventsBehindAStalledClientAreDiscarded(boolean jumps) throws Exception {
    try (var sources = ticker.sources(SETTINGS)) {
      var body = new StuckBody();
      var stream = open(sources, body).expireAt(ticker.time().plus(HOUR));
      stream.offer("is being written");
      body.awaitWrite();
      for (int i = 0; i < 10; i++) {
        assertTrue(stream.offer("queued"));
      }
      var flushed = Await.waiting("a flush", stream::flush);
      if (jumps) {
        ticker.set(HOUR); // only the writer notices it
      } else {
        ticker.advance(HOUR);
        assertEquals(1, stream.traffic().waiting()); // the memory is released although the client does not read
      }
      body.read();
      assertFalse(Await.next("the flush", flushed));
      assertEquals(Ending.EXPIRED, stream.keepAlive());
      stream.life().awaitEnd();
      assertEquals("data: is being written\n\nretry: 1234\n\n", body.text());
    }
  }

  @Test
  void aResponseWithoutItsQueuedEventsIsAborted() throws Exception {
    var sources = ticker.sources(SETTINGS.withQueueEvents(100_000).withQueueBytes(Long.MAX_VALUE));
    try (var site = site(sources); var client = Client.get(site.uri(), 4096)) {
      var stream = site.opened().expireAt(ticker.time().plus(HOUR));
      var big = "x".repeat(100_000);
      for (int i = 0; i < 200; i++) {
        stream.offer(big);
      }
      Await.until("the client is stalled", () -> stream.traffic().sent() > 0);
      ticker.advance(HOUR);
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
      assertThrows(IOException.class, client::toEnd);
      var text = client.toEndOrCut();
      assertTrue(text.endsWith("retry: 1234\n\n"), () -> text.substring(Math.max(0, text.length() - 100)));
      assertTrue(stream.traffic().sent() < 150, () -> stream.traffic().toString());
    }
  }

  /** The stream was closed in time, but its client does not read. */
  @Test
  void whatACloseStillFlushesIsDiscarded() throws Exception {
    try (var sources = ticker.sources(SETTINGS.withCloseWithin(Duration.ofDays(1)))) {
      var body = new StuckBody();
      var stream = open(sources, body).expireAt(ticker.time().plus(HOUR));
      stream.offer("is being written");
      body.awaitWrite();
      stream.offer("queued");
      var closed = Await.waiting("the close", () -> {
        stream.close();
        return true;
      });
      ticker.advance(HOUR);
      body.read();
      Await.next("the close", closed);
      assertEquals(Optional.of(Ending.CLOSED), stream.ending());
      assertEquals("data: is being written\n\n", body.text());
    }
  }

  @Test
  void channelsDeliverNothingMoreAndTheClientCanReconnectWhereItWas() throws Exception {
    var channel = Channel.create();
    try (var sources = ticker.sources(SETTINGS); var site = site(sources); var client = Client.get(site.uri())) {
      var stream = site.opened().expireAt(ticker.time().plus(HOUR));
      channel.join(stream);
      stream.sendHeaders();
      channel.publish("one");
      assertEquals("one", client.next().data());
      String id = client.parser().lastEventId();
      ticker.set(HOUR); // no timer notices it
      channel.publish("two");
      Await.until("the stream has ended", () -> {
        ticker.advance(Duration.ZERO);
        return !stream.isOpen();
      });
      assertEquals(Ending.EXPIRED, site.ending());
      assertTrue(client.toEnd().endsWith("data: one\n\nretry: 1234\n\n"));
      assertEquals(id, client.parser().lastEventId());
    }
  }

  /** A channel may hold locks, so the stream ends on another thread. */
  @Test
  void afterAJumpForwardNothingOfAChannelIsAccepted() {
    try (var sources = ticker.sources(SETTINGS)) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR));
      var frame = Frame.kept(Event.of("x").withId("1"));
      assertEquals(Answer.TAKEN, stream.sender().offerIfFits(frame, true, sources.engine().writers()));
      ticker.set(HOUR);
      assertEquals(Answer.CLOSED, stream.sender().offerIfFits(frame, true, sources.engine().writers()));
      assertTrue(stream.isOpen());
      ticker.advance(Duration.ZERO);
      assertEquals(Optional.of(Ending.EXPIRED), stream.ending());
    }
  }

  @Test
  void queuedEventsOfAChannelAreDiscardedWithoutTheirPosition() throws Exception {
    var channel = Channel.create();
    try (var sources = ticker.sources(SETTINGS)) {
      var body = new StuckBody();
      var stream = open(sources, body).expireAt(ticker.time().plus(HOUR));
      channel.join(stream, event -> !event.data().orElse("").equals("filtered"));
      stream.sendHeaders();
      body.awaitWrite();
      channel.publish("queued");
      channel.publish("filtered");
      Await.until("an event is queued", () -> stream.traffic().waiting() >= 2);
      ticker.advance(HOUR);
      body.read();
      stream.life().awaitEnd();
      assertFalse(body.text().contains("queued"), body::text);
      assertFalse(Pattern.compile("(?m)^id: .*-[12]$").matcher(body.text()).find(), body::text);
      assertTrue(body.text().endsWith("retry: 1234\n\n"), body::text);
    }
  }

  @Test
  void aHeadRequestEndsToo() throws Exception {
    try (var site = new Site(ticker.sources(SETTINGS), stream -> {
          stream.expireAt(ticker.time());
          return stream.keepAlive();
        });
        var client = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
      assertEquals(200, client.status());
      assertEquals(Ending.EXPIRED, site.ending());
    }
  }

  @Test
  void afterTheEndAndOnARefusedStreamItDoesNothing() {
    try (var sources = ticker.sources(SETTINGS.withMaxStreams(1))) {
      var stream = open(sources);
      var refused = open(sources).expireAt(ticker.time().plus(HOUR)).expireAt(ticker.time());
      assertEquals(Optional.of(Ending.REFUSED), refused.ending());
      stream.close();
      stream.life().awaitEnd();
      ticker.advance(Duration.ofMinutes(2)); // slots of heartbeats
      int waiting = ticker.waiting();
      stream.expireAt(ticker.time().plus(HOUR)).expireAt(ticker.time());
      assertEquals(waiting, ticker.waiting());
      assertEquals(Optional.of(Ending.CLOSED), stream.ending());
    }
  }

  @Test
  void anEndedStreamLeavesNoTimer() {
    try (var sources = ticker.sources(SETTINGS.withHeartbeat(Duration.ofDays(1)))) {
      var stream = open(sources).expireAt(ticker.time().plus(HOUR));
      ticker.advance(Duration.ofSeconds(50));
      stream.close();
      ticker.advance(Duration.ofMinutes(2));
      Await.until("no timer is left", () -> {
        ticker.advance(Duration.ofSeconds(1));
        return ticker.waiting() == 0;
      });
    }
  }

  /** The retries of many streams with the same time are spread. */
  @Test
  void streamsThatExpireTogetherDoNotReturnTogether() throws Exception {
    var settings = Settings.defaults().withReconnect(Duration.ZERO, Duration.ofMinutes(1));
    try (var sources = ticker.sources(settings)) {
      var bodies = Stream.generate(ByteArrayOutputStream::new).limit(100).toList();
      var streams = bodies.stream().map(body -> open(sources, body).expireAt(ticker.time().plus(HOUR))).toList();
      ticker.advance(HOUR);
      streams.forEach(stream -> stream.life().awaitEnd());
      var retries = new HashSet<String>();
      bodies.forEach(body -> retries.add(body.toString().replaceAll("(?s).*retry: ", "")));
      assertTrue(retries.size() > 80, retries::toString);
    }
  }

  /** Whatever wins, each stream has one ending, and no timer is left. */
  @Test
  void racesWithOtherEndings() throws Exception {
    var endings = new AtomicInteger();
    try (var sources = EventSources.create(SETTINGS.withHeartbeat(Duration.ofMinutes(1)))) {
      sources.onEnd((stream, why) -> endings.incrementAndGet());
      for (int i = 0; i < 300; i++) {
        var stream = open(sources);
        List<Consumer<EventSource>> others =
            List.of(EventSource::close, EventSource::complete, its -> its.life().end(Ending.STOPPING), EventSource::keepAlive);
        var other = others.get(i % others.size());
        var nanos = ThreadLocalRandom.current().nextLong(200_000);
        var setter = Thread.ofVirtual().start(() -> stream.expireAt(Instant.now().plusNanos(nanos)));
        var ender = Thread.ofVirtual().start(() -> {
          stream.offer("x");
          other.accept(stream);
        });
        Await.end(setter);
        Await.end(ender);
        Await.until("the stream has ended", () -> !stream.isOpen());
        stream.life().awaitEnd();
        assertNotEquals(Optional.empty(), stream.ending());
      }
      Await.until("each ending is reported", () -> endings.get() == 300);
      assertEquals(0, sources.count());
    }
  }

  /** A stop, whose farewell is an event of the application, too. */
  @Test
  void aStopAfterTheTimeSendsNoFarewell() {
    var sources = ticker.sources(SETTINGS.withFarewell(Event.of("bye", "bye")));
    var body = new ByteArrayOutputStream();
    var stream = open(sources, body).expireAt(ticker.time().plus(HOUR));
    ticker.set(HOUR);
    sources.close();
    stream.life().awaitEnd();
    assertEquals("retry: 1234\n\n", body.toString());
  }

  /** Streams without a limit take no part in it. */
  @Test
  void aStreamWithoutATimeHasNoTimerForIt() {
    try (var sources = ticker.sources(SETTINGS)) {
      open(sources);
      int before = ticker.scheduled();
      ticker.advance(Duration.ofSeconds(14));
      assertEquals(before, ticker.scheduled());
    }
  }
}
