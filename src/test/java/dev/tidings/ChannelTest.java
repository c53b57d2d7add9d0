package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import dev.tidings.WhatwgParser.Message;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Channels with real clients, one situation at a time. */
class ChannelTest {
  private static final Duration HOUR = Duration.ofHours(1);

  private final EventLog history = EventLog.inMemory();
  private Channel channel = Channel.create(history);
  private Site site;

  @AfterEach
  void close() {
    channel.close();
    if (site != null) {
      site.close();
    }
  }

  private void serve(Settings settings, Site.Body body) throws IOException {
    site = new Site(EventSources.create(settings), body);
  }

  private void serve() throws IOException {
    serve(Settings.defaults(), stream -> {
      channel.join(stream);
      return stream.keepAlive();
    });
  }

  private Client connect(String lastEventId) throws Exception {
    var client = Client.get(site.uri(), lastEventId.isEmpty() ? "X-No: id" : "Last-Event-ID: " + lastEventId);
    site.opened();
    return client;
  }

  /** Connects and waits until the client has its position. */
  private Client connect() throws Exception {
    return connect("").awaitText("id: ");
  }

  private static List<String> numbers(int from, int to) {
    return IntStream.range(from, to).mapToObj(Integer::toString).toList();
  }

  /** Returns the id after which a client resumes if it has received everything. */
  private String latest() {
    return history.latest();
  }

  private List<String> publish(int from, int to) {
    return numbers(from, to).stream().map(channel::publish).toList();
  }

  // One channel.

  @Test
  void aStreamThatJoinsGetsItsPositionAndWhatIsPublishedFromThenOn() throws Exception {
    serve();
    String position = channel.publish("before");
    try (var client = connect()) {
      assertEquals(1, channel.count());
      String id = channel.publish(Event.of("news", "after").withId("replaced"));
      assertEquals(new Message("news", "after", id), client.next());
      // Firefox and many clients other than browsers keep an id only if it comes with data.
      assertEquals(new Message("tidings:position", "", position), client.parser().messages().getFirst());
    }
  }

  @Test
  void whatIsPublishedAfterJoinReturnedIsDelivered() throws Exception {
    serve(Settings.defaults(), stream -> {
      channel.join(stream);
      channel.publish("from the handler");
      return stream.keepAlive();
    });
    for (int i = 0; i < 20; i++) {
      try (var client = connect("")) {
        assertEquals("from the handler", client.next().data());
      }
      channel.leave(site.sources.streams().stream().findFirst().orElseThrow());
      site.sources.dropAll();
      Await.until("the stream left", () -> channel.count() == 0);
    }
  }

  @Test
  void aClientThatIsCutBeforeItsFirstEventMissesNothing() throws Exception {
    serve();
    String position;
    try (var client = connect()) {
      position = client.parser().lastEventId();
    }
    publish(0, 3);
    try (var client = connect(position)) {
      assertEquals(numbers(0, 3), client.data(3));
    }
  }

  @Test
  void aClientThatComesBackGetsWhatItMissedAndGoesOnLive() throws Exception {
    serve();
    var ids = publish(0, 500);
    try (var client = connect(ids.get(99))) {
      assertEquals(numbers(100, 500), client.data(400));
      publish(500, 700);
      assertEquals(numbers(500, 700), client.data(200));
      assertEquals(channel.publish("last"), client.next().lastEventId());
      Await.until("nothing of its replay is kept", () -> isEmptyForWhoComesNext(channel.cache()));
    }
  }

  private static boolean isEmptyForWhoComesNext(EntryCache cache) {
    var event = List.of(Event.of("x").withId("x"));
    cache.enter();
    var before = cache.entries(event).getFirst();
    cache.leave();
    cache.enter();
    var after = cache.entries(event).getFirst();
    cache.leave();
    return before != after;
  }

  @Test
  void theIdMayComeFromTheQuery() throws Exception {
    serve();
    var ids = publish(0, 5);
    var uri = URI.create(site.uri() + "?lastEventId=" + ids.get(2));
    try (var client = Client.get(uri)) {
      assertEquals(numbers(3, 5), client.data(2));
    }
  }

  @Test
  void aForgottenHistoryIsOneGapEventThatSaysWhatIsKnown() throws Exception {
    channel = Channel.create(EventLog.inMemory(10, 1_000_000, HOUR));
    serve();
    var ids = publish(0, 100);
    try (var client = connect(ids.get(20))) {
      String json = "{\"after\":\"%s\",\"from\":\"%s\",\"missed\":69}".formatted(ids.get(20), ids.get(89));
      assertEquals(new Message("gap", json, ids.get(89)), client.next());
      try (var again = connect(ids.get(89))) {
        assertEquals("90", again.next().data(), "the client resumes after the gap's own id");
      }
      assertEquals(numbers(90, 100), client.data(10));
      publish(100, 103);
      assertEquals(numbers(100, 103), client.data(3));
    }
  }

  @Test
  void anIdThatWasNeverGivenIsAGapWhateverItSays() throws Exception {
    channel = Channel.create("the \"news\"", EventLog.inMemory(), "lost");
    serve();
    channel.publish("first");
    for (String id : List.of("x", "1-1", "\"\\\t\u007f€\uD83D\uDE00", "z".repeat(20_000))) {
      try (var client = Client.get(URI.create(site.uri() + "?lastEventId=" + URLEncoder.encode(id, StandardCharsets.UTF_8)))) {
        var gap = client.next();
        assertEquals("lost", gap.type());
        String quoted = id.substring(0, Math.min(id.length(), 100)).replace("\\", "\\\\").replace("\"", "\\\"").replace("\t", "\\u0009");
        String start = "{\"channel\":\"the \\\"news\\\"\",\"after\":\"" + quoted + "\",\"from\":\"";
        assertTrue(gap.data().startsWith(start), gap::data);
        assertFalse(gap.data().contains("missed"));
        assertEquals("first", client.next().data());
      }
    }
  }

  @Test
  void aGapWithNothingAfterItGoesOnLive() throws Exception {
    serve();
    try (var client = connect("unknown")) {
      assertEquals("gap", client.next().type());
      channel.publish("next");
      assertEquals("next", client.next().data());
    }
  }

  @Test
  void aHistoryThatIsOverrunUnderALiveStreamIsAGapOfThatStream() throws Exception {
    channel = Channel.create(new ForgetfulLog());
    serve();
    try (var client = connect()) {
      Await.until("it is live", () -> channel.tail().isRunning());
      publish(0, 5);
      var messages = new ArrayList<Message>();
      while (messages.isEmpty() || !messages.getLast().data().equals("4")) {
        messages.add(client.next());
      }
      assertTrue(messages.stream().noneMatch(message -> message.data().equals("3")));
      assertEquals(1, messages.stream().filter(message -> message.type().equals("gap")).count());
    }
  }

  /** Forgets the first four events before they can be read. */
  private static final class ForgetfulLog extends ForwardingLog {
    private final CountDownLatch five = new CountDownLatch(5);

    ForgetfulLog() {
      super(EventLog.inMemory(1, 1_000_000, HOUR));
    }

    @Override
    public String append(Event event) {
      String id = super.append(event);
      five.countDown();
      return id;
    }

    @Override
    public Reading read(String after, int most, Duration wait) throws InterruptedException {
      if (!wait.isZero() || five.getCount() < 5) { // no read until all five are appended
        five.await();
      }
      return super.read(after, most, wait);
    }
  }

  // Filters.

  @Test
  void aFilterIsOfOneStreamAndHoldsForHistoryAndLive() throws Exception {
    serve(Settings.defaults(), stream -> {
      channel.join(stream, event -> Integer.parseInt(event.data().orElseThrow()) % 10 == 0);
      return stream.keepAlive();
    });
    var ids = publish(0, 300);
    try (var client = connect(ids.getFirst())) {
      assertEquals(IntStream.range(1, 30).mapToObj(i -> i * 10 + "").toList(), client.data(29));
      publish(300, 500);
      assertEquals(IntStream.range(30, 50).mapToObj(i -> i * 10 + "").toList(), client.data(20));
    }
  }

  @Test
  void aClientIsToldItsPositionAlsoIfNothingIsForIt() throws Exception {
    channel = Channel.create(EventLog.inMemory(200, 1_000_000, HOUR));
    serve(Settings.defaults().withHeartbeat(Duration.ofMillis(300)), stream -> {
      channel.join(stream, event -> event.data().orElseThrow().equals("mine"));
      return stream.keepAlive();
    });
    String position;
    try (var client = connect()) {
      for (int i = 0; i < 10; i++) {
        awaitNear(client, publish(0, 100).getLast());
      }
      channel.publish("mine");
      assertEquals("mine", client.next().data());
      awaitNear(client, publish(0, 100).getLast());
      position = client.parser().lastEventId();
    }
    publish(0, 100);
    channel.publish("mine");
    try (var client = connect(position)) {
      assertEquals(List.of("mine"), client.data(1), "and no gap");
    }
    String before = channel.publish("0");
    String last = publish(0, 50).getLast();
    try (var client = connect(before)) {
      client.awaitText("id: " + last);
    }
  }

  /** Waits until the client's position is near this id: a position is sent after each tenth of the log. */
  private static void awaitNear(Client client, String id) throws IOException {
    while (number(client.parser().lastEventId()) <= number(id) - 20) {
      client.awaitMore();
    }
    assertNull(client.poll());
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(id.lastIndexOf('-') + 1));
  }

  @Test
  void aFilterThatThrowsIsLoggedAndSkipsThatEventForThatStream() throws Exception {
    var first = new AtomicBoolean(true);
    serve(Settings.defaults(), stream -> {
      if (first.getAndSet(false)) {
        channel.join(stream, event -> {
          if (event.data().orElseThrow().equals("1")) {
            throw new IllegalStateException("boom");
          }
          return true;
        });
      } else {
        channel.join(stream);
      }
      return stream.keepAlive();
    });
    try (var log = new LogRecords(); var failing = connect(); var other = connect()) {
      publish(0, 3);
      assertEquals(List.of("0", "2"), failing.data(2));
      assertEquals(numbers(0, 3), other.data(3));
      assertFalse(log.messages(Level.SEVERE).isEmpty());
      assertTrue(log.messages(Level.SEVERE).stream().allMatch(message -> message.contains("filter")));
    }
  }

  /** Publishes, waits until the live streams have been offered all of it, and returns the last id. */
  private String publishAndPass(int from, int to) {
    Await.until("it is live", () -> channel.tail().isRunning());
    String last = publish(from, to).getLast();
    Await.until("the tail has passed it", () -> channel.tail().passed().equals(Optional.of(last)));
    return last;
  }

  /** Positions are sent along with other writes. A stream that gets nothing else is idle. */
  @Test
  void positionsAreNoMessagesAndCostNoWritesOfTheirOwn() throws Exception {
    var ticker = new ManualTicker();
    try (var sources = ticker.sources(Settings.defaults())) {
      var body = new java.io.ByteArrayOutputStream();
      var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), body));
      channel.join(stream, event -> false);
      var waiting = Thread.ofVirtual().start(() -> stream.waitForFail(Duration.ofSeconds(50)));
      Await.until("it has its position", () -> body.toString().contains("id: " + latest()));
      Await.until("it waits", () -> waiting.getState() == Thread.State.WAITING);
      stream.flush(); // the opening, which may be more than one write
      long before = stream.traffic().sent();
      String last = publishAndPass(0, 900);
      stream.flush();
      assertEquals(before, stream.traffic().sent(), "no write for less than a tenth of the log");
      ticker.advance(Duration.ofSeconds(15));
      stream.flush();
      assertTrue(body.toString().contains("id: " + last + "\n"), "the heartbeat carries the position");
      publishAndPass(900, 1000);
      ticker.advance(Duration.ofSeconds(20)); // another heartbeat
      last = publishAndPass(1000, 1010);
      ticker.advance(Duration.ofSeconds(15));
      Await.end(waiting);
      assertEquals(Ending.IDLE, stream.ending().orElseThrow());
      stream.close();
      assertTrue(body.toString().contains("id: " + last + "\n"), "the last write has the position");
    }
  }

  @Test
  void theLastWordsOfAPoliteEndTellThePosition() throws Exception {
    serve(Settings.defaults(), stream -> {
      channel.join(stream, event -> false);
      return stream.keepAlive();
    });
    try (var client = connect()) {
      String last = publishAndPass(0, 50);
      site.sources.dropAll();
      assertTrue(client.toEnd().endsWith("id: " + last + "\ndata: \n\n"));
    }
  }

  // Exceptions and interrupts on a channel's threads.

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> boolean sneak(Throwable thrown) throws T {
    throw (T) thrown;
  }

  @Test
  void noFilterSilencesAChannelWhateverItDoes() throws Exception {
    var harms = List.<java.util.function.BooleanSupplier>of(
        () -> {
          Thread.currentThread().interrupt();
          return true;
        },
        () -> ChannelTest.<RuntimeException>sneak(new IOException("a look-up failed")),
        () -> ChannelTest.<RuntimeException>sneak(new InterruptedException("out of nowhere")),
        () -> {
          throw new StackOverflowError("not really");
        });
    for (var harm : harms) {
      var once = new AtomicBoolean(true);
      try (var _ = new LogRecords(); var room = Channel.create();
          var harmed = new Site(EventSources.create(), stream -> {
            if (stream.identifier().isPresent()) {
              room.join(stream, event -> !once.getAndSet(false) || harm.getAsBoolean());
            } else {
              room.join(stream);
            }
            return stream.keepAlive();
          });
          var plain = Client.get(harmed.uri()); var filtered = Client.get(harmed.uri("filtered"))) {
        plain.awaitText("id: ");
        filtered.awaitText("id: ");
        for (int i = 0; i < 5; i++) {
          room.publish("" + i);
          assertEquals("" + i, plain.next().data());
        }
        while (!filtered.next().data().equals("4")) {}
        try (var replayed = Client.get(harmed.uri(), "Last-Event-ID: " + plain.parser().lastEventId())) {
          room.publish("5");
          assertEquals("5", replayed.next().data());
        }
      }
    }
  }

  @Test
  void aLogThatThrowsWhateverItIsIsAnOutage() throws Exception {
    for (Throwable harm : List.of(new InterruptedException("the pool was restarted"), new IOException("sneaky"), new AssertionError("a bug"))) {
      var fails = new AtomicBoolean();
      var log = new ForwardingLog(EventLog.inMemory()) {
        @Override
        public Reading read(String after, int most, Duration wait) throws InterruptedException {
          if (fails.getAndSet(false)) {
            ChannelTest.<RuntimeException>sneak(harm);
          }
          return super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(20));
        }
      };
      try (var records = new LogRecords(); var room = new Channel("", log, "gap", Duration.ofMillis(5));
          var harmed = new Site(EventSources.create(), stream -> {
            room.join(stream);
            return stream.keepAlive();
          });
          var client = Client.get(harmed.uri())) {
        client.awaitText("id: ");
        for (int i = 0; i < 5; i++) {
          fails.set(true);
          Await.until("it was thrown", () -> !fails.get());
          room.publish("" + i);
          assertEquals("" + i, client.next().data());
        }
        assertFalse(records.messages(Level.SEVERE).isEmpty());
        String id = client.parser().lastEventId();
        fails.set(true);
        try (var replayed = Client.get(harmed.uri(), "Last-Event-ID: " + id)) {
          room.publish("after");
          assertEquals("after", replayed.next().data());
        }
      }
    }
  }

  @Test
  void theIdThatALogGivesIsChecked() throws Exception {
    var log = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public String append(Event event) {
        super.append(event);
        return "a b";
      }
    };
    try (var room = Channel.create(log)) {
      var error = assertThrows(IllegalArgumentException.class, () -> room.publish("x"));
      assertEquals("an id of a log must be 1 to 64 characters of A-Z a-z 0-9 - . _ ~: \"a b\"", error.getMessage());
    }
  }

  @Test
  void soIsTheIdAfterWhichALogHasNothing() throws Exception {
    var asked = new AtomicInteger();
    channel.close();
    channel = new Channel("", new ForwardingLog(history) {
      @Override
      public String latest() {
        return asked.incrementAndGet() <= 3 ? "a b" : super.latest();
      }
    }, "gap", Duration.ofMillis(5));
    serve();
    try (var records = new LogRecords(); var client = connect()) {
      String start = history.latest();
      assertEquals(start, client.parser().lastEventId());
      publish(0, 2);
      assertEquals("{\"after\":\"\",\"from\":\"" + start + "\"}", client.next().data());
      assertEquals(numbers(0, 2), client.data(2));
      assertEquals(1, records.messages(Level.SEVERE).size(), () -> records.messages(Level.SEVERE).toString());
    }
  }

  /** The response must not grow with the id that the client sends. */
  @Test
  void aGarbageIdIsRepeatedForItsFirstHundredBytesOnly() throws Exception {
    var channels = IntStream.range(0, 6).mapToObj(i -> Channel.create("c" + i, EventLog.inMemory())).toArray(Channel[]::new);
    serve(Settings.defaults(), stream -> {
      Channel.joinAll(stream, channels);
      stream.send("joined");
      return stream.keepAlive();
    });
    for (String id : List.of("%", "\"", "\u0001", "\u20ac", "c0=1&")) {
      try (var client = Client.get(URI.create(site.uri() + "?lastEventId=" + URLEncoder.encode(id.repeat(2_500), StandardCharsets.UTF_8)))) {
        int gaps = 0;
        while (gaps < 6) {
          gaps += client.next().type().equals("gap") ? 1 : 0;
        }
        site.sources.dropAll();
        String body = client.toEnd();
        assertTrue(body.length() < 20_000, () -> body.length() + " characters of response");
      }
    }
    for (var each : channels) {
      each.close();
    }
  }

  @Test
  void handlersThatFailAndAChannelThatDeliversDoNotWaitForEachOther() throws Exception {
    var goesOn = new AtomicBoolean(true);
    var publisher = Thread.ofPlatform().start(() -> {
      while (goesOn.get()) {
        channel.publish("x");
        Thread.yield();
      }
    });
    try (var log = new LogRecords();
        var server = SseServer.builder().settings(Settings.defaults().withQueueEvents(2)).build()) {
      server.get("/", request -> {
        channel.join(request.getEventSource());
        throw new IllegalStateException("no more");
      });
      server.start();
      for (int i = 0; i < 300; i++) {
        try (var client = Client.get(server.uri())) {
          client.toEndOrCut();
        }
      }
      Await.until("all have left", () -> channel.count() == 0);
      assertTrue(log.messages(Level.SEVERE).size() >= 300);
    } finally {
      goesOn.set(false);
      Await.end(publisher);
    }
  }

  /** Leaving a channel does not depend on listeners. */
  @Test
  void streamsLeaveTheirChannelAlthoughListenersHang() throws Exception {
    var stuck = new CountDownLatch(1);
    try (var sources = EventSources.create()) {
      sources.onEnd((stream, why) -> {
        Await.uninterrupted(stuck::await);
      });
      for (int i = 0; i < 100; i++) {
        var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()));
        channel.join(stream);
        stream.life().end(Ending.CLOSED);
        assertEquals(0, channel.count());
        assertEquals(0, sources.count());
        stream.life().awaitEnd();
      }
      stuck.countDown();
    }
  }

  // Several channels.

  /** Returns the text before this channel's position in the ids of several channels. */
  private static String key(String name) {
    return PositionsTest.ofSeveral(java.util.Set.of(name)).with(name, "").id().replaceAll("[~!]", "");
  }

  @Test
  void severalChannelsOnOneStreamResumeEachWhereItWas() throws Exception {
    try (var prices = Channel.create("prices & more", EventLog.inMemory()); var news = Channel.create("news", EventLog.inMemory())) {
      serve(Settings.defaults(), stream -> {
        Channel.joinAll(stream, news, prices);
        return stream.keepAlive();
      });
      String position;
      try (var client = connect()) {
        client.awaitText(key("news")).awaitText(key("prices & more"));
        news.publish("n1");
        assertEquals("n1", client.next().data());
        prices.publish("p1");
        assertEquals("p1", client.next().data());
        position = client.parser().lastEventId();
      }
      news.publish("n2");
      prices.publish("p2");
      prices.publish("p3");
      try (var client = connect(position)) {
        var data = client.data(3);
        assertEquals(List.of("n2", "p2", "p3"), data.stream().sorted().toList());
        assertTrue(data.indexOf("p2") < data.indexOf("p3"));
        position = client.parser().lastEventId();
      }
      // One channel resumes, and the other starts anew.
      news.publish("n3");
      prices.publish("p4");
      String ofNews = position.split("&")[0];
      try (var client = connect(ofNews)) {
        assertEquals("n3", client.next().data());
        client.awaitText(key("prices & more"));
        prices.publish("p5");
        assertEquals("p5", client.next().data());
      }
    }
  }

  @Test
  void anIdThatIsNoneOfSeveralChannelsIsAGapInEach() throws Exception {
    try (var a = Channel.create("a", EventLog.inMemory()); var b = Channel.create("b", EventLog.inMemory())) {
      serve(Settings.defaults(), stream -> {
        Channel.joinAll(stream, a, b);
        return stream.keepAlive();
      });
      for (String id : List.of("17-1", "a=%zz", "a=1-1&b=2-2")) {
        try (var client = connect(id)) {
          var gaps = List.of(client.next().data(), client.next().data());
          assertTrue(gaps.stream().anyMatch(gap -> gap.contains("\"channel\":\"a\"")), gaps::toString);
          assertTrue(gaps.stream().anyMatch(gap -> gap.contains("\"channel\":\"b\"")), gaps::toString);
        }
      }
    }
  }

  @Test
  void joiningTwiceIsAnErrorThatSaysWhatToDo() throws Exception {
    try (var other = Channel.create("other", EventLog.inMemory()); var third = Channel.create("third", EventLog.inMemory())) {
      serve(Settings.defaults(), EventSource::keepAlive);
      try (var client = Client.get(site.uri())) {
        var stream = site.opened();
        channel.join(stream);
        var error = assertThrows(IllegalStateException.class, () -> other.join(stream));
        assertTrue(error.getMessage().contains("joinAll"), error.getMessage());
        assertThrows(IllegalStateException.class, () -> channel.join(stream));
        assertThrows(IllegalStateException.class, () -> Channel.joinAll(stream, other, third));
        assertThrows(IllegalArgumentException.class, () -> Channel.joinAll(stream, other, channel));
        assertThrows(IllegalArgumentException.class, () -> Channel.joinAll(stream, other, other));
        assertThrows(IllegalArgumentException.class, () -> Channel.joinAll(stream, new Channel[0]));
        channel.leave(stream);
        Channel.joinAll(stream, other, third);
        other.leave(stream);
        assertThrows(IllegalStateException.class, () -> channel.join(stream));
        third.leave(stream);
        channel.join(stream);
        channel.publish("back");
        assertEquals("back", client.next().data());
      }
    }
  }

  @Test
  void aChannelHasANameAndSoHaveItsGaps() {
    assertThrows(IllegalArgumentException.class, () -> Channel.create("", history));
    for (String name : List.of("", "a\nb", "a\rb")) {
      assertThrows(IllegalArgumentException.class, () -> Channel.create("n", history, name));
    }
  }

  // Leaving and endings.

  @Test
  void afterLeavingNothingMoreIsSentAndTheStreamLives() throws Exception {
    serve(Settings.defaults(), EventSource::keepAlive);
    try (var client = Client.get(site.uri())) {
      var stream = site.opened();
      channel.join(stream);
      channel.publish("before");
      assertEquals("before", client.next().data());
      channel.leave(stream);
      channel.leave(stream);
      channel.publish("after");
      assertEquals(0, channel.count());
      assertTrue(stream.send("by itself"));
      assertEquals("by itself", client.next().data());
    }
  }

  @Test
  void aStreamDoesNotHoldAChannelThatItLeft() throws Exception {
    serve(Settings.defaults(), EventSource::keepAlive);
    try (var client = Client.get(site.uri())) {
      var stream = site.opened();
      client.awaitText(":\n\n");
      var left = visited(stream);
      Await.until("it is forgotten", () -> {
        System.gc();
        return left.get() == null;
      });
      assertTrue(stream.isOpen());
    }
  }

  private static WeakReference<Channel> visited(EventSource stream) {
    try (var room = Channel.create()) {
      room.join(stream);
      room.leave(stream);
      return new WeakReference<>(room);
    }
  }

  @Test
  void aStreamThatEndsLeavesItsChannel() throws Exception {
    serve();
    var client = connect();
    assertEquals(1, channel.count());
    client.close();
    publish(0, 3);
    Await.until("the stream left", () -> channel.count() == 0 || channel.publish("x").isEmpty());
  }

  /** The channel closes while another one's log is asked for its latest id, which may take long. */
  @Test
  void aChannelThatIsClosedWhileSeveralAreJoinedLeavesTheOthersInOrder() throws Exception {
    var first = Channel.create("first", EventLog.inMemory());
    var asked = new CountDownLatch(1);
    var answer = new CountDownLatch(1);
    var memory = EventLog.inMemory();
    var slow = mock(EventLog.class, delegatesTo(memory));
    doAnswer(call -> {
      asked.countDown();
      Await.latch("permission to answer", answer);
      return memory.latest();
    }).when(slow).latest();
    var second = Channel.create("second", slow);
    try (first; second) {
      serve(Settings.defaults(), stream -> {
        Channel.joinAll(stream, first, second);
        return stream.keepAlive();
      });
      try (var client = Client.get(site.uri())) {
        Await.latch("the call of latest", asked);
        first.close();
        answer.countDown();
        client.awaitText("id: ~" + key("second"));
        assertEquals(1, second.count());
      }
      site.sources.dropAll();
      Await.until("it has left", () -> second.count() == 0 && !second.tail().isRunning());
    }
  }

  @Test
  void anEndedStreamThatJoinsGetsNothingAndIsForgotten() throws Exception {
    serve(Settings.defaults(), EventSource::keepAlive);
    try (var client = Client.get(site.uri())) {
      var stream = site.opened();
      stream.close();
      channel.join(stream);
      Await.until("the stream left", () -> channel.count() == 0);
      client.toEnd();
    }
  }

  @Test
  void aRequestForTheHeadersOnlyEndsThoughItsHandlerWaitsInSomethingOfItsOwn() throws Exception {
    var ended = new CountDownLatch(1);
    var ticker = new ManualTicker();
    site = new Site(ticker.sources(Settings.defaults()), stream -> {
      channel.join(stream);
      stream.onEnd(why -> ended.countDown());
      Await.latch("its end", ended);
      return stream.ending().orElseThrow();
    });
    try (var client = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
      site.opened();
      ticker.advance(Duration.ofSeconds(15)); // a heartbeat would be due now
      assertEquals(200, client.status());
      assertEquals(Ending.CLOSED, site.ending());
    }
    assertEquals(0, channel.count());
  }

  @Test
  void aRequestForTheHeadersOnlyGetsThem() throws Exception {
    serve();
    try (var client = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
      assertEquals(200, client.status());
    }
    Await.until("the stream left", () -> channel.count() == 0);
  }

  @Test
  void whatIsPublishedOnAClosedChannelIsNotAppended() {
    var log = EventLog.inMemory();
    String last = log.append(Event.of("before"));
    var closed = Channel.create(log);
    closed.close();
    assertThrows(IllegalStateException.class, () -> closed.publish("late"));
    assertEquals(last, log.latest());
  }

  @Test
  void closingEndsItsThreadsAndLeavesTheStreamsOpen() throws Exception {
    serve();
    try (var client = connect()) {
      channel.publish("x");
      assertEquals("x", client.next().data());
      Await.until("it is live", () -> channel.tail().isRunning() && VirtualThreads.named("tidings-replay").isEmpty());
      channel.close();
      channel.close();
      assertFalse(channel.tail().isRunning());
      assertThrows(IllegalStateException.class, () -> channel.publish("late"));
      var stream = site.sources.streams().getFirst();
      assertThrows(IllegalStateException.class, () -> channel.join(stream));
      Await.until("its threads ended", () -> VirtualThreads.named("tidings-channel").isEmpty() && VirtualThreads.named("tidings-replay").isEmpty());
      assertTrue(stream.send("alive"));
      assertEquals("alive", client.next().data());
    }
  }

  @Test
  void withoutStreamsThereIsNoThread() throws Exception {
    serve();
    try (var client = connect()) {
      channel.publish("x");
      assertEquals("x", client.next().data());
    }
    Await.until("the stream left", () -> channel.count() == 0 || channel.publish("x").isEmpty());
    Await.until("the thread ended", () -> VirtualThreads.named("tidings-channel").isEmpty());
  }

  // A log that fails.

  @Test
  void aReadThatBeganBeforeAnOutageDoesNotEndIt() throws Exception {
    var reading = new CountDownLatch(1);
    var answer = new CountDownLatch(1);
    var log = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        reading.countDown();
        answer.await();
        return super.read(after, most, wait);
      }
    };
    var reader = new LogReader(log, Duration.ofMillis(1));
    try (var records = new LogRecords()) {
      var early = Thread.startVirtualThread(() -> Await.uninterrupted(() -> reader.read(log.latest(), 1, Duration.ZERO, () -> true)));
      Await.latch("the reading", reading);
      reader.failed(new IOException("no route to the log"));
      answer.countDown();
      Await.end(early);
      reader.failed(new IOException("no route to the log"));
      assertEquals(1, records.messages(Level.SEVERE).size());
      reader.read(log.latest(), 1, Duration.ZERO, () -> true);
      reader.failed(new IOException("no route to the log again"));
      assertEquals(2, records.messages(Level.SEVERE).size());
    }
  }

  @Test
  void anOutageThatTheLogHasLoggedItselfIsLoggedAtDebug() throws Exception {
    var log = EventLog.inMemory();
    try (var records = new LogRecords()) {
      for (var reader : List.of(
          new LogReader(log, Duration.ofMillis(1)), new LogReader(log, Duration.ofMillis(1), new Outages(0)))) {
        reader.failed(new LogAwayException("away"));
        reader.failed(new LogAwayException("away"));
        assertEquals(List.of(), records.loud());
        assertEquals(1, records.messages(Level.FINE).stream().filter(text -> text.contains("away")).count());
        reader.failed(new IOException("another reason, which the log has not logged"));
        reader.failed(new LogAwayException("away"));
        reader.failed(new IOException("another reason, which the log has not logged"));
        assertEquals(1, records.messages(Level.SEVERE).size());
        reader.read(log.latest(), 1, Duration.ZERO, () -> true);
        records.clear();
        reader.failed(new LogAwayException("away again"));
        assertEquals(List.of(), records.loud());
        records.clear();
      }
    }
  }

  @Test
  void anOutageOfTheLogIsLoggedOnceAndOutlived() throws Exception {
    var down = new AtomicBoolean();
    var log = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        requireUp();
        var reading = super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(20));
        requireUp();
        return reading;
      }

      @Override
      public String append(Event event) {
        requireUp();
        return super.append(event);
      }

      @Override
      public String latest() {
        requireUp();
        return super.latest();
      }

      private void requireUp() {
        if (down.get()) {
          throw new UncheckedIOException(new IOException("no route to the log"));
        }
      }
    };
    channel = new Channel("", log, "gap", Duration.ofMillis(20));
    serve();
    try (var records = new LogRecords(); var client = connect()) {
      var ids = publish(0, 3);
      assertEquals(numbers(0, 3), client.data(3));
      down.set(true);
      Await.until("the outage is logged", () -> !records.messages(Level.SEVERE).isEmpty());
      assertThrows(UncheckedIOException.class, () -> channel.publish("lost"));
      try (var replayer = connect(ids.getFirst()); var newcomer = connect("")) {
        Await.until("all three have joined", () -> channel.count() == 3);
        Await.until("the channel had time for some attempts", new java.util.function.BooleanSupplier() {
          private int polls;

          @Override
          public boolean getAsBoolean() {
            return ++polls > 100;
          }
        });
        down.set(false);
        newcomer.awaitText("id: ");
        publish(3, 6);
        assertEquals(numbers(3, 6), client.data(3));
        assertEquals(numbers(1, 6), replayer.data(5));
        assertEquals(numbers(3, 6), newcomer.data(3));
        assertEquals(1, records.messages(Level.SEVERE).size(), () -> records.messages(Level.SEVERE).toString());
      }
    }
  }

  @Test
  void aLogThatIsDownIsLeftAloneForAWhileBeforeEachAttempt() throws Exception {
    var attempts = new AtomicInteger();
    var wanted = new AtomicBoolean(true);
    var reader = new LogReader(new ForwardingLog(history) {
      @Override
      public String latest() {
        attempts.incrementAndGet();
        throw new UncheckedIOException(new IOException("no route to the log"));
      }
    }, Duration.ofHours(1));
    var ended = new FutureTask<>(() -> assertThrows(InterruptedException.class, () -> reader.find(From.live(), wanted::get)));
    try (var records = new LogRecords()) {
      var thread = Thread.ofVirtual().start(ended);
      for (int expected = 1; expected <= 3; expected++) {
        int attempt = expected;
        Await.until("it waits", () -> attempts.get() > attempt
            || attempts.get() == attempt && thread.getState() == Thread.State.TIMED_WAITING);
        assertEquals(attempt, attempts.get());
        wanted.set(attempt < 3);
        thread.interrupt(); // ends this wait, and the call only if its answer is no longer wanted
      }
      ended.get(20, TimeUnit.SECONDS);
      assertEquals(3, attempts.get());
      assertEquals(1, records.messages(Level.SEVERE).size());
    }
  }

  @Test
  void closingEndsTheThreadsAlsoOfALogThatIsDownAndTakesTheInterrupt() throws Exception {
    var reading = new CountDownLatch(1);
    var log = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) {
        reading.countDown();
        try {
          new CountDownLatch(1).await(20, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
          throw new UncheckedIOException(new IOException(e));
        }
        throw new UncheckedIOException(new IOException("no route to the log"));
      }
    };
    channel = new Channel("", log, "gap", Duration.ZERO);
    serve();
    try (var records = new LogRecords(); var client = Client.get(site.uri())) {
      client.awaitText("id: ");
      Await.latch("a reading", reading);
      Await.until("the outage is logged", () -> !records.messages(Level.SEVERE).isEmpty());
      channel.close();
      Await.until("its threads ended", () -> VirtualThreads.named("tidings-replay").isEmpty());
    }
  }

  // Overflow.

  @Test
  void noOverflowPolicyTouchesAChannelsEvents() throws Exception {
    for (var overflow : List.of(Overflow.disconnect(), Overflow.dropOldest(), Overflow.dropNewest(), Overflow.keepLatest(Event::name))) {
      serve(Settings.defaults().withOverflow(overflow).withQueueEvents(10).withWriteDeadline(Duration.ofSeconds(30)), stream -> {
        channel.join(stream);
        return stream.keepAlive();
      });
      String large = "x".repeat(50_000);
      try (var client = Client.get(site.uri(), 4096)) {
        var stream = site.opened();
        client.awaitText("id: ");
        for (int i = 0; i < 200; i++) {
          channel.publish(i + ":" + large);
        }
        if (!(overflow.choice() == Overflow.Choice.DISCONNECT)) {
          Await.until("some events are dropped", () -> {
            stream.offer("in between");
            return stream.traffic().dropped() > 10;
          });
        }
        var got = new ArrayList<String>();
        while (got.isEmpty() || !got.getLast().equals("199")) {
          String data = client.next().data();
          if (!data.equals("in between")) {
            got.add(data.split(":")[0]);
          }
        }
        assertEquals(numbers(0, 200), got);
      }
      site.close();
    }
    site = null;
  }

  /** A log may block its reader for long. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoeverReadsForNobodyAnyMoreIsInterrupted(boolean live) throws Exception {
    var reading = new CountDownLatch(1);
    var interrupted = new CountDownLatch(1);
    var slow = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        if (wait.isZero() == live) {
          return super.read(after, most, wait);
        }
        reading.countDown();
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          interrupted.countDown();
        }
        throw new InterruptedException();
      }
    };
    channel = Channel.create(slow);
    try (var records = new LogRecords(); var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
      channel.join(stream);
      Await.latch("the reading", reading);
      if (live) {
        channel.close();
      } else {
        channel.leave(stream);
      }
      Await.latch("the interrupt", interrupted);
      assertTrue(stream.isOpen());
      for (String name : List.of("tidings-channel", "tidings-replay")) {
        Await.until("its thread ended", () -> VirtualThreads.named(name).isEmpty());
      }
      assertEquals(List.of(), records.messages(Level.SEVERE));
    }
  }

  @Test
  void aChannelThatIsClosedLetsItsStreamsGo() throws Exception {
    try (var sources = EventSources.create()) {
      var body = new java.io.ByteArrayOutputStream();
      var stream = sources.open(MockExchange.with(new Headers(), body));
      channel.join(stream);
      channel.close();
      assertEquals(0, channel.count());
      var closed = Channel.create("closed", EventLog.inMemory());
      closed.close();
      assertThrows(IllegalStateException.class, () -> Channel.joinAll(stream, closed));
      channel = Channel.create();
      channel.join(stream); // throws if the stream is still in the first channel
      channel.publish("of another channel");
      stream.send("sends the headers");
      Await.until("it arrives", () -> body.toString().contains("data: of another channel\n"));
    }
  }

  @Test
  void aStreamThatJoinsWhileTheChannelIsClosedIsForgotten() {
    var life = mock(Lifecycle.class);
    var stream = mock(EventSource.class);
    when(stream.isOpen()).thenReturn(true);
    when(stream.lastEventId()).thenReturn(Optional.empty());
    when(stream.life()).thenReturn(life);
    when(life.attach(any())).thenAnswer(call -> {
      channel.close();
      return true;
    });
    channel.join(stream);
    assertEquals(0, channel.count());
    verify(life).detach(any());
  }

  @Test
  void eachOutageOfTheLogIsLogged() throws Exception {
    var fails = new AtomicBoolean();
    var failing = new ForwardingLog(EventLog.inMemory()) {
      @Override
      public Reading read(String after, int most, Duration wait) throws InterruptedException {
        if (fails.get()) {
          throw new IllegalStateException("down");
        }
        return super.read(after, most, wait.isZero() ? wait : Duration.ofMillis(5));
      }
    };
    channel.close();
    channel = new Channel("", failing, "gap", Duration.ofMillis(5));
    try (var log = new LogRecords(); var sources = EventSources.create()) {
      var body = new java.io.ByteArrayOutputStream();
      var stream = sources.open(MockExchange.with(new Headers(), body));
      channel.join(stream);
      stream.send("sends the headers");
      for (int i = 1; i <= 3; i++) {
        int outages = i;
        fails.set(true);
        Await.until("it is logged", () -> log.messages(Level.SEVERE).size() == outages);
        fails.set(false);
        channel.publish("n" + i);
        Await.until("it goes on", () -> body.toString().contains("data: n" + outages + "\n"));
      }
    }
  }
}
