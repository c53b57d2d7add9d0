package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import dev.tidings.WhatwgParser.Message;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ending a stream for good: the completion event, and the response to a client that comes back all the same. */
class CompleteTest {
  private static final String COMPLETION = "event: tidings:completed\nid: " + WireFormat.COMPLETED_ID + "\ndata: \n\n";
  private static final String COMES_BACK = "Last-Event-ID: " + WireFormat.COMPLETED_ID;

  @ParameterizedTest
  @EnumSource
  void theReservedIdComesAfterAllThatWasAccepted(Scheme scheme) throws Exception {
    var endings = new LinkedBlockingQueue<Ending>();
    var sent = new LinkedBlockingQueue<Boolean>();
    try (var server = scheme.builder().build()) {
      server.get("/", request -> {
        var stream = request.getEventSource();
        for (int i = 0; i < 500; i++) {
          assertTrue(stream.send(Event.of("n" + i).withId("id-" + i)));
        }
        stream.complete();
        stream.complete();
        stream.close();
        endings.add(stream.keepAlive());
        sent.add(stream.send("never"));
      });
      server.start();
      try (var client = Client.get(server.uri())) {
        assertTrue(client.toEnd().endsWith("data: n499\n\n" + COMPLETION));
        assertEquals(501, client.parser().messages().size());
        // Many clients keep an id only if it comes with data.
        var last = client.parser().messages().getLast();
        assertEquals(new Message("tidings:completed", "", WireFormat.COMPLETED_ID), last);
      }
      assertEquals(Ending.COMPLETED, Await.next("the ending", endings));
      assertFalse(Await.next("the answer of a send after that", sent));
      assertEquals(Map.of(Ending.COMPLETED, 1L), server.eventSources().stats().ended());
      assertEquals(0, server.eventSources().count());
    }
  }

  @Test
  void aStreamCanCompleteBeforeItSentAnything() throws Exception {
    try (var site = new Site(EventSources.create(), stream -> {
          stream.complete();
          return stream.keepAlive();
        });
        var client = Client.get(site.uri())) {
      assertEquals(COMPLETION, client.toEnd());
      assertEquals(Ending.COMPLETED, site.ending());
    }
  }

  @Test
  void completeReturnsOnceAllIsHandedOver() throws Exception {
    try (var sources = EventSources.create()) {
      var body = new StuckBody();
      var stream = sources.open(MockExchange.with(new Headers(), body));
      stream.send("x");
      body.awaitWrite();
      var completing = Thread.ofVirtual().start(stream::complete);
      var over = EnumSet.of(Thread.State.WAITING, Thread.State.TERMINATED);
      Await.until("it waits", () -> !stream.isOpen() && over.contains(completing.getState()));
      assertEquals(Thread.State.WAITING, completing.getState());
      body.read();
      Await.end(completing);
      assertEquals("data: x\n\n" + COMPLETION, body.text());
    }
  }

  @Test
  void completeWaitsForTheHandingOverOnlyUntilTheDeadline() throws Exception {
    var settings = Settings.defaults().withWriteDeadline(Duration.ofMillis(300)).withOverflow(Overflow.dropNewest());
    try (var site = new Site(EventSources.create(settings), EventSource::keepAlive);
        var client = Client.get(site.uri(), 4096)) {
      var stream = site.opened();
      var large = Event.of("x".repeat(60_000));
      while (stream.traffic().dropped() < 5) {
        stream.offer(large);
      }
      long start = System.nanoTime();
      stream.complete();
      var took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took::toString);
      assertTrue(site.sources.streams().isEmpty());
      client.reset();
    }
  }

  @Test
  void afterAnotherEndCompleteChangesNothing() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.awaitText(":\n\n");
      var stream = site.opened();
      stream.close();
      stream.complete();
      assertEquals(":\n\n", client.toEnd());
      assertEquals(Ending.CLOSED, site.ending());
    }
  }

  @Test
  void whoEndsItAtTheSameMomentDoesNotCutTheLastWordsOff() throws Exception {
    int completed = 0;
    try (var site = Site.keepingAlive()) {
      for (int round = 0; round < 100; round++) {
        try (var client = Client.get(site.uri())) {
          client.head();
          var stream = site.opened();
          var barrier = new CyclicBarrier(4);
          var threads = new ArrayList<Thread>();
          for (int i = 0; i < 4; i++) {
            boolean completes = i == 0;
            threads.add(Thread.ofPlatform().start(() -> {
              try {
                barrier.await(20, TimeUnit.SECONDS);
              } catch (Exception e) {
                throw new AssertionError(e);
              }
              if (completes) {
                stream.complete();
              } else {
                while (stream.isOpen()) {
                  Thread.onSpinWait(); // until the very moment of the ending
                }
                stream.close();
              }
            }));
          }
          for (var thread : threads) {
            Await.end(thread);
          }
          assertEquals(Ending.COMPLETED, site.ending());
          completed += client.toEnd().contains(WireFormat.COMPLETED_ID) ? 1 : 0;
        }
      }
    }
    assertEquals(100, completed);
  }

  @Test
  void otherEndsTellNobodyToStayAway() throws Exception {
    for (Ending why : Ending.values()) {
      try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
        client.awaitText(":\n\n");
        site.opened().life().end(why);
        boolean forGood = client.toEndOrCut().contains(WireFormat.COMPLETED_ID);
        assertEquals(why == Ending.COMPLETED || why == Ending.REPLACED, forGood, why::toString);
      }
    }
  }

  @Test
  void whoComesBackIsAnswered204WithoutABody() throws Exception {
    try (var log = new LogRecords(); var server = SseServer.create(0)) {
      var ended = new CountDownLatch(1);
      server.get("/", request -> {
        try (var stream = request.getEventSource("me")) {
          stream.appendHeader("Not", "sent");
          assertFalse(stream.send("never"));
          assertEquals(Ending.COMPLETED, stream.keepAlive());
          ended.countDown();
        }
      });
      server.start();
      try (var client = Client.get(server.uri(), "Accept: text/event-stream", COMES_BACK)) {
        assertEquals(204, client.status());
        assertEquals("no-store, no-transform", client.headers().get("Cache-Control"));
        assertEquals("close", client.headers().get("Connection"));
        assertNull(client.headers().get("Content-Type"));
        assertNull(client.headers().get("Transfer-Encoding"));
        assertNull(client.headers().get("Not"));
        assertEquals(-1, client.socket().getInputStream().read());
      }
      Await.latch("its handler", ended);
      try (var head = Client.send("HEAD", server.uri(), "HTTP/1.1", "", COMES_BACK)) {
        assertEquals(204, head.status());
      }
      try (var old = Client.send("GET", server.uri(), "HTTP/1.0", "", COMES_BACK)) {
        assertEquals(204, old.status());
        assertEquals(-1, old.socket().getInputStream().read());
      }
      try (var page = Client.get(server.uri().resolve("/?lastEventId=" + WireFormat.COMPLETED_ID), "Accept: text/event-stream")) {
        assertEquals(204, page.status());
      }
      assertEquals(0, server.eventSources().stats().opened());
      assertEquals(Map.of(), server.eventSources().stats().ended());
      assertEquals(0, log.loud().stream().filter(record -> !record.getMessage().contains("nodelay")).count());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "7", "tidings:completed", "tidings-completed-5d41f3c8x"})
  void otherLastEventIdsGetAStream(String id) throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri(), "Last-Event-ID: " + id)) {
      assertEquals(200, client.status());
      assertTrue(site.opened().isOpen());
    }
  }

  @Test
  void theReservedIdIsNobodysOwn() {
    var e = assertThrows(IllegalArgumentException.class, () -> Event.empty().withId(WireFormat.COMPLETED_ID));
    assertEquals("event id is reserved for EventSource.complete(): \"" + WireFormat.COMPLETED_ID + "\"", e.getMessage());
    assertTrue(WireFormat.COMPLETED_ID.chars().allMatch(c -> c > ' ' && c < 0x7f));
  }

  @Test
  void theReplacedClientIsToldToStayAway() throws Exception {
    try (var site = Site.keepingAlive(); var older = Client.get(site.uri("me"))) {
      site.opened().send(Event.of("before").withId("1"));
      try (var newer = Client.get(site.uri("me"))) {
        newer.head();
        assertEquals("before", older.next().data());
        assertEquals(WireFormat.COMPLETED_ID, older.next().lastEventId());
        assertNull(older.next());
        assertEquals(Ending.REPLACED, site.ending());
        var winner = site.opened();
        try (var again = Client.get(site.uri("me"), COMES_BACK)) {
          assertEquals(204, again.status());
        }
        assertTrue(winner.isOpen());
        assertEquals(1, site.sources.count());
      }
    }
  }
}
