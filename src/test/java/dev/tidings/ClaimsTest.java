package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which stream keeps an identifier that streams of several nodes have. */
class ClaimsTest {

  private static boolean isReplaced(EventSource stream) {
    return stream.ending().filter(Ending.REPLACED::equals).isPresent();
  }

  // The usual case.

  @Test
  void theNewerStreamReplacesTheOlderOneOnAnotherNodeWhoseClientIsToldToStayAway() throws Exception {
    try (var nodes = Nodes.of(3); var older = nodes.get(0).open("me"); var _ = nodes.get(2).open("other")) {
      var first = nodes.get(0).site.opened();
      nodes.advanceUntil("the first has claimed", () -> nodes.get(0).log.claims("me").size() == 1);
      nodes.awaitApplied(nodes.get(0), nodes.get(1));
      try (var _ = nodes.get(1).open("me")) {
        nodes.advanceUntil("one is replaced", () -> !first.isOpen());
        assertEquals(Ending.REPLACED, nodes.get(0).site.ending());
        String text = older.toEnd();
        assertTrue(text.contains("retry: "), text);
        assertTrue(text.endsWith(WireFormat.COMPLETED_ID + "\ndata: \n\n"), text);
        nodes.advance(Duration.ofSeconds(35));
        assertEquals(2, nodes.open());
        assertEquals(1, nodes.get(1).log.claims("me").size());
        assertTrue(nodes.get(1).site.opened().isOpen());
        assertEquals(1, nodes.get(2).log.appended.size()); // one append for each opening
      }
    }
  }

  @Test
  void aStreamClaimsItsIdentifierAfterTheSecondWriteOfItsFirstPing() throws Exception {
    try (var nodes = Nodes.of(1); var client = nodes.get(0).open("me")) {
      var node = nodes.get(0);
      nodes.advance(Duration.ofSeconds(15));
      client.awaitComments(2); // the ping
      nodes.advance(Duration.ofMillis(400));
      assertEquals(List.of(), node.log.appended);
      nodes.advance(Duration.ofMillis(200));
      client.awaitComments(3);
      Await.until("the claim is appended", () -> node.log.claims("me").size() == 1);
    }
  }

  @Test
  void aStreamWhoseClientIsGoneClaimsNothing() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      nodes.advanceUntil("it has claimed", () -> nodes.get(0).log.claims("me").size() == 1);
      nodes.get(1).open("me").close();
      var gone = nodes.get(1).site.opened();
      nodes.advanceUntil("it is gone", () -> !gone.isOpen());
      assertEquals(Ending.CLIENT_GONE, nodes.get(1).site.ending());
      assertEquals(List.of(), nodes.get(1).log.appended);
      assertEquals(1, nodes.get(0).open());
    }
  }

  @Test
  void streamsWithoutAnIdentifierAndOtherPoliciesClaimNothing() throws Exception {
    try (var nodes = Nodes.of(1); var client = Client.get(nodes.get(0).site.uri())) {
      client.awaitText(":\n\n");
      nodes.advance(Duration.ofSeconds(35));
      assertEquals(List.of(), nodes.get(0).log.appended);
    }
    for (var policy : List.of(Duplicates.REFUSE, Duplicates.COEXIST)) {
      try (var nodes = new Nodes(2, Settings.defaults().withDuplicates(policy));
          var _ = nodes.get(0).open("me");
          var _ = nodes.get(1).open("me")) {
        nodes.shared.append(Command.encode(new Command.Claim("me", "stranger", 1, nodes.shared.latest())));
        nodes.awaitApplied(nodes.get(0), nodes.get(1));
        nodes.advance(Duration.ofSeconds(35));
        assertEquals(2, nodes.open());
        assertEquals(List.of(), nodes.get(0).log.appended);
      }
    }
  }

  @Test
  void streamsThatWereOpenBeforeTheNodeJoinedClaimToo() throws Exception {
    try (var nodes = new Nodes(1, Settings.defaults())) {
      var late = nodes.add();
      try (var _ = late.open("me")) {
        Nodes.join(late);
        nodes.advanceUntil("it has claimed", () -> late.log.claims("me").size() == 1);
        assertEquals(1, late.open());
      }
    }
  }

  @Test
  void anIdentifierThatNoCommandCanContainIsNotClaimedAndOneWarningSaysSo() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1)) {
      var node = nodes.get(0);
      var streams = new ArrayList<EventSource>();
      for (String bad : List.of("x".repeat(1025), "\ud800", "y".repeat(2000))) {
        var stream = node.sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()), bad);
        stream.sendHeaders();
        streams.add(stream);
      }
      nodes.advance(Duration.ofSeconds(35));
      assertTrue(streams.stream().allMatch(EventSource::isOpen));
      assertEquals(List.of(), node.log.appended);
      assertEquals(1, log.messages(Level.WARNING).stream().filter(m -> m.contains("too long")).count());
    }
  }

  @Test
  void aStreamWithMessagesThatAreNeverPingedProvesItTheSame() throws Exception {
    for (int period : new int[] {1, 8, 50}) { // tenths of a second
      try (var nodes = Nodes.of(1); var _ = nodes.get(0).open("me")) {
        var node = nodes.get(0);
        var stream = node.site.opened();
        for (int i = 0; i < 600 && node.log.appended.isEmpty(); i++) {
          if (i % period == 0) {
            stream.send("busy");
          }
          nodes.advance(Duration.ofMillis(100));
        }
        Await.until("it has claimed", () -> node.log.claims("me").size() == 1);
        var age = stream.age();
        assertTrue(period == 50 ? age.toSeconds() >= 16 : age.toSeconds() < 15, age::toString);
      }
    }
  }

  // Conflicts.

  @Test
  void whenAClaimPassedSinceAStreamOpenedItYieldsAndProvesAnew() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var first = nodes.get(0).site.opened();
      nodes.advance(Duration.ofSeconds(10));
      try (var _ = nodes.get(1).open("me")) { // has not proved anything when the claim of the older one passes
        nodes.advanceUntil("the first has claimed", () -> nodes.get(0).log.claims("me").size() == 1);
        nodes.advanceUntil("one is left", () -> nodes.open() == 1);
        assertTrue(isReplaced(first));
        nodes.advance(Duration.ofSeconds(35));
        assertTrue(nodes.get(1).site.opened().isOpen());
      }
    }
  }

  @Test
  void aClaimThatComesLateEndsNoStreamWhoseClaimItsNodeHadNotRead() throws Exception {
    try (var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var held = b.log.holdAppends();
      var client = b.open("me");
      nodes.advanceUntil("b appends", () -> Nodes.isAppending(b));
      client.close(); // moves to a
      try (var last = a.open("me")) {
        nodes.advanceUntil("a has claimed", () -> a.log.claims("me").size() == 1);
        nodes.awaitApplied(a, b);
        held.countDown();
        Await.until("the claim of b is in the log", () -> b.log.claims("me").size() == 1);
        nodes.awaitApplied(a, b);
        nodes.advance(Duration.ofSeconds(40));
        assertEquals(1, a.open());
        assertEquals(0, b.open());
        assertEquals(1, b.log.claims("me").size());
        assertTrue(a.site.opened().isOpen(), last::toString);
      }
    }
  }

  @Test
  void aStreamThatYieldsMustProveItAnew() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var reads = b.log.holdReads();
      nodes.advance(Duration.ofSeconds(5));
      var client = b.open("me");
      nodes.advanceUntil("a has claimed", () -> a.log.claims("me").size() == 1);
      nodes.advance(Duration.ofSeconds(8)); // b has a proof, and waits for the log
      client.close();
      var stream = b.site.opened();
      assertTrue(stream.isOpen());
      reads.countDown();
      nodes.awaitApplied(b);
      nodes.advanceUntil("it is gone", () -> !stream.isOpen());
      assertEquals(List.of(), b.log.appended);
      assertEquals(1, a.open());
    }
  }

  /** The literal rule "yield if a claim passed since the opening" would end the only stream whose client is there. */
  @Test
  void aClaimThatComesLateEndsNoStreamThatHasNotClaimedYet() throws Exception {
    try (var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var held = b.log.holdAppends();
      var client = b.open("me");
      nodes.advanceUntil("b appends", () -> Nodes.isAppending(b));
      client.close();
      try (var _ = a.open("me")) {
        held.countDown();
        Await.until("b has claimed", () -> b.log.claims("me").size() == 1);
        nodes.awaitApplied(a, b);
        nodes.advance(Duration.ofSeconds(40));
        assertEquals(1, a.open());
        assertEquals(0, b.open());
        assertTrue(a.site.opened().isOpen());
      }
    }
  }

  @Test
  void whileOnesOwnClaimIsInFlightNothingIsDecided() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me"); var _ = nodes.get(1).open("me")) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var held = b.log.holdAppends();
      nodes.advanceUntil("both appended", () -> Nodes.isAppending(b) && a.log.claims("me").size() == 1);
      nodes.awaitApplied(a, b);
      nodes.advance(Duration.ofSeconds(30)); // also with a new proof, the claim waits for the one in flight
      assertEquals(2, nodes.open());
      held.countDown();
      nodes.advanceUntil("one is left", () -> nodes.open() == 1);
      nodes.advance(Duration.ofSeconds(35));
      assertEquals(1, nodes.open());
      assertEquals(1, b.open()); // the one that could not be decided about
    }
  }

  @Test
  void aClaimWhoseReplyIsLostIsNotRepeatedIfItIsInTheLog() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      a.log.loseReplies(true);
      nodes.advanceUntil("it has claimed", () -> a.log.claims("me").size() == 1);
      a.log.loseReplies(false);
      nodes.awaitApplied(a);
      nodes.advance(Duration.ofSeconds(10));
      try (var _ = a.open("probe")) { // its claim is appended after a repetition would have been
        nodes.advanceUntil("the next has claimed", () -> a.log.claims("probe").size() == 1);
      }
      assertEquals(1, a.log.claims("me").size());
      try (var _ = nodes.get(1).open("me")) { // the claim counts
        nodes.advanceUntil("it is replaced", () -> a.sources.getByIdentifier("me").isEmpty());
        assertEquals(1, nodes.get(1).open());
      }
    }
  }

  @Test
  void aClaimThatWasNotAppendedIsRepeatedWhenTheLogIsBack() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      var held = a.log.holdAppends();
      nodes.advanceUntil("it appends", () -> Nodes.isAppending(a));
      a.log.away(true);
      held.countDown();
      Await.until("it notices", () -> !log.messages(Level.WARNING).isEmpty());
      a.log.away(false);
      Await.until("it has claimed", () -> a.log.claims("me").size() == 1);
      assertTrue(a.log.claims("me").getFirst().number() > 1);
    }
  }

  @Test
  void aClaimThatTheLogRejectsIsMadeAgainLater() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(1); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      a.log.reject(true);
      nodes.advanceUntil("a rejection", () -> !log.messages(Level.WARNING).isEmpty());
      nodes.advance(Duration.ofSeconds(35));
      a.log.reject(false);
      nodes.advanceUntil("it has claimed", () -> a.log.claims("me").size() == 1);
      assertEquals(1, log.messages(Level.WARNING).stream().filter(m -> m.contains("control log")).count());
    }
  }

  @Test
  void theClaimOfAStreamThatHasEndedIsWithdrawn() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var a = nodes.get(0);
      a.log.away(true);
      var client = a.open("me");
      var stream = a.site.opened();
      nodes.advance(Duration.ofSeconds(20)); // it is proved, and waits for the log
      client.close();
      nodes.advanceUntil("it is gone", () -> !stream.isOpen());
      a.log.away(false);
      try (var _ = a.open("other")) {
        nodes.advanceUntil("the next has claimed", () -> a.log.claims("other").size() == 1);
        assertEquals(List.of(), a.log.claims("me"));
      }
    }
  }

  @Test
  void theClaimOfAStreamThatEndsWhileItsFateIsUnknownIsNotRetried() throws Exception {
    try (var nodes = Nodes.of(1)) {
      var a = nodes.get(0);
      var held = a.log.holdAppends();
      var client = a.open("me");
      var stream = a.site.opened();
      nodes.advanceUntil("it appends", () -> Nodes.isAppending(a));
      a.log.away(true);
      held.countDown(); // never appended, but the node does not know
      client.close();
      nodes.advanceUntil("it is gone", () -> !stream.isOpen());
      a.log.away(false);
      try (var _ = a.open("other")) {
        nodes.advanceUntil("the next has claimed", () -> a.log.claims("other").size() == 1);
        assertEquals(List.of(), a.log.claims("me"));
      }
    }
  }

  @Test
  void beforeItClaimsANodeReadsTheLogToItsEnd() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var reads = b.log.holdReads();
      nodes.advance(Duration.ofSeconds(5));
      try (var _ = b.open("me")) {
        nodes.advanceUntil("a has claimed", () -> a.log.claims("me").size() == 1);
        nodes.advance(Duration.ofSeconds(20));
        assertEquals(List.of(), b.log.appended); // b is proved, but has not read
        reads.countDown();
        nodes.awaitApplied(b);
        nodes.advanceUntil("one is left", () -> nodes.open() == 1);
        var claim = b.log.claims("me").getFirst();
        assertEquals(1, b.log.claims("me").size());
        int read = placeOf(nodes, event -> event.id().orElseThrow().equals(claim.seen()));
        assertTrue(read >= placeOf(nodes, event -> Command.decode(event).equals(a.log.claims("me").getFirst())), claim::toString);
      }
    }
  }

  /** Returns the index in the log of the first event that matches. */
  private static int placeOf(Nodes nodes, Predicate<Event> which) throws InterruptedException {
    var events = nodes.shared.read("", 1000, Duration.ZERO).events();
    return IntStream.range(0, events.size()).filter(i -> which.test(events.get(i))).findFirst().orElse(-1);
  }

  @Test
  void aClientThatFlapsWhileALogIsSlowKeepsItsLastConnection() throws Exception {
    try (var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      var reads = b.log.holdReads();
      var appends = b.log.holdAppends();
      a.open("me").close();
      nodes.advance(Duration.ofMillis(300));
      b.open("me").close();
      nodes.advance(Duration.ofMillis(300));
      try (var _ = a.open("me")) {
        nodes.advance(Duration.ofSeconds(3));
        reads.countDown();
        appends.countDown();
        nodes.advanceUntil("it has claimed", () -> a.log.claims("me").size() == 1);
        nodes.advance(Duration.ofSeconds(40));
        assertEquals(1, a.open());
        assertEquals(0, b.open());
        assertEquals(List.of(), b.log.appended);
      }
    }
  }

  @Test
  void ifTheLogIsAwayBothLiveAndAfterwardsOneWithinTwoSeconds() throws Exception {
    try (var log = new LogRecords(); var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      a.log.away(true);
      b.log.away(true);
      try (var _ = a.open("me"); var _ = b.open("me")) {
        nodes.advance(Duration.ofSeconds(35));
        assertEquals(2, nodes.open());
        a.log.away(false);
        b.log.away(false);
        long start = System.nanoTime();
        long now = a.ticker.now();
        nodes.advanceUntil("one is left", () -> nodes.open() == 1);
        System.out.println("after an outage: decided within " + (System.nanoTime() - start) / 1_000_000 + " ms + "
            + (a.ticker.now() - now) / 1_000_000 + " ms of the manual clock");
        nodes.advance(Duration.ofSeconds(35));
        assertEquals(1, nodes.open());
      }
      assertEquals(2, log.messages(Level.WARNING).stream().filter(m -> m.contains("control log")).count()); // one per node
    }
  }

  @Test
  void aReplacedStreamOfTheSameNodeHasNoClaimAnyMore() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      nodes.advanceUntil("it has claimed", () -> a.log.claims("me").size() == 1);
      nodes.awaitApplied(a);
      try (var _ = a.open("me")) {
        String seen = nodes.shared.latest();
        nodes.shared.append(Command.encode(new Command.Claim("me", "stranger", 1, seen)));
        nodes.awaitApplied(a);
        assertEquals(1, a.open()); // it has not claimed, so nothing ends it
      }
    }
  }

  @Test
  void aClaimIsInvalidIfTooManyCommandsCameBetween() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      nodes.advanceUntil("it has claimed", () -> a.log.claims("me").size() == 1);
      nodes.awaitApplied(a);
      String seen = nodes.shared.latest();
      for (int i = 0; i < Places.REMEMBERED; i++) {
        nodes.shared.append(Command.encode(new Command.Drop("nobody")));
      }
      nodes.shared.append(Command.encode(new Command.Claim("me", "stranger", 1, seen)));
      nodes.awaitApplied(a);
      assertEquals(1, a.open());
      nodes.shared.append(Command.encode(new Command.Claim("me", "stranger", 2, nodes.shared.latest())));
      Await.until("it is replaced", () -> a.open() == 0);
    }
  }

  @Test
  void aNodesOwnClaimIsMadeAgainIfTooManyCommandsCameBetween() throws Exception {
    try (var nodes = Nodes.of(1); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      var held = a.log.holdAppends();
      nodes.advanceUntil("it appends", () -> Nodes.isAppending(a));
      for (int i = 0; i < Places.REMEMBERED; i++) {
        nodes.shared.append(Command.encode(new Command.Drop("nobody")));
      }
      nodes.awaitApplied(a);
      held.countDown();
      nodes.advanceUntil("it claims again", () -> a.log.claims("me").size() == 2);
      nodes.advance(Duration.ofSeconds(35));
      assertEquals(2, a.log.claims("me").size());
    }
  }

  @Test
  void ifTooManyClaimsWaitTheNextOneIsMadeLater() throws Exception {
    var offers = new LinkedBlockingQueue<Bid>();
    var ticker = new ManualTicker();
    try (var site = new Site(ticker.sources(Settings.defaults()), EventSource::keepAlive)) {
      site.sources.observe(new Claims("n", true, site.sources.engine(), bid -> offers.add(bid) && offers.size() > 1));
      try (var client = Client.get(site.uri("me"))) {
        client.awaitText(":\n\n");
        var stream = site.opened();
        advance(ticker, stream, Duration.ofSeconds(80));
        assertEquals(List.of(stream, stream), offers.stream().map(Bid::stream).toList());
      }
    }
  }

  /** Advances the clock of the only node until this stream has this age. */
  private static void advance(ManualTicker ticker, EventSource stream, Duration age) {
    while (stream.age().compareTo(age) < 0) {
      ticker.advance(Duration.ofMillis(100));
      LockSupport.parkNanos(1_000_000);
    }
  }

  @Test
  void aStreamThatOpensBeforeTheOneThatItReplacesHasLeftClaimsAlone() throws Exception {
    var offers = new LinkedBlockingQueue<Bid>();
    var ticker = new ManualTicker();
    var coexisting = Settings.defaults().withDuplicates(Duplicates.COEXIST); // in place of a race
    try (var site = new Site(ticker.sources(coexisting), EventSource::keepAlive)) {
      site.sources.observe(new Claims("n", true, site.sources.engine(), offers::add));
      try (var one = Client.get(site.uri("me"))) {
        one.awaitText(":\n\n");
        site.opened();
        try (var two = Client.get(site.uri("me"))) {
          two.awaitText(":\n\n");
          var second = site.opened();
          advance(ticker, second, Duration.ofSeconds(40));
          assertEquals(List.of(second), offers.stream().map(Bid::stream).toList());
        }
      }
    }
  }

  @Test
  void afterItsEndANodeClaimsNothing() throws Exception {
    var offers = new LinkedBlockingQueue<Bid>();
    var ticker = new ManualTicker();
    try (var site = new Site(ticker.sources(Settings.defaults()), EventSource::keepAlive)) {
      var claims = new Claims("n", true, site.sources.engine(), offers::add);
      site.sources.observe(claims);
      try (var one = Client.get(site.uri("one"))) {
        one.awaitText(":\n\n");
        claims.close();
        try (var two = Client.get(site.uri("two"))) {
          two.awaitText(":\n\n");
          site.opened();
          advance(ticker, site.opened(), Duration.ofSeconds(40));
          assertEquals(List.of(), List.copyOf(offers));
        }
      }
    }
  }

  // Gaps.

  @Test
  void afterAGapANodeClaimsItsStreamsAnewSpreadOverTenSeconds() throws Exception {
    int streams = 60;
    try (var nodes = Nodes.of(1)) {
      var a = nodes.get(0);
      var clients = new ArrayList<Client>();
      for (int i = 0; i < streams; i++) {
        clients.add(a.open("s" + i));
      }
      nodes.advanceUntil("all have claimed", () -> a.log.appended.size() == streams);
      nodes.awaitApplied(a);
      a.log.loseCommands();
      nodes.shared.append(Command.encode(new Command.Drop("nobody"))); // wakes the reader
      int times = 0;
      int before = streams;
      Await.until("the gap is noticed", () -> a.ticker.waiting() > streams);
      for (int second = 0; second < 12; second++) {
        nodes.advance(Duration.ofSeconds(1));
        nodes.advanceNothing();
        times += a.log.appended.size() > before ? 1 : 0;
        before = a.log.appended.size();
      }
      nodes.advanceUntil("all have claimed anew", () -> a.log.appended.size() == 2 * streams);
      assertTrue(times >= 8, "claims in " + times + " of 12 seconds");
      assertEquals(streams, a.open());
      for (var client : clients) {
        client.close();
      }
    }
  }

  @Test
  void afterAGapADuplicateThatWasMissedIsFound() throws Exception {
    try (var nodes = Nodes.of(2); var _ = nodes.get(0).open("me")) {
      var a = nodes.get(0);
      var b = nodes.get(1);
      nodes.advanceUntil("a has claimed", () -> a.log.claims("me").size() == 1);
      nodes.awaitApplied(a, b);
      var reads = a.log.holdReads();
      try (var _ = b.open("me")) {
        nodes.advanceUntil("b has claimed", () -> b.log.claims("me").size() == 1);
        assertEquals(2, nodes.open());
        a.log.loseCommands();
        reads.countDown();
        nodes.advanceUntil("one is left", () -> nodes.open() == 1);
        nodes.advance(Duration.ofSeconds(35));
        assertEquals(1, nodes.open());
      }
    }
  }

  // Clients that ignore the 204.

  @Test
  void clientsThatIgnoreThatTheyAreToldToStayAwayHopSlowlyAndOneWarningNamesThem() throws Exception {
    var settings = Settings.defaults().withHeartbeat(Duration.ofMillis(200)); // so that the retry decides
    try (var log = new LogRecords(); var nodes = new Nodes(2, settings)) {
      var current = new ArrayList<Client>(List.of(nodes.get(0).open("twins"), nodes.get(1).open("twins")));
      long start = nodes.get(0).ticker.now();
      int hops = 0;
      while (hops < 24) {
        nodes.advanceUntil("one is replaced", () -> nodes.open() < 2);
        int which = nodes.get(0).open() == 0 ? 0 : 1;
        String text = current.get(which).toEnd();
        long retry = Long.parseLong(text.lines().filter(l -> l.startsWith("retry: ")).findFirst().orElseThrow().substring(7));
        assertTrue(retry >= 1000 && retry <= 5000, text);
        nodes.advance(Duration.ofMillis(retry / 100 * 100));
        current.set(which, nodes.get(which).open("twins"));
        hops++;
      }
      var took = Duration.ofNanos(nodes.get(0).ticker.now() - start);
      assertTrue(took.toSeconds() >= 24, "24 hops in " + took);
      var warnings = log.messages(Level.WARNING).stream().filter(m -> m.contains("replace each other")).toList();
      assertEquals(2, warnings.size(), warnings::toString); // one per node
      assertTrue(warnings.getFirst().contains("\"twins\""));
      for (var client : current) {
        client.close();
      }
    }
  }

  // The application.

  @Test
  void listenersThatHangDelayNoClaimAndNoReplacement() throws Exception {
    var go = new CountDownLatch(1);
    try (var nodes = Nodes.of(2)) {
      var a = nodes.get(0);
      a.sources.onOpen(stream -> Await.uninterrupted(go::await));
      a.sources.onEnd((stream, why) -> Await.uninterrupted(go::await));
      var hanging = new HashSet<Client>();
      for (int i = 0; i < 3; i++) {
        hanging.add(Client.get(a.site.uri("s" + i))); // its handler never gets its stream
      }
      nodes.advanceUntil("all have claimed", () -> a.log.appended.size() == 3);
      nodes.awaitApplied(a);
      for (int i = 0; i < 3; i++) {
        hanging.add(nodes.get(1).open("s" + i));
      }
      nodes.advanceUntil("all are replaced", () -> a.open() == 0);
      assertFalse(go.getCount() == 0);
      go.countDown();
      for (var client : hanging) {
        client.close();
      }
    } finally {
      go.countDown();
    }
  }
}
