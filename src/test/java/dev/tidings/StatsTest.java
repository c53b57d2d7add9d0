package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/** Monitoring and control of streams by the application: figures, listeners, attributes, pings on demand. */
class StatsTest {
  private static EventSource open(EventSources sources) {
    return sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()));
  }

  @Test
  void theFiguresAreThoseOfAllStreamsOpenAndEnded() throws Exception {
    var settings = Settings.defaults().withMaxStreams(2).withQueueEvents(1).withOverflow(Overflow.dropNewest());
    try (var sources = EventSources.create(settings)) {
      assertEquals(new Stats(0, 0, 0, Map.of(), 0, 0, 0, 0), sources.stats());
      var one = open(sources);
      var other = open(sources);
      assertEquals(Ending.REFUSED, open(sources).ending().orElseThrow());
      one.send("1234");
      assertTrue(one.flush());
      for (int i = 0; i < 5; i++) {
        sources.broadcast("12345"); // sent to one, or still under way
        one.flush();
      }
      var stats = sources.stats();
      assertEquals(2, stats.open());
      assertEquals(2, stats.opened());
      assertEquals(1, stats.refused());
      assertEquals(Map.of(), stats.ended());
      assertEquals(2, stats.waiting(), "the other handler has sent nothing, so these are held: %s".formatted(stats));
      assertEquals(3, stats.dropped());
      assertEquals(6, stats.events());
      assertEquals("data: 1234\n\n".length() + 5L * "data: 12345\n\n".length(), stats.bytes());
      one.close();
      other.close();
      var last = sources.stats();
      assertEquals(
          new Stats(0, 2, 1, Map.of(Ending.CLOSED, 2L), 8, last.bytes(), 3, 0), last, "held events go out at the end");
      assertTrue(last.bytes() >= stats.bytes() + 2L * "data: 12345\n\n".length());
      assertThrows(UnsupportedOperationException.class, () -> last.ended().clear());
    }
  }

  @Test
  void aListenerThatIsRemovedIsNotToldAnyMore() throws Exception {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    try (var sources = EventSources.create()) {
      var opens = sources.onOpen(stream -> told.add("open"));
      var ends = sources.onEnd((stream, why) -> told.add("end"));
      var stream = open(sources);
      assertEquals("open", Await.next("the opening", told));
      var own = stream.onEnd(why -> told.add("own"));
      stream.onEnd(why -> told.add("other"));
      own.close();
      own.close(); // once is enough
      stream.close();
      assertEquals(List.of("end", "other"), List.of(Await.next("an ending", told), Await.next("an ending", told)).stream().sorted().toList());
      opens.close();
      ends.close();
      var last = open(sources);
      var done = new CountDownLatch(1);
      last.onEnd(why -> done.countDown());
      last.close();
      Await.latch("the last ending", done);
      assertEquals(null, told.poll());
      own.close(); // after the end it changes nothing
    }
  }

  /** A listener that is added twice is called twice; each removal removes it once. */
  @Test
  void aListenerMayBeAddedTwice() throws Exception {
    BlockingQueue<Ending> told = new LinkedBlockingQueue<>();
    try (var sources = EventSources.create()) {
      var stream = open(sources);
      java.util.function.Consumer<Ending> listener = told::add;
      var first = stream.onEnd(listener);
      stream.onEnd(listener);
      first.close();
      stream.close();
      assertEquals(Ending.CLOSED, Await.next("the ending", told));
      var done = new CountDownLatch(1);
      stream.onEnd(why -> done.countDown());
      Await.latch("a later listener", done);
      assertEquals(null, told.poll());
      assertThrows(NullPointerException.class, () -> stream.onEnd(null));
    }
  }

  @Test
  void aStreamCarriesAttributesOfTheApplication() throws Exception {
    try (var sources = EventSources.create()) {
      var stream = open(sources);
      stream.attributes().put("user", "ann");
      assertEquals("ann", stream.attributes().get("user"));
      assertSame(stream.attributes(), stream.attributes());
      assertNotSame(stream.attributes(), open(sources).attributes());
      stream.close();
      assertEquals("ann", stream.attributes().get("user"), "also after the end");
    }
  }

  @Test
  void aBroadcastToACollectionGoesToThoseOnly() throws Exception {
    try (var site = Site.keepingAlive();
        var a = Client.get(site.uri("a"));
        var b = Client.get(site.uri("b"));
        var other = EventSources.create()) {
      a.head();
      b.head();
      var one = site.sources.getByIdentifier("a").orElseThrow();
      var ended = site.sources.getByIdentifier("b").orElseThrow();
      assertEquals(1, site.sources.broadcast(Event.of("first"), List.of(one)));
      ended.close();
      assertEquals(1, site.sources.broadcast(Event.of("second"), List.of(ended, one)), "ended ones are skipped");
      assertEquals(List.of("first", "second"), a.data(2));
      assertEquals(List.of(), b.data(1));
      var stranger = open(other);
      var e = assertThrows(IllegalArgumentException.class, () -> site.sources.broadcast(Event.of("x"), List.of(one, stranger)));
      assertEquals("a stream of another registry: " + stranger, e.getMessage());
      assertEquals(0, site.sources.broadcast(Event.of("x"), List.of()));
      assertEquals(1, site.sources.broadcast("name", "third"));
      assertEquals("third", a.next().data(), "and no event before it");
    }
  }

  @Test
  void aPingOnDemandIsSentNowAndHasItsSecondWrite() throws Exception {
    var ticker = new ManualTicker();
    try (var site = new Site(new EventSources(Settings.defaults().withHeartbeat(Duration.ofHours(1)), ticker), EventSource::keepAlive);
        var client = Client.get(site.uri())) {
      client.awaitComments(1); // the one that carries the head
      var stream = site.opened();
      assertTrue(stream.flush());
      ticker.advance(Duration.ofSeconds(10));
      assertEquals(1, site.sources.ping());
      client.awaitComments(2);
      assertTrue(stream.flush());
      ticker.advance(Duration.ofSeconds(1));
      client.awaitComments(3);
      stream.close();
      assertEquals(0, site.sources.ping());
    }
  }

  @Test
  void headersCanBeSentBeforeAnyEvent() throws Exception {
    var more = new CountDownLatch(1);
    var late = new LinkedBlockingQueue<String>();
    try (var site = new Site(EventSources.create(), stream -> {
      stream.appendHeader("Early", "yes");
      stream.sendHeaders();
      stream.sendHeaders();
      late.add(assertThrows(IllegalStateException.class, () -> stream.appendHeader("Late", "no")).getMessage());
      more.await();
      return stream.keepAlive();
    });
        var client = Client.get(site.uri())) {
      assertEquals("yes", client.headers().get("Early"));
      assertTrue(Await.next("the error for a late header", late).contains("Late"));
      more.countDown();
      var stream = site.opened();
      stream.close();
      stream.sendHeaders(); // has no effect any more
    }
  }

  @Test
  void textAndNamedTextAreShortFormsOfAnEvent() throws Exception {
    try (var site = Site.keepingAlive(); var channel = Channel.create(); var client = Client.get(site.uri())) {
      var stream = site.opened();
      stream.offer("a");
      stream.offer("n", "b");
      stream.send("c");
      stream.send("n", "d");
      site.sources.broadcast("e");
      site.sources.broadcast("n", "f");
      channel.join(stream);
      channel.publish("g");
      channel.publish("n", "h");
      for (String data : List.of("a", "b", "c", "d", "e", "f", "g", "h")) {
        var message = client.next();
        assertEquals(data, message.data());
        assertEquals("bdfh".contains(data) ? "n" : "message", message.type());
      }
    }
  }
}
