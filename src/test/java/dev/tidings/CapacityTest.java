package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.anyBoolean;
import static org.mockito.Mockito.doCallRealMethod;
import static org.mockito.Mockito.RETURNS_DEEP_STUBS;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The limits at their edges, and which streams are accepted there. */
class CapacityTest {
  private static final String BROWSER = "Accept: text/event-stream";

  private static Site site(Settings settings) throws IOException {
    return new Site(EventSources.create(settings.withReconnect(Duration.ofMillis(1500), Duration.ofMillis(1500))), EventSource::keepAlive);
  }

  private static Client open(URI uri, String... headers) throws IOException {
    var client = Client.get(uri, headers);
    assertEquals(200, client.status());
    client.awaitText(":\n\n");
    return client;
  }

  private static void assertRefused(URI uri, String... headers) throws IOException {
    var browserHeaders = Arrays.copyOf(headers, headers.length + 1);
    browserHeaders[headers.length] = BROWSER;
    try (var other = Client.get(uri, headers)) {
      assertEquals(503, other.status());
      assertEquals("2", other.headers().get("Retry-After"));
      assertEquals("", other.toEnd());
    }
    try (var browser = Client.get(uri, browserHeaders)) {
      assertEquals(200, browser.status());
      assertEquals("retry: 1500\n\n", browser.toEnd());
    }
  }

  @Test
  void oneBelowAndAtTheCapGetInAndOneAboveDoesNot() throws Exception {
    try (var site = site(Settings.defaults().withMaxStreams(3));
        var a = open(site.uri());
        var b = open(site.uri("b"));
        var c = open(site.uri())) {
      assertEquals(3, site.sources.count());
      assertRefused(site.uri());
      assertRefused(site.uri("d"));
      assertEquals(3, site.sources.count());
      assertEquals(3, site.sources.stats().opened());
      assertEquals(4, site.sources.stats().refused());
      assertEquals(Map.of(), site.sources.stats().ended());
      assertEquals(3, site.sources.broadcast("all live"));
      for (var client : List.of(a, b, c)) {
        assertEquals("all live", client.next().data());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyWayOutGivesThePlaceBackOnce(Ending why) throws Exception {
    try (var site = site(Settings.defaults().withMaxStreams(1).withMaxStreamsPerClient(1));
        var first = open(site.uri("first"))) {
      var stream = site.opened();
      assertRefused(site.uri("second"));
      stream.life().end(why);
      stream.close();
      stream.life().end(Ending.EXPIRED);
      try (var _ = open(site.uri("second"))) {
        assertRefused(site.uri("third"));
        assertEquals(1, site.sources.count());
      }
      first.toEndOrCut();
    }
  }

  @Test
  void aClientThatLeavesMakesRoom() throws Exception {
    try (var site = site(Settings.defaults().withMaxStreams(1).withHeartbeat(Duration.ofMillis(100)))) {
      open(site.uri()).reset();
      Await.until("the disconnect is noticed", () -> site.sources.count() == 0);
      try (var _ = open(site.uri())) {
        assertEquals(1, site.sources.count());
      }
    }
  }

  @Test
  void aNewcomerTakesThePlaceOfTheStreamThatItReplaces() throws Exception {
    try (var site = site(Settings.defaults().withMaxStreams(2).withMaxStreamsPerClient(2));
        var one = open(site.uri("one"));
        var two = open(site.uri("two"));
        var again = open(site.uri("two"))) {
      assertSentAway(two);
      assertRefused(site.uri("three"));
      try (var _ = open(site.uri("one"))) {
        assertSentAway(one);
        assertRefused(site.uri("three"));
        assertEquals(2, site.sources.count());
      }
      assertEquals(2, site.sources.broadcast("x"));
      assertEquals("x", again.next().data());
    }
  }

  @Test
  void aNewcomerOfAnotherClientReplacesOnlyIfThatOneHasRoom() throws Exception {
    Function<HttpExchange, Object> user = exchange -> exchange.getRequestHeaders().getFirst("User");
    try (var site = site(Settings.defaults().withMaxStreamsPerClient(1).withClient(user));
        var ann = open(site.uri("shared"), "User: ann");
        var ben = open(site.uri("own"), "User: ben")) {
      assertRefused(site.uri("shared"), "User: ben");
      assertTrue(site.sources.getByIdentifier("shared").orElseThrow().send("still there"));
      assertEquals("still there", ann.next().data());
      try (var _ = open(site.uri("shared"), "User: cid")) {
        assertSentAway(ann);
        try (var _ = open(site.uri("other"), "User: ann")) {
          assertRefused(site.uri("third"), "User: ann");
        }
        assertRefused(site.uri("third"), "User: cid");
      }
      try (var nobodys = open(site.uri("nobodys")); var _ = open(site.uri("nobodys"), "User: dan")) {
        assertSentAway(nobodys);
        assertRefused(site.uri("third"), "User: dan");
      }
      ben.head();
    }
  }

  @Test
  void withOtherChoicesADuplicateNeedsAPlaceOfItsOwn() throws Exception {
    for (var choice : List.of(Duplicates.COEXIST, Duplicates.REFUSE)) {
      try (var site = site(Settings.defaults().withMaxStreams(1).withDuplicates(choice)); var first = open(site.uri("me"))) {
        assertRefused(site.uri("me"));
        assertTrue(site.sources.getByIdentifier("me").orElseThrow().send("first"));
        assertEquals("first", first.next().data());
        assertEquals(1, site.sources.all().size());
      }
    }
  }

  @Test
  void eachClientHasItsOwnLimit() throws Exception {
    var settings = Settings.defaults().withMaxStreamsPerClient(2)
        .withClient(exchange -> exchange.getRequestHeaders().getFirst("User"));
    try (var site = site(settings);
        var a1 = open(site.uri(), "User: ann");
        var a2 = open(site.uri(), "User: ann");
        var b1 = open(site.uri(), "User: ben")) {
      assertRefused(site.uri(), "User: ann");
      try (var _ = open(site.uri(), "User: ben")) {
        assertRefused(site.uri(), "User: ben");
      }
      try (var _ = open(site.uri()); var _ = open(site.uri()); var _ = open(site.uri())) {
        Await.until("streams without a client have no limit", () -> site.sources.count() >= 6);
      }
      for (var client : List.of(a1, a2, b1)) {
        assertEquals(200, client.status());
      }
    }
  }

  @Test
  void byDefaultTheAddressIsTheClient() throws Exception {
    var everywhere = SseServer.builder().address(new InetSocketAddress(0)).settings(Settings.defaults().withMaxStreamsPerClient(1));
    try (var server = everywhere.build()) {
      server.get("/", request -> request.getEventSource().keepAlive());
      server.start();
      try (var _ = open(server.uri())) {
        assertRefused503(server.uri());
        // On Linux all of 127.0.0.0/8 is this machine, so 127.0.0.2 is another address of it.
        try (var other = new Socket(server.uri().getHost(), server.port(), InetAddress.getByName("127.0.0.2"), 0)) {
          other.setSoTimeout(10_000);
          other.getOutputStream().write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
          assertEquals("HTTP/1.1 200 OK", new BufferedReader(new InputStreamReader(other.getInputStream())).readLine());
        }
      }
    }
  }

  @Test
  void whatTheClientFunctionThrowsReachesTheOpenerAndTakesNoPlace() throws Exception {
    var bad = new AtomicBoolean(true);
    var settings = Settings.defaults().withMaxStreams(1).withMaxStreamsPerClient(1).withClient(exchange -> {
      if (bad.get()) {
        throw new IllegalStateException("who is that?");
      }
      return "known";
    });
    try (var log = new LogRecords(); var server = SseServer.builder().settings(settings).build()) {
      server.get("/", request -> request.getEventSource().keepAlive());
      server.start();
      try (var client = Client.get(server.uri())) {
        assertEquals(500, client.status());
      }
      assertEquals("who is that?", log.loud().getFirst().getThrown().getMessage());
      bad.set(false);
      try (var _ = open(server.uri())) {
        assertEquals(1, server.eventSources().count());
      }
    }
  }

  @Test
  void withoutALimitForClientsNobodyAsksWhoTheyAre() throws Exception {
    var settings = Settings.defaults().withMaxStreams(1).withClient(exchange -> {
      throw new AssertionError("asked");
    });
    try (var site = site(settings); var _ = open(site.uri())) {
      assertEquals(1, site.sources.count());
    }
  }

  @Test
  void headAndRefusedOnesTakeNoPlace() throws Exception {
    try (var site = new Site(EventSources.create(Settings.defaults().withMaxStreams(1).withBodyLimit(1)), EventSource::keepAlive)) {
      for (int i = 0; i < 3; i++) {
        try (var head = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
          assertEquals(200, head.status());
        }
        try (var large = Client.send("POST", site.uri(), "HTTP/1.1", "xx")) {
          assertEquals(413, large.status());
        }
        try (var completed = Client.get(site.uri(), "Last-Event-ID: " + WireFormat.COMPLETED_ID)) {
          assertEquals(204, completed.status());
        }
      }
      try (var _ = open(site.uri())) {
        try (var head = Client.send("HEAD", site.uri(), "HTTP/1.1", "")) {
          assertEquals(503, head.status(), "the same as for a GET");
        }
        assertEquals(1, site.sources.count());
      }
      assertEquals(4, site.sources.stats().refused(), "three requests whose bodies are too large, and a HEAD");
    }
  }

  @Test
  void twoHundredAtOnceNeverExceedACapAndThePlacesComeBack() throws Exception {
    int cap = 20;
    int perUser = 8; // for three users, so that either limit can be reached first
    var most = new AtomicInteger();
    var settings = Settings.defaults().withMaxStreams(cap).withMaxStreamsPerClient(perUser)
        .withClient(exchange -> exchange.getRequestHeaders().getFirst("User"));
    var sources = EventSources.create(settings);
    var open = new AtomicInteger();
    var byUser = Map.of("0", new AtomicInteger(), "1", new AtomicInteger(), "2", new AtomicInteger());
    var tooMany = new AtomicInteger();
    sources.onOpen(stream -> { // on the opening thread, while the place is held
      most.accumulateAndGet(open.incrementAndGet(), Math::max);
      int own = byUser.get(user(stream)).incrementAndGet();
      tooMany.addAndGet(own > perUser || open.get() > cap ? 1 : 0);
    });
    try (var clients = Executors.newVirtualThreadPerTaskExecutor();
        var site = new Site(sources, stream -> {
          if (stream.isOpen()) {
            Await.until("the cap is reached, or 5 s are over", () -> most.get() == cap || stream.age().toSeconds() > 5);
            open.decrementAndGet();
            byUser.get(user(stream)).decrementAndGet();
          }
          return Ending.CLOSED;
        })) {
      for (int round = 0; round < 3; round++) {
        most.set(0);
        var barrier = new CyclicBarrier(200);
        var results = new ArrayList<Future<Boolean>>();
        for (int i = 0; i < 200; i++) {
          int number = i;
          results.add(clients.submit(() -> {
            barrier.await(20, TimeUnit.SECONDS);
            try (var client = Client.get(site.uri("id-" + number), "User: " + number % 3)) {
              client.toEnd();
              return client.status() == 200;
            }
          }));
        }
        int admitted = 0;
        for (var result : results) {
          admitted += result.get() ? 1 : 0;
        }
        assertEquals(cap, most.get());
        assertTrue(admitted >= cap, "admitted " + admitted);
        Await.until("all streams are gone", () -> sources.streams().isEmpty() && sources.count() == 0);
      }
      assertEquals(0, tooMany.get());
    }
  }

  @Test
  void manyReplacingEachOtherAtTheCapLoseNoPlaceAndGainNone() throws Exception {
    var sources = EventSources.create(Settings.defaults().withMaxStreams(4));
    try (var clients = Executors.newVirtualThreadPerTaskExecutor(); var site = new Site(sources, EventSource::keepAlive)) {
      var go = new CountDownLatch(1);
      var results = new ArrayList<Future<Integer>>();
      for (int i = 0; i < 200; i++) {
        int number = i;
        results.add(clients.submit(() -> {
          Await.latch("the start", go);
          try (var client = Client.get(site.uri("id-" + number % 6))) {
            int status = client.status();
            if (status == 200) {
              client.toEnd();
            }
            return status;
          }
        }));
      }
      go.countDown();
      Await.until("every request is answered", () -> sources.stats().opened() + sources.stats().refused() == 200);
      assertEquals(4, sources.count());
      Await.until("the replaced streams have ended", () -> sources.streams().size() == 4);
      assertEquals(4, sources.dropAll());
      for (var result : results) {
        assertTrue(List.of(200, 503).contains(result.get()));
      }
      assertEquals(0, sources.count());
      try (var _ = open(site.uri("a")); var _ = open(site.uri("b")); var _ = open(site.uri("c")); var _ = open(site.uri("d"))) {
        assertRefused503(site.uri("e"));
      }
    }
  }

  private static void assertSentAway(Client replaced) throws IOException {
    assertEquals(WireFormat.COMPLETED_ID, replaced.next().lastEventId());
    assertNull(replaced.next());
  }

  private static void assertRefused503(URI uri) throws IOException {
    try (var client = Client.get(uri)) {
      assertEquals(503, client.status());
    }
  }

  private static String user(EventSource stream) {
    return Integer.toString(Integer.parseInt(stream.identifier().orElseThrow().substring("id-".length())) % 3);
  }

  /** Returns a member that is not open, to interleave the steps of two threads. */
  private static Member stream(Object client) {
    var member = mock(Member.class, RETURNS_DEEP_STUBS);
    when(member.client()).thenReturn(client);
    doCallRealMethod().when(member).place(anyBoolean());
    when(member.isPlaced()).thenCallRealMethod();
    return member;
  }

  @Test
  void whoIsReplacedGivesThePlaceAtOnceAndOnlyOnce() {
    var capacity = new Capacity(2, 2);
    var one = stream("ann");
    var two = stream("ann");
    assertTrue(capacity.enter(one, List.of()));
    assertTrue(capacity.enter(two, List.of()));
    assertTrue(capacity.enter(stream("ann"), List.of(one)));
    assertTrue(capacity.enter(stream("ann"), List.of(two)), "before the replaced one has left");
    capacity.leave(one);
    capacity.leave(two);
    capacity.leave(two);
    assertFalse(capacity.enter(stream("ben"), List.of()));
    var third = new Capacity(Integer.MAX_VALUE, 1);
    assertTrue(third.enter(one, List.of()));
    assertTrue(third.enter(two, List.of(one)));
    third.leave(one);
    assertFalse(third.enter(stream("ann"), List.of()));
    assertFalse(third.enter(stream("ann"), List.of(one)), "its place is already taken");
    assertTrue(third.enter(stream("ben"), List.of()));
    third.leave(two);
    assertTrue(third.enter(stream("ann"), List.of()));
  }

  /** A client whose hashCode is called first to check for room, and then to count the stream. */
  private static final class FailsTheSecondTime {
    private int asked;

    @Override
    public int hashCode() {
      if (++asked == 2) {
        throw new IllegalStateException("hashCode");
      }
      return 1;
    }
  }

  @Test
  void aStopDoesNotWaitForThoseWhoDidNotGetIn() {
    var capacity = new Capacity(2, 1);
    assertTrue(capacity.enter(stream("ann"), List.of()));
    assertFalse(capacity.enter(stream("ann"), List.of()));
    assertThrows(IllegalStateException.class, () -> capacity.enter(stream(new FailsTheSecondTime()), List.of()));
    assertEquals(1, capacity.count());
    capacity.shut();
    var empty = new AtomicBoolean();
    capacity.gate().whenEmpty(() -> empty.set(true));
    assertFalse(empty.get());
    capacity.gate().leave();
    assertTrue(empty.get(), "the only admitted stream has left");
  }

  @Test
  void badLimitsAreRefused() {
    var settings = Settings.defaults();
    assertThrows(IllegalArgumentException.class, () -> settings.withMaxStreams(0));
    assertThrows(IllegalArgumentException.class, () -> settings.withMaxStreamsPerClient(0));
    assertThrows(NullPointerException.class, () -> settings.withClient(null));
    assertEquals(1, settings.withMaxStreams(1).maxStreams());
    assertEquals(Integer.MAX_VALUE, settings.maxStreams());
    assertEquals(1, settings.withMaxStreamsPerClient(1).maxStreamsPerClient());
  }

  /** The registry must not keep an entry for every client that ever connected. */
  @Test
  void aClientOfWhomNothingIsOpenIsForgotten() throws Exception {
    var clients = new LinkedBlockingQueue<WeakReference<Object>>();
    var settings = Settings.defaults().withMaxStreamsPerClient(1).withClient(exchange -> {
      var client = new Object();
      clients.add(new WeakReference<>(client));
      return client;
    });
    try (var sources = EventSources.create(settings)) {
      sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream())).close();
      var client = Await.next("the client", clients);
      Await.until("it is forgotten", () -> {
        System.gc();
        return client.refersTo(null);
      });
    }
  }
}
