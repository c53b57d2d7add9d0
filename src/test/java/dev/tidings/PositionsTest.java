package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyBoolean;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import com.sun.net.httpserver.Headers;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The positions of clients in channels: when they are sent, and which ids are taken for one. */
class PositionsTest {
  private static final Duration HOUR = Duration.ofHours(1);

  /** The bytes that are written to a client without a network. */
  private static final class Wire extends OutputStream {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final AtomicInteger writes = new AtomicInteger();

    @Override
    public synchronized void write(int b) {
      bytes.write(b);
    }

    @Override
    public synchronized void write(byte[] some, int from, int length) {
      bytes.write(some, from, length);
    }

    @Override
    public void flush() {
      writes.incrementAndGet();
    }

    synchronized String text() {
      return bytes.toString(UTF_8);
    }
  }

  private final ManualTicker ticker = new ManualTicker();
  private final EventSources sources = ticker.sources(Settings.defaults());
  private Channel channel = Channel.create();
  private final Wire all = new Wire();

  @AfterEach
  void close() {
    channel.close();
    Thread.ofVirtual().start(sources::close);
    Await.until("all has ended", () -> {
      ticker.advance(Duration.ofSeconds(1));
      return sources.count() == 0;
    });
  }

  /** Opens a stream whose handler waits, so that its headers are sent. */
  private EventSource open(Wire wire, Headers request) {
    var stream = sources.open(MockExchange.with(request, wire));
    Thread.ofVirtual().start(stream::keepAlive);
    Await.until("it is open", () -> wire.text().equals(":\n\n"));
    stream.flush();
    wire.writes.set(0);
    return stream;
  }

  private EventSource open(Wire wire) {
    return open(wire, new Headers());
  }

  /** Opens a stream that gets all events and so shows which ones the tail has passed. */
  private void openAll() {
    channel.join(open(all));
    Await.until("it is live", () -> channel.tail().isRunning());
  }

  /** Opens a stream that gets no events, and has its position. */
  private EventSource openNone(Wire wire) {
    var stream = open(wire);
    channel.join(stream, event -> false);
    Await.until("it has its position", () -> wire.text().contains("tidings:position"));
    return stream;
  }

  /** Publishes events, and waits until the tail has passed them for all live streams. */
  private List<String> publish(int count) {
    var ids = IntStream.range(0, count).mapToObj(i -> channel.publish("data " + i)).toList();
    awaitPassed(ids.getLast());
    return ids;
  }

  /** Waits for a further event, which comes with a later reading, when all streams have had this one. */
  private void awaitPassed(String id) {
    Await.until("it arrived", () -> all.text().contains("id: " + id + "\n"));
    String next = channel.publish("to make sure");
    Await.until("the next one arrived", () -> all.text().contains("id: " + next + "\n"));
  }

  private static List<String> positions(Wire wire) {
    return Arrays.stream(wire.text().split("\n\n"))
        .filter(block -> block.contains("event: tidings:position\n"))
        .map(block -> block.lines().filter(line -> line.startsWith("id: ")).findAny().orElseThrow().substring(4))
        .toList();
  }

  private void advance(Duration step, int times, EventSource stream) {
    for (int i = 0; i < times; i++) {
      ticker.advance(step);
      stream.flush();
    }
  }

  // When positions are sent.

  @Test
  void whatIsNotForAStreamIsNotWrittenToIt() {
    openAll();
    var wires = IntStream.range(0, 50).mapToObj(i -> new Wire()).toList();
    wires.forEach(this::openNone);
    Await.until("they are live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    publish(900); // less than a tenth of a log of 10,000
    for (Wire wire : wires) {
      assertEquals(1, wire.writes.get(), wire::text);
    }
  }

  @Test
  void aPositionGoesOutWithThePingThatIsDueInOneWrite() {
    openAll();
    var wire = new Wire();
    var stream = openNone(wire);
    Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    advance(Duration.ofMillis(500), 29, stream);
    publish(70);
    assertEquals(1, wire.writes.get());
    String last = channel.publish("not passed yet, maybe");
    awaitPassed(last);
    advance(Duration.ofMillis(500), 1, stream);
    assertEquals(2, wire.writes.get());
    assertTrue(wire.text().endsWith("data: \n\n:\n\n"), wire::text);
    assertTrue(number(positions(wire).getLast()) >= number(last), () -> positions(wire) + " " + last);
    publish(1);
    advance(Duration.ofMillis(500), 1, stream);
    assertEquals(3, positions(wire).size(), "the second write of a ping carries it too");
    advance(Duration.ofMillis(500), 29, stream);
    assertEquals(3, positions(wire).size());
    String before = wire.text();
    advance(Duration.ofSeconds(1), 20, stream);
    assertEquals(3, positions(wire).size(), "the client already has this position");
    assertTrue(wire.text().substring(before.length()).startsWith(":\n\n"), "a ping without a position");
    channel.leave(stream);
    publish(1);
    advance(Duration.ofSeconds(1), 20, stream);
    assertEquals(3, positions(wire).size(), "the stream has left the channel");
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(id.lastIndexOf('-') + 1));
  }

  @Test
  void aPositionIsNoMessageForWhoWaitsForThem() throws Exception {
    channel = Channel.create(EventLog.inMemory(10, 1_000_000, HOUR)); // a tenth of it is one event
    openAll();
    var wire = new Wire();
    var stream = openNone(wire);
    var ending = new LinkedBlockingQueue<Ending>();
    Thread.ofVirtual().start(() -> ending.add(stream.waitForFail(Duration.ofSeconds(2))));
    Await.until("it waits", () -> wire.text().contains(":\n\n") || stream.traffic().sent() > 0);
    ticker.advance(Duration.ofMillis(1500));
    int before = positions(wire).size();
    publish(3);
    Await.until("the position is sent", () -> positions(wire).size() > before);
    Await.until("it is idle", () -> {
      ticker.advance(Duration.ofMillis(100));
      return !stream.isOpen();
    });
    assertEquals(Ending.IDLE, Await.next("the ending", ending));
    assertTrue(stream.age().compareTo(Duration.ofSeconds(3)) < 0, () -> stream.age().toString());
  }

  @Test
  void aTenthOfTheLogIsToldAtOnce() {
    channel = Channel.create(EventLog.inMemory(200, 1_000_000, HOUR));
    openAll();
    var wire = new Wire();
    var stream = openNone(wire);
    Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    String last = "";
    for (int i = 1; i <= 10; i++) {
      last = publish(20).getFirst();
    }
    stream.flush(); // at once, although the log is never silent
    var positions = positions(wire);
    assertTrue(positions.size() > 5 && positions.size() <= 1 + 11, positions::toString);
    assertTrue(number(positions.getLast()) >= number(last), positions::toString);
  }

  @Test
  void aTenthOfTheAgeIsToldAtOnce() {
    channel = Channel.create(EventLog.inMemory(10_000, 1_000_000, Duration.ofSeconds(1)));
    openAll();
    var wire = new Wire();
    openNone(wire);
    String id = channel.publish("x");
    Await.until("the position is sent", () -> positions(wire).getLast().equals(id));
  }

  @Test
  void ofALogThatIsNotKnownAThousandEventsAreAssumed() {
    try (var other = Channel.create(mock(EventLog.class))) {
      assertFalse(other.isFar(99, Duration.ofSeconds(59).toNanos()));
      assertTrue(other.isFar(100, 0));
      assertTrue(other.isFar(1, Duration.ofMinutes(1).toNanos()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPoliteEndTellsThePositionToWhoIsToComeBack(Ending why) {
    openAll();
    var wire = new Wire();
    var stream = openNone(wire);
    Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    String last = publish(3).getLast();
    if (why == Ending.FAILED) {
      stream.life().fail(Refusal.with(500, ""));
    } else {
      stream.life().end(why);
      stream.life().awaitEnd();
    }
    boolean told = !why.isForced() && !why.isForGood();
    assertEquals(told ? 2 : 1, positions(wire).size(), wire::text);
    if (told) {
      assertTrue(number(positions(wire).getLast()) >= number(last));
      assertEquals(2, wire.writes.get(), "in one write");
    }
  }

  @Test
  void anEndAfterAnEventTellsNothingMore() {
    openAll();
    var wire = new Wire();
    var stream = open(wire);
    channel.join(stream);
    publish(3);
    stream.close();
    assertEquals(1, positions(wire).size());
  }

  @Test
  void severalChannelsAreToldAtOnce() {
    var wire = new Wire();
    var channels = IntStream.range(0, 6).mapToObj(i -> Channel.create("c" + i, EventLog.inMemory())).toArray(Channel[]::new);
    var stream = open(wire);
    Channel.joinAll(stream, channels);
    for (Channel each : channels) {
      Await.until("it is live", () -> each.tail().isRunning());
    }
    stream.flush();
    assertEquals(1, positions(wire).size(), wire::text);
    List.of(channels).forEach(Channel::close);
  }

  @Test
  void aPositionIsDecidedAndSentWithNothingInBetween() throws Exception {
    var stream = mock(EventSource.class);
    var sender = mock(Sender.class);
    var subscriber = mock(Subscriber.class);
    var sent = new LinkedBlockingQueue<String>();
    when(stream.sender()).thenReturn(sender);
    when(stream.isOpen()).thenReturn(true);
    when(subscriber.name()).thenReturn("");
    var cursor = new Cursor(stream, Positions.ofOne().with("", "0"));
    assertTrue(cursor.enter(subscriber));
    when(sender.offerIfFits(any(), anyBoolean(), any())).thenAnswer(call -> {
      sent.add(text(call.getArgument(0)));
      return Answer.TAKEN;
    });
    cursor.skip(subscriber, "1");
    cursor.tell(position -> {
      var offering = Thread.ofVirtual().start(() -> cursor.offer(subscriber, new LogEntry(Event.of("x").withId("2")), sender.writers()));
      Await.until("it waits or is done", () -> offering.getState() == Thread.State.BLOCKED || !offering.isAlive());
      return sent.add(text(position));
    });
    assertEquals("event: tidings:position\nid: 1\ndata: \n\n", Await.next("the position", sent));
    assertEquals("id: 2\ndata: x\n\n", Await.next("the event", sent));
    cursor.tell(position -> sent.add("it knows where it is"));
    cursor.skip(subscriber, "3");
    cursor.tell(position -> false); // there was no room
    assertTrue(text(cursor.end().orElseThrow()).contains("\nid: 3\n"));
    assertEquals(Answer.CLOSED, cursor.offer(subscriber, new LogEntry(Event.of("x").withId("4")), sender.writers()));
    cursor.tell(position -> sent.add("after its end"));
    assertEquals(List.of(), List.copyOf(sent));
  }

  /** Channels whose ids may have 64 characters. */
  static Positions ofSeveral(Set<String> names) {
    return Positions.ofSeveral(names.stream().collect(Collectors.toMap(name -> name, name -> 64)));
  }

  /** A thread that sends for the stream may still be running. */
  @Test
  void whoHasLeftOneOfSeveralChannelsHasNoPositionThereAnyMore() {
    var stream = mock(EventSource.class);
    var left = mock(Subscriber.class);
    var stays = mock(Subscriber.class);
    when(left.name()).thenReturn("a");
    when(stays.name()).thenReturn("b");
    var nowhere = ofSeveral(Set.of("a", "b"));
    var cursor = new Cursor(stream, nowhere.with(Map.of("a", "1", "b", "1")));
    assertTrue(cursor.enter(left));
    assertTrue(cursor.enter(stays));
    when(left.hasLeft()).thenReturn(true);
    cursor.leave(left);
    cursor.skip(left, "2");
    cursor.skip(stays, "3");
    assertEquals(Optional.empty(), cursor.position(left));
    assertEquals("event: tidings:position\nid: " + nowhere.with("b", "3").id() + "\ndata: \n\n", text(cursor.end().orElseThrow()));
  }

  @Test
  void whoMissedNothingIsNotToldItsPositionAndWhoWasToldIsNotTheNextTime() {
    var cursor = mock(Cursor.class);
    when(cursor.enter(any())).thenReturn(true);
    var far = mock(Channel.class);
    var told = new ArrayList<Long>(); // the earliest moment at which the position can have been sent
    when(far.isFar(anyLong(), anyLong())).thenAnswer(call -> told.add(System.nanoTime() - call.<Long>getArgument(1)));
    when(cursor.offerPosition(any(), any())).thenReturn(Answer.TAKEN);
    var subscriber = new Subscriber(new Subscription(far, From.live(), Optional.of(event -> false)), cursor);
    LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
    long later = System.nanoTime();
    subscriber.tellIfFar(outbox -> {});
    verify(cursor, never()).offerPosition(any(), any());
    for (int i = 1; i <= 2; i++) {
      subscriber.deliver(List.of(new LogEntry(Event.of("x").withId("" + i))), 0, new boolean[1], outbox -> {});
      verify(cursor, times(i)).offerPosition(any(), any());
    }
    assertTrue(told.getLast() - later >= 0, "its age starts anew");
  }

  private static String text(Frame frame) {
    return new String(frame.bytes(), UTF_8);
  }

  /** A client never goes back: its last position is not before any event that it received. */
  @Test
  void noLaterEventCarriesAnEarlierPosition() throws Exception {
    channel = Channel.create(EventLog.inMemory(300, 10_000_000, HOUR));
    long seed = System.nanoTime();
    var random = new Random(seed);
    openAll();
    var wires = new ArrayList<Wire>();
    var streams = new ArrayList<EventSource>();
    for (int i = 0; i < 20; i++) {
      var wire = new Wire();
      var stream = open(wire);
      stream.withPing(ping -> ping.interval(Duration.ofMillis(200)).start());
      int rest = i;
      channel.join(stream, event -> event.data().orElseThrow().hashCode() % 20 == rest);
      wires.add(wire);
      streams.add(stream);
    }
    var publisher = Thread.ofPlatform().start(() -> {
      for (int i = 0; i < 5000; i++) {
        channel.publish("" + i);
      }
    });
    while (publisher.isAlive()) {
      ticker.advance(Duration.ofMillis(random.nextInt(300)));
    }
    Await.end(publisher);
    streams.forEach(EventSource::close);
    for (Wire wire : wires) {
      var numbers = Pattern.compile("(?m)^id: .*-(\\d+)$").matcher(wire.text()).results().map(found -> Long.parseLong(found.group(1))).toList();
      assertEquals(numbers.stream().sorted().distinct().toList(), numbers);
      assertTrue(numbers.size() > 5, numbers::toString);
    }
  }

  // Which ids are positions.

  /** The work, memory and output that one request causes must not grow with the id that the client sends. */
  @Test
  void whatAClientSaysIsRepeatedUpToABound() {
    var channels = IntStream.range(0, 6).mapToObj(i -> Channel.create("c" + i, EventLog.inMemory())).toArray(Channel[]::new);
    for (Channel each : channels) {
      each.publish("x");
    }
    for (String unit : List.of("%", "\"", "\u0001", "é", "a=")) {
      for (boolean several : new boolean[] {false, true}) {
        var request = new Headers();
        request.set("Last-Event-ID", "a" + unit.repeat(370_000) + "a");
        var wire = new Wire();
        var stream = open(wire, request);
        if (several) {
          Channel.joinAll(stream, channels);
        } else {
          channels[0].join(stream);
        }
        int events = several ? 6 : 1;
        Await.until("it has all", () -> wire.text().split("\ndata: x\n", -1).length == events + 1);
        int most = several ? 20_000 : 1000;
        assertTrue(wire.text().length() < most, () -> unit + ": " + wire.text().length());
        assertEquals(events, wire.text().split("event: gap\n", -1).length - 1);
        assertTrue(stream.lastEventId().orElseThrow().length() > 370_000);
      }
    }
    List.of(channels).forEach(Channel::close);
  }

  @Test
  void ofWhatIsLongerThanAPositionNothingIsTakenForOne() {
    var names = Set.of("a", "b");
    String padded = "a=1-1&b=2-2&c=" + "x".repeat(Positions.MOST_BYTES);
    assertEquals(Map.of("a", Positions.bounded(padded), "b", Positions.bounded(padded)), Positions.split(padded, names));
    assertEquals(Map.of("a", "1-1", "b", "2-2"), Positions.split(padded.substring(0, Positions.MOST_BYTES), names));
    String wide = "a=1-1&b=2-2&c=" + "€".repeat(Positions.MOST_BYTES / 3);
    assertEquals(Map.of("a", Positions.bounded(wide), "b", Positions.bounded(wide)), Positions.split(wide, names));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x1f600})
  void whatIsCutHasAtMost100BytesAndEndsWithAWholeCharacter(int character) {
    String unit = Character.toString(character);
    int most = 100 / unit.getBytes(UTF_8).length;
    assertEquals(unit.repeat(most), Positions.bounded(unit.repeat(most)));
    assertEquals(unit.repeat(most), Positions.bounded(unit.repeat(most + 1)));
    assertEquals(Map.of("b", unit.repeat(most)), Positions.split("c=1&b=" + unit.repeat(200), Set.of("b")));
  }

  @Test
  void encodingOfPositionsIsReversibleAndAscii() {
    var names = Set.of("a&=%+ ", "ä", "b");
    var positions = Map.of("a&=%+ ", "1-2", "ä", "AZaz09-._~", "b", "x".repeat(64));
    String id = ofSeveral(names).with(positions).id();
    assertEquals(positions, Positions.split(id, names));
    assertTrue(id.chars().allMatch(c -> c > ' ' && c < 0x7f), id);
    assertEquals(Map.of("b", "x".repeat(64)), Positions.split(id, Set.of("b", "c")));
  }

  /** The form before version 0.1, with the names of the channels in percent-encoding. */
  @Test
  void anIdOfTheOldFormIsUnderstood() {
    assertEquals(Map.of("b", "x"), Positions.split("b=x&other=y", Set.of("a&=%+ ", "ä", "b")));
    assertEquals(Map.of("a& ", "1-2", "ä", "1-3"), Positions.split("a%26+=1-2&%C3%A4=1-3", Set.of("a& ", "ä", "b")));
    assertEquals(Map.of("b", "%C3%A9"), Positions.split("%C3%A9", Set.of("b")));
    for (String garbage : List.of("b=x&", "=", "~=", "~b=x", "~", "")) {
      assertEquals(Map.of("b", garbage), Positions.split(garbage, Set.of("b")), "it is not a complete id");
    }
  }

  /** The digests of the two names, which are found by search, begin alike. */
  @Test
  void keysOfOneStreamNeverCollide() {
    var byKey = new java.util.HashMap<String, String>();
    String one = null;
    String other = null;
    for (int i = 0; other == null; i++) {
      String name = "n" + i;
      String id = ofSeveral(Set.of(name)).with(name, "1").id();
      one = byKey.put(id, name);
      other = one == null ? null : name;
    }
    var both = ofSeveral(Set.of(one, other, "z")).with(Map.of(one, "1", other, "2", "z", "3"));
    assertEquals(Map.of(one, "1", other, "2", "z", "3"), Positions.split(both.id(), Set.of(one, other, "z")));
    assertEquals("~".length() + 2 * "1234567=1&".length() + "123456=1".length(), both.id().length());
    assertEquals(Map.of(other, "2"), Positions.split(both.id(), Set.of(other)), "its key would be shorter now");
  }

  /** Otherwise it might be taken for an id when it comes back, and the loss would not be reported. */
  @Test
  void whatIsNoIdStaysNoneWithinAnIdAndIsNoLongerThanOne() {
    for (String strange : List.of("", "a b", "é", "1-1!", "€".repeat(33), "\uD83D\uDE00".repeat(20), "\uD800", "x".repeat(65), "\u0001".repeat(100))) {
      String id = ofSeveral(Set.of("b")).with("b", strange).id();
      assertTrue(id.length() <= "~123456=".length() + 1, id);
      assertFalse(WireFormat.isLogId(Positions.split(id, Set.of("b")).get("b")), id);
    }
  }

  @Test
  void channelsWhoseIdsCouldBeTooLongCannotBeJoinedTogether() {
    var channels = IntStream.range(0, 86).mapToObj(i -> Channel.create("a name that is not in the ids " + i, EventLog.inMemory())).toArray(Channel[]::new);
    var stream = open(new Wire());
    var error = assertThrows(IllegalArgumentException.class, () -> Channel.joinAll(stream, channels));
    assertEquals("the ids of a stream in several channels must have at most 4000 bytes: those of 86 channels can have 4042", error.getMessage());
    Channel.joinAll(stream, List.of(channels).subList(0, 85).toArray(Channel[]::new));
    var names = IntStream.range(0, 85).mapToObj(i -> "n" + i).collect(Collectors.toSet());
    var nowhere = Positions.ofSeveral(names.stream().collect(Collectors.toMap(name -> name, name -> 39)));
    for (String id : List.of("9".repeat(39), "9".repeat(64))) { // the other one is of another log
      String longest = nowhere.with(names.stream().collect(Collectors.toMap(name -> name, name -> id))).id();
      assertTrue(longest.length() <= Positions.MOST_BYTES, () -> longest.length() + "");
      assertEquals(id.length() == 39, longest.contains(id));
    }
    var fewer = IntStream.range(0, 56).mapToObj(i -> Channel.create("n" + i, new ForwardingLog(EventLog.inMemory()))).toArray(Channel[]::new);
    assertThrows(IllegalArgumentException.class, () -> Channel.joinAll(stream, fewer), "such a log may give ids of 64 characters");
    List.of(channels).forEach(Channel::close);
    List.of(fewer).forEach(Channel::close);
  }

  /** An id has a mark, and for each channel a key, an id and two separators; the first has one separator less. */
  @Test
  void theBoundOfIdsIsExact() {
    Positions.ofSeveral(Map.of("n", 4000 - "~123456=".length()));
    assertThrows(IllegalArgumentException.class, () -> Positions.ofSeveral(Map.of("n", 4001 - "~123456=".length())));
  }

  // Ids of logs.

  @Test
  void aLogWhoseIdsWouldNotComeBackIsReportedWhereItIsSeen() throws Exception {
    var log = mock(EventLog.class);
    when(log.append(any())).thenReturn("3:7");
    when(log.latest()).thenReturn("3:6");
    when(log.read(any(), anyInt(), any())).thenAnswer(call -> EventLog.Reading.covered(call.getArgument(0), List.of(Event.of("x").withId("3:7"))));
    try (var records = new LogRecords(); var other = new Channel("", log, "gap", Duration.ofMillis(10))) {
      var error = assertThrows(IllegalArgumentException.class, () -> other.publish("x"));
      assertEquals("an id of a log must be 1 to 64 characters of A-Z a-z 0-9 - . _ ~: \"3:7\"", error.getMessage());
      var wire = new Wire();
      var stream = open(wire);
      other.join(stream);
      Await.until("it is reported", () -> !records.messages(Level.SEVERE).isEmpty());
      assertTrue(stream.isOpen());
      assertEquals(1, records.messages(Level.SEVERE).size());
      assertTrue(records.hasStackTraces(), "with the exception that names the rule");
      stream.flush();
      assertFalse(wire.text().contains("3:"), wire::text);
    }
  }
}
