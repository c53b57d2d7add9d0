package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Authenticator;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;

/** Commands that end streams on all nodes. */
class ClusterTest {
  private static final Settings COEXISTING = Settings.defaults().withDuplicates(Duplicates.COEXIST);

  private static EventSource open(EventSources sources, String identifier) {
    var stream = sources.open(MockExchange.with(new Headers(), OutputStream.nullOutputStream()), identifier);
    stream.sendHeaders();
    return stream;
  }

  // Dropping.

  @Test
  void droppingByIdentifierEndsTheStreamsOnAllNodes() throws Exception {
    try (var nodes = new Nodes(3, COEXISTING);
        var a = nodes.get(0).open("me");
        var b = nodes.get(1).open("me");
        var c = nodes.get(2).open("me");
        var twin = nodes.get(2).open("me");
        var _ = nodes.get(1).open("ME");
        var other = Client.get(nodes.get(1).site.uri())) {
      other.awaitText(":\n\n");
      nodes.get(0).cluster.drop("me");
      for (var client : List.of(a, b, c, twin)) {
        assertEquals(":\n\n", client.toEnd()); // not told to stay away
      }
      assertEquals(Ending.REVOKED, nodes.get(2).site.ending());
      assertEquals(Map.of(Ending.REVOKED, 2L), nodes.get(2).sources.stats().ended());
      assertEquals(2, nodes.open());
      try (var _ = nodes.get(0).open("me")) { // the handler decides which clients may come back
        assertEquals(1, nodes.get(0).open());
      }
    }
  }

  @Test
  void droppingByPrincipalEndsTheStreamsOfTheUserOnAllNodes() throws Exception {
    try (var nodes = Nodes.of(3)) {
      var clients = new ArrayList<Client>();
      for (int i = 0; i < 3; i++) {
        clients.add(nodes.get(i).openAs("ann"));
        clients.add(nodes.get(i).openAs("ben"));
        clients.add(nodes.get(i).open("ben")); // an identifier is no username
      }
      nodes.get(1).cluster.dropPrincipal("ben");
      for (int i = 0; i < 3; i++) {
        assertEquals(":\n\n", clients.get(3 * i + 1).toEnd());
        assertEquals(Map.of(Ending.REVOKED, 1L), nodes.get(i).sources.stats().ended());
        assertEquals(2, nodes.get(i).open());
      }
      for (var client : clients) {
        client.close();
      }
    }
  }

  @Test
  void anyIdentifierCanBeDroppedAndNoOtherStreamEnds() throws Exception {
    try (var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      for (var hostile :
          List.of("", " ", "\n", "a\r\nb", "\"", "a&identifier=b", "a%26b", "a+b", "a=b", "\0", "\u2028", "é€🎈", "\ufeff", "x".repeat(1024))) {
        var wanted = open(b.sources, hostile);
        var another = open(b.sources, hostile + "b");
        a.cluster.drop(hostile);
        Await.until("it is dropped: " + hostile, () -> !wanted.isOpen());
        nodes.awaitApplied(a, b);
        assertTrue(another.isOpen());
        another.close();
      }
    }
  }

  @Test
  void textThatNoCommandCanContainIsRefused() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var cluster = nodes.get(0).cluster;
      for (String bad : List.of("\ud800", "a\udc00b", "x".repeat(1025))) {
        assertThrows(IllegalArgumentException.class, () -> cluster.drop(bad));
        assertThrows(IllegalArgumentException.class, () -> cluster.dropPrincipal(bad));
      }
      assertThrows(NullPointerException.class, () -> cluster.drop(null));
      assertEquals(List.of(), nodes.get(0).log.appended);
    }
  }

  @Test
  void aCallerLearnsWhetherTheCommandWasAppended() throws Exception {
    try (var _ = new LogRecords(); var nodes = Nodes.of(2); var client = nodes.get(1).open("me")) {
      var a = nodes.get(0);
      a.log.reject(true);
      assertThrows(NotAppendedException.class, () -> a.cluster.drop("me"));
      a.log.reject(false);
      a.log.away(true);
      assertThrows(UncheckedIOException.class, () -> a.cluster.dropPrincipal("me"));
      assertTrue(nodes.get(1).site.opened().isOpen());
      a.log.away(false);
      a.log.loseReplies(true);
      assertThrows(UncheckedIOException.class, () -> a.cluster.drop("me"));
      assertEquals(":\n\n", client.toEnd()); // although the caller does not know
    }
  }

  @Test
  void aNodeThatWasCutOffAppliesWhatItMissedWithinTwoSeconds() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(2); var client = nodes.get(1).open("me")) {
      var b = nodes.get(1);
      b.log.away(true);
      Await.until("the node notices", () -> !log.messages(Level.WARNING).isEmpty());
      nodes.get(0).cluster.drop("me");
      nodes.awaitApplied(nodes.get(0));
      var stream = b.site.opened();
      Await.until("it has tried again", () -> b.log.failures.get() >= 4);
      assertTrue(stream.isOpen());
      b.log.away(false);
      long start = System.nanoTime();
      assertEquals(Ending.REVOKED, b.site.ending());
      var took = Duration.ofNanos(System.nanoTime() - start);
      System.out.println("a drop is applied " + took.toMillis() + " ms after the log is back");
      assertTrue(took.toMillis() < 2000, took::toString);
      assertEquals(":\n\n", client.toEnd());
      assertEquals(1, log.messages(Level.WARNING).stream().filter(m -> m.contains("control log")).count());
      assertEquals(0, log.messages(Level.SEVERE).size());
    }
  }

  // Other commands.

  @Test
  void commandsThatANodeDoesNotKnowAreIgnoredWithOneWarningForEachKind() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1); var client = nodes.get(0).open("me")) {
      for (int i = 0; i < 3; i++) {
        nodes.shared.append(Event.of("tidings:of-tomorrow", "format=1&identifier=me"));
        nodes.shared.append(Event.of("tidings:drop", "format=2&identifier=me"));
        nodes.shared.append(Event.of("tidings:drop", "{\"identifier\":\"me\"}"));
        nodes.shared.append(Event.of("no command"));
      }
      nodes.awaitApplied(nodes.get(0));
      assertEquals(1, nodes.open());
      var warnings = log.messages(Level.WARNING);
      assertEquals(2, warnings.size(), warnings::toString);
      assertTrue(warnings.getFirst().endsWith("such as \"tidings:of-tomorrow\""), warnings::toString);
      assertTrue(warnings.getLast().contains("newer format"), warnings::toString);
      nodes.get(0).cluster.drop("me");
      assertEquals(":\n\n", client.toEnd());
    }
  }

  // Gaps.

  @Test
  void afterAGapAllStreamsAreRecheckedAtMost64AtATime() throws Exception {
    var running = new AtomicInteger();
    var most = new AtomicInteger();
    var asked = new AtomicInteger();
    var go = new Semaphore(0);
    var ended = new AtomicBoolean();
    var settings = Settings.defaults().withHeartbeat(Duration.ofDays(1)).withRecheck(stream -> {
      asked.incrementAndGet();
      most.accumulateAndGet(running.incrementAndGet(), Math::max);
      Await.uninterrupted(go::acquire);
      running.decrementAndGet();
      return !ended.get() || !stream.identifier().orElseThrow().startsWith("bad");
    });
    try (var log = new LogRecords(); var nodes = new Nodes(1, settings)) {
      var node = nodes.get(0);
      for (int i = 0; i < 200; i++) {
        open(node.sources, (i < 10 ? "bad" : "good") + i);
      }
      ended.set(true);
      node.log.loseCommands();
      nodes.shared.append(Command.encode(new Command.Drop("bad1"))); // is lost
      Await.until("64 are asked", () -> asked.get() == 64);
      go.release(36);
      Await.until("36 more are asked", () -> asked.get() == 100);
      go.release(200);
      Await.until("all are asked", () -> asked.get() == 200 && running.get() == 0);
      assertEquals(64, most.get());
      Await.until("the others have ended", () -> node.open() == 190);
      assertEquals(Map.of(Ending.REVOKED, 10L), node.sources.stats().ended());
      assertEquals(1, log.messages(Level.WARNING).stream().filter(m -> m.contains("missed commands")).count());
    }
  }

  @Test
  void withoutARecheckStreamsOutliveAGap() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1); var _ = nodes.get(0).open("me")) {
      nodes.get(0).log.loseCommands();
      Await.until("a warning", () -> !log.messages(Level.WARNING).isEmpty());
      nodes.get(0).cluster.drop("nobody");
      nodes.awaitApplied(nodes.get(0));
      assertEquals(1, nodes.open());
    }
  }

  @Test
  void aNodeThatJoinsWhileTheLogIsAwayFollowsItLaterAndRechecksItsStreams() throws Exception {
    var asked = new LinkedBlockingQueue<EventSource>();
    try (var log = new LogRecords(); var nodes = new Nodes(1, Settings.defaults().withRecheck(asked::add))) {
      var late = nodes.add();
      var early = open(late.sources, "early");
      late.log.away(true);
      Nodes.join(late);
      Await.until("a warning", () -> log.messages(Level.WARNING).size() == 1);
      nodes.get(0).cluster.drop("early"); // the node never learns of this command, so it has to ask
      late.log.away(false);
      assertSame(early, Await.next("the check", asked));
      nodes.awaitApplied(late);
      nodes.get(0).cluster.drop("early");
      Await.until("it is dropped", () -> !early.isOpen());
    }
  }

  // Failing closed.

  @Test
  void withoutContactForTooLongStreamsWithAPrincipalEnd() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1)) {
      var node = nodes.get(0);
      assertSame(node.cluster, node.cluster.failClosed(Duration.ofSeconds(60)));
      try (var ann = node.openAs("ann"); var _ = node.open("unknown")) {
        for (int i = 0; i < 10; i++) { // an idle log is no outage
          nodes.advance(Duration.ofSeconds(20));
          node.cluster.drop("nobody");
          nodes.awaitApplied(node);
        }
        assertEquals(2, node.open());
        node.log.away(true);
        Await.until("the node notices", () -> !log.messages(Level.WARNING).isEmpty());
        nodes.advance(Duration.ofSeconds(30));
        try (var ben = node.openAs("ben")) {
          nodes.advance(Duration.ofSeconds(28));
          assertEquals(3, node.open());
          nodes.advance(Duration.ofSeconds(6));
          String text = ann.toEnd();
          assertTrue(text.contains("retry: "), text);
          assertFalse(text.contains(WireFormat.COMPLETED_ID));
          assertEquals(2, node.open());
          nodes.advance(Duration.ofSeconds(30));
          assertTrue(ben.toEnd().contains("retry: "));
          assertEquals(1, node.open());
          assertEquals(Map.of(Ending.REVOKED, 2L), node.sources.stats().ended());
        }
        var warnings = log.messages(Level.WARNING);
        assertEquals(1, warnings.stream().filter(m -> m.contains("authenticated users ended")).count(), warnings::toString);
        node.log.away(false);
        node.cluster.drop("nobody");
        nodes.awaitApplied(node);
        try (var _ = node.openAs("ann")) {
          nodes.advance(Duration.ofSeconds(50));
          assertEquals(2, node.open());
        }
      }
    }
  }

  @Test
  void byDefaultAndAfterForeverAnOutageEndsNothing() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(2); var _ = nodes.get(0).openAs("ann"); var _ = nodes.get(1).openAs("ben")) {
      nodes.get(0).cluster.failClosed(Duration.ofMinutes(1)).failClosed(ChronoUnit.FOREVER.getDuration());
      nodes.get(0).log.away(true);
      nodes.get(1).log.away(true);
      Await.until("the nodes notice", () -> log.messages(Level.WARNING).size() == 2);
      nodes.advance(Duration.ofMinutes(5));
      assertEquals(2, nodes.open());
      var e = assertThrows(IllegalArgumentException.class, () -> nodes.get(0).cluster.failClosed(Duration.ofMillis(4999)));
      assertEquals("limit must be at least PT5S: PT4.999S", e.getMessage());
    }
  }

  // Joining and closing.

  @Test
  void aRegistryIsInOneClusterAtATime() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var node = nodes.get(0);
      assertThrows(IllegalStateException.class, () -> Cluster.join(node.sources, EventLog.inMemory()));
      node.cluster.drop("works");
      node.cluster.close();
      Nodes.join(node);
      var stream = open(node.sources, "me");
      node.cluster.drop("me");
      Await.until("it is dropped", () -> !stream.isOpen());
    }
  }

  @Test
  void afterItsEndNothingIsAppliedOrAppendedAndItsThreadsHaveEnded() throws Exception {
    var before = VirtualThreads.byId("tidings-cl").keySet();
    try (var nodes = Nodes.of(2); var _ = nodes.get(1).open("me")) {
      var b = nodes.get(1);
      assertEquals(Set.of("tidings-cluster", "tidings-claims"), namesBesides(before));
      b.cluster.close();
      b.cluster.close();
      nodes.get(0).cluster.close();
      assertEquals(Set.of(), namesBesides(before));
      assertThrows(IllegalStateException.class, () -> b.cluster.drop("me"));
      nodes.shared.append(Command.encode(new Command.Drop("me")));
      nodes.advance(Duration.ofMinutes(1));
      assertEquals(1, nodes.open());
      assertEquals(List.of(), b.log.appended);
    }
  }

  private static Set<String> namesBesides(Set<Long> before) {
    var threads = VirtualThreads.byId("tidings-cl");
    threads.keySet().removeAll(before);
    return new HashSet<>(threads.values());
  }

  @Test
  void aRegistryMayBeClosedBeforeItsCluster() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1); var client = nodes.get(0).open("me")) {
      var node = nodes.get(0);
      node.cluster.failClosed(Duration.ofMinutes(1));
      node.sources.close();
      assertFalse(node.site.opened().isOpen(), client::toString);
      node.cluster.drop("me");
      nodes.awaitApplied(node);
      node.cluster.close();
      assertEquals(List.of(), log.messages(Level.WARNING));
      assertEquals(List.of(), log.messages(Level.SEVERE));
    }
  }

  @Test
  void closingDoesNotWaitForALogThatHangs() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var hangs = new CountDownLatch(1);
      var go = new CountDownLatch(1);
      var stubborn = new ForwardingLog(nodes.shared) {
        @Override
        public Reading read(String after, int most, Duration wait) {
          hangs.countDown();
          while (true) {
            try {
              go.await();
              throw new UncheckedIOException(new java.io.IOException("at last"));
            } catch (InterruptedException e) {
              // ignores it
            }
          }
        }
      };
      try (var log = new LogRecords(); var sources = EventSources.create()) {
        var cluster = Cluster.join(sources, stubborn);
        Await.latch("a read", hangs);
        long start = System.nanoTime();
        cluster.close();
        var took = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(took.toMillis() < 3000, took::toString);
        go.countDown();
        assertEquals(List.of(), log.messages(Level.WARNING));
      }
    }
  }

  @Test
  void anInterruptEndsTheWaitForAClose() throws Exception {
    try (var nodes = Nodes.of(1)) {
      Thread.currentThread().interrupt();
      nodes.get(0).cluster.close();
      assertTrue(Thread.interrupted());
    }
  }

  // The application.

  @Test
  void onceAClusterIsClosedItsLimitEndsNothing() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var node = nodes.get(0);
      try (var _ = node.openAs("alice")) {
        node.cluster.close();
        node.cluster.failClosed(Duration.ofSeconds(5));
        nodes.advance(Duration.ofSeconds(20));
        assertEquals(1, node.open());
      }
    }
  }

  /** The class of a principal may be the application's. */
  @Test
  void aPrincipalWhoseNameCannotBeReadKeepsNoOtherFromBeingDropped() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var node = nodes.get(0);
      node.site.http()
          .createContext("/broken", exchange -> {
            try (var stream = node.sources.open(exchange)) {
              stream.keepAlive();
            }
          })
          .setAuthenticator(new Authenticator() {
            @Override
            public Result authenticate(HttpExchange exchange) {
              return new Success(new HttpPrincipal("broken", "any realm") {
                @Override
                public String getUsername() {
                  throw new IllegalStateException("the session is over");
                }
              });
            }
          });
      try (var broken = Client.get(node.site.uri().resolve("/broken")); var alice = node.openAs("alice")) {
        broken.awaitText(":\n\n");
        assertEquals(2, node.open());
        node.cluster.dropPrincipal("alice");
        alice.toEndOrCut();
        nodes.awaitApplied(node);
        assertEquals(1, node.open());
      }
    }
  }

  @Test
  void listenersThatHangDelayNoDrop() throws Exception {
    var go = new CountDownLatch(1);
    var hanging = new ArrayList<Client>();
    try (var nodes = Nodes.of(2)) {
      var b = nodes.get(1);
      b.sources.onOpen(stream -> {
        if (stream.identifier().orElseThrow().startsWith("hangs")) {
          Await.uninterrupted(go::await);
        }
      });
      b.sources.onEnd((stream, why) -> Await.uninterrupted(go::await));
      for (int i = 0; i < 3; i++) {
        hanging.add(Client.get(b.site.uri("hangs" + i)));
      }
      var stream = open(b.sources, "me");
      Await.until("all are open", () -> b.open() == 4);
      for (int i = 0; i < 3; i++) {
        nodes.get(0).cluster.drop("hangs" + i);
      }
      nodes.get(0).cluster.drop("me");
      Await.until("all are dropped", () -> b.open() == 0);
      assertEquals(Ending.REVOKED, stream.ending().orElseThrow());
      go.countDown();
    } finally {
      go.countDown();
      for (var client : hanging) {
        client.close();
      }
    }
  }
}
