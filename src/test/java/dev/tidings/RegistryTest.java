package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;
import static org.mockito.Mockito.withSettings;

import com.sun.net.httpserver.Headers;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class RegistryTest {

  private static Set<String> names(List<EventSource> streams) {
    var names = new TreeSet<String>();
    streams.forEach(stream -> names.add(stream.identifier().orElse("")));
    return names;
  }

  @Test
  void lookupIsExactAndCaseSensitive() throws Exception {
    try (var site = Site.keepingAlive();
        var one = Client.get(site.uri("Me"));
        var two = Client.get(site.uri("me"));
        var odd = Client.get(site.uri("%20%C3%A9%0A"))) {
      one.head();
      two.head();
      odd.head();
      assertEquals("Me", site.sources.getByIdentifier("Me").orElseThrow().identifier().orElseThrow());
      assertTrue(site.sources.getByIdentifier(" é\n").isPresent());
      assertEquals(Optional.empty(), site.sources.getByIdentifier("ME"));
      assertEquals(Optional.empty(), site.sources.getByIdentifier("me "));
      assertEquals(Optional.empty(), site.sources.getByIdentifier(""));
    }
  }

  @Test
  void findAndAllSeeIdentifiedStreamsAndStreamsSeesAll() throws Exception {
    try (var site = Site.keepingAlive();
        var a = Client.get(site.uri("my-connection-1"));
        var b = Client.get(site.uri("my-connection-2"));
        var c = Client.get(site.uri("other"));
        var d = Client.get(site.uri())) {
      for (var client : List.of(a, b, c, d)) {
        client.head();
      }
      var sources = site.sources;
      assertEquals(Set.of("my-connection-1", "my-connection-2"), names(sources.find(id -> id.startsWith("my-connection-"))));
      assertEquals(Set.of("my-connection-1", "my-connection-2", "other"), names(sources.all()));
      assertEquals(Set.of("", "my-connection-1", "my-connection-2", "other"), names(sources.streams()));
      assertEquals(4, sources.count());
      assertEquals(4, sources.dropAll());
      assertEquals(0, sources.count());
      assertEquals(List.of(), sources.all());
      assertEquals(Map.of(Ending.REVOKED, 4L), sources.stats().ended());
      for (var client : List.of(a, b, c, d)) {
        assertNull(client.next());
      }
      assertEquals(0, sources.dropAll());
    }
  }

  @Test
  void dropAllWhileStreamsOpenLeavesNothingHalfWay() throws Exception {
    try (var clients = Executors.newVirtualThreadPerTaskExecutor(); var site = Site.keepingAlive()) {
      var done = new AtomicBoolean();
      var dropper = Thread.ofPlatform().start(() -> {
        while (!done.get()) {
          site.sources.dropAll();
        }
      });
      var results = new ArrayList<Future<?>>();
      for (int i = 0; i < 300; i++) {
        int number = i;
        results.add(clients.submit(() -> {
          try (var client = Client.get(site.uri(number % 2 == 0 ? "same" : "id-" + number))) {
            assertEquals(200, client.status());
            client.toEnd();
          }
          return null;
        }));
      }
      for (var result : results) {
        result.get();
      }
      done.set(true);
      Await.end(dropper);
      Await.until("all are closed", () -> site.sources.streams().isEmpty());
      assertEquals(0, site.sources.count());
      assertEquals(List.of(), site.sources.all());
      assertEquals(300, site.sources.stats().ended().values().stream().mapToLong(Long::longValue).sum());
    }
  }

  @Test
  void theNewerReplacesTheOlder() throws Exception {
    try (var site = Site.keepingAlive(); var older = Client.get(site.uri("me"))) {
      older.head();
      var first = site.opened();
      try (var newer = Client.get(site.uri("me"))) {
        newer.head();
        assertEquals(Ending.REPLACED, site.ending());
        assertEquals(WireFormat.COMPLETED_ID, older.next().lastEventId());
        assertNull(older.next());
        assertEquals(1, site.sources.count());
        var second = site.opened();
        assertSame(second, site.sources.getByIdentifier("me").orElseThrow());
        first.close();
        assertSame(second, site.sources.getByIdentifier("me").orElseThrow());
        assertTrue(second.send("for the newer"));
        assertEquals("for the newer", newer.next().data());
      }
    }
  }

  @Test
  void aRefusedEventSourceGetsRetryAndAnEndSoThatItComesBack() throws Exception {
    var sources = EventSources.create(Settings.defaults().withDuplicates(Duplicates.REFUSE).withReconnect(Duration.ofSeconds(5), Duration.ofSeconds(5)));
    try (var site = new Site(sources, EventSource::keepAlive); var first = Client.get(site.uri("me"))) {
      first.head();
      site.opened();
      try (var second = Client.get(site.uri("me"), "Accept: text/event-stream")) {
        assertEquals(200, second.status());
        assertEquals("retry: 5000\n\n", second.toEnd());
        assertEquals(5000, second.parser().reconnectionTime());
        assertEquals(Ending.REFUSED, site.ending());
        assertFalse(site.opened().send("never"));
      }
      try (var third = Client.get(site.uri("me"))) {
        assertEquals(503, third.status());
        assertEquals("5", third.headers().get("Retry-After"));
        assertEquals("", third.toEnd());
      }
      assertEquals(1, sources.count());
      assertEquals(1, sources.stats().opened());
      assertEquals(2, sources.stats().refused());
      assertTrue(sources.getByIdentifier("me").orElseThrow().send("the first lives"));
      assertEquals("the first lives", first.next().data());
    }
  }

  @Test
  void coexistingDuplicatesAreAllFoundAndLeaveOneByOne() throws Exception {
    var sources = EventSources.create(Settings.defaults().withDuplicates(Duplicates.COEXIST));
    try (var site = new Site(sources, EventSource::keepAlive);
        var one = Client.get(site.uri("me"))) {
      one.head();
      var first = site.opened();
      try (var two = Client.get(site.uri("me"))) {
        two.head();
        var second = site.opened();
        assertEquals(2, sources.all().size());
        var asked = new ArrayList<String>();
        assertEquals(2, sources.find(asked::add).size());
        assertEquals(List.of("me"), asked, "once for each identifier");
        assertSame(second, sources.getByIdentifier("me").orElseThrow());
        for (EventSource sse : sources.find("me"::equals)) {
          sse.send("to each");
        }
        assertEquals("to each", one.next().data());
        assertEquals("to each", two.next().data());
        second.close();
        assertSame(first, sources.getByIdentifier("me").orElseThrow());
        first.close();
        assertEquals(Optional.empty(), sources.getByIdentifier("me"));
      }
    }
  }

  @Test
  void closingRefusesNewStreamsAndEndsTheOpenOnes() throws Exception {
    var sources = EventSources.create(Settings.defaults().withReconnect(Duration.ofSeconds(5), Duration.ofSeconds(5)));
    try (var site = new Site(sources, EventSource::keepAlive); var client = Client.get(site.uri("me"))) {
      client.head();
      site.opened().send("accepted before");
      site.sources.close();
      assertEquals("accepted before", client.next().data());
      assertNull(client.next());
      assertEquals(Ending.STOPPING, site.ending());
      try (var late = Client.get(site.uri("late"), "Accept: text/event-stream")) {
        assertEquals("retry: 5000\n\n", late.toEnd());
      }
      site.sources.close();
    }
  }

  @Test
  void everyWayOutLeavesTheRegistryEmpty() throws Exception {
    for (Ending why : Ending.values()) {
      try (var site = Site.keepingAlive(); var client = Client.get(site.uri("me"))) {
        client.head();
        var stream = site.opened();
        assertTrue(stream.life().end(why));
        assertEquals(why, site.ending());
        assertEquals(0, site.sources.count());
        assertEquals(List.of(), site.sources.all());
        assertEquals(Map.of(why, 1L), site.sources.stats().ended());
        stream.close();
        assertEquals(List.of(), List.copyOf(site.sources.streams()));
        client.toEndOrCut();
      }
    }
  }

  @Test
  void aStreamThatOpenedIsSeenByBroadcastsHoweverManyLookAtOnce() throws Exception {
    var index = new StreamIndex(new Capacity(Integer.MAX_VALUE, Integer.MAX_VALUE));
    var done = new AtomicBoolean();
    try (var sources = EventSources.create()) {
      var other = Thread.ofPlatform().start(() -> {
        while (!done.get()) {
          index.streams().forEach(stream -> {});
        }
      });
      int missed = 0;
      for (int i = 0; i < 2000; i++) {
        var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
        var member = new Member(mock(Member.Registry.class, withSettings().stubOnly()), sources.engine(), exchange, Optional.empty(), null, Optional.empty());
        index.claim(member);
        missed += isListed(index, member) ? 0 : 1;
        index.release(member);
        missed += isListed(index, member) ? 1 : 0;
      }
      done.set(true);
      Await.end(other);
      assertEquals(0, missed);
    }
  }

  @Test
  void aSecondStreamOfARequestIsKeptNowhere() {
    var index = new StreamIndex(new Capacity(1, 1));
    try (var sources = EventSources.create()) {
      var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
      var owner = mock(Member.Registry.class, withSettings().stubOnly());
      var first = new Member(owner, sources.engine(), exchange, Optional.empty(), null, Optional.empty());
      var second = new Member(owner, sources.engine(), exchange, Optional.empty(), null, Optional.empty());
      index.claim(first);
      assertThrows(IllegalStateException.class, () -> index.claim(second));
      assertTrue(isListed(index, first));
      assertFalse(isListed(index, second));
    }
  }

  private static boolean isListed(StreamIndex index, Member member) {
    for (EventSource stream : index.streams()) {
      if (stream == member.stream()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void aStreamTellsWhatItIs() throws Exception {
    var ticker = new ManualTicker();
    try (var site = new Site(new EventSources(Settings.defaults(), ticker), EventSource::keepAlive);
        var client = Client.get(site.uri("me"))) {
      client.head();
      var stream = site.opened();
      ticker.advance(Duration.ofSeconds(3));
      assertEquals(Duration.ofSeconds(3), stream.age());
      stream.send("x");
      stream.flush();
      assertEquals(new Traffic(2, 12, 0, 0), stream.traffic());
      assertEquals("EventSource[\"me\", open]", stream.toString());
      stream.close();
      assertEquals("EventSource[\"me\", CLOSED]", stream.toString());
    }
  }

  @Test
  void theOlderHasEndedWhenListenersAreToldOfTheNewer() {
    try (var sources = EventSources.create()) {
      var older = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()), "me");
      var endings = new ArrayList<Optional<Ending>>();
      sources.onOpen(newer -> endings.add(older.ending()));
      sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()), "me");
      assertEquals(List.of(Optional.of(Ending.REPLACED)), endings);
    }
  }

  @Test
  void aRequestForTheHeadersOnlyIsInNoListAndIsNotDropped() {
    try (var sources = EventSources.create()) {
      var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
      when(exchange.getRequestMethod()).thenReturn("HEAD");
      var stream = sources.open(exchange, "me");
      assertEquals(List.of(), sources.streams());
      assertEquals(List.of(), sources.all());
      assertEquals(0, sources.broadcast(Event.of("x"), listed -> {
        throw new AssertionError("it was asked about " + listed);
      }));
      assertEquals(0, sources.drop(listed -> true));
      assertEquals(0, sources.dropAll());
      assertTrue(stream.isOpen(), "open until its handler sends something, which is discarded");
    }
  }

  @Test
  void whatIsNullIsAnErrorOfItsCaller() {
    try (var sources = EventSources.create()) {
      var exchange = MockExchange.with(new Headers(), OutputStream.nullOutputStream());
      assertThrows(NullPointerException.class, () -> sources.open(exchange, null));
      assertThrows(NullPointerException.class, () -> sources.onOpen(null));
      assertThrows(NullPointerException.class, () -> sources.onEnd(null));
      assertThrows(NullPointerException.class, () -> sources.find(null));
      assertThrows(NullPointerException.class, () -> sources.drop(null));
      assertThrows(NullPointerException.class, () -> sources.broadcast(Event.of("x"), (java.util.function.Predicate<EventSource>) null));
      assertTrue(sources.open(exchange, "me").isOpen());
    }
  }

  @Test
  void aStreamThatHasEndedIsInNoListThoughItsClientStillReads() throws Exception {
    var body = new StuckBody();
    try (var sources = EventSources.create()) {
      var stream = sources.open(MockExchange.with(new Headers(), body), "me");
      stream.send("x");
      body.awaitWrite();
      assertEquals(1, sources.dropAll());
      assertEquals(List.of(), sources.streams());
      assertEquals(List.of(), sources.all());
      assertTrue(sources.getByIdentifier("me").isEmpty());
      assertEquals(0, sources.count());
      assertEquals(0, sources.dropAll());
      assertEquals(0, sources.broadcast(Event.of("y"), listed -> {
        throw new AssertionError("it was asked about " + listed);
      }));
      body.read();
    }
  }
}
