package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.tidings.WhatwgParser.Message;
import dev.tidings.client.EventClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Clients whose connections end at random while others publish, on real sockets: raw clients, and those of the
 * library, which reconnect by themselves while the server closes streams. {@code -Dchaos.seconds=30} makes
 * the tests longer and adds clients. {@code -Dchaos.seed=…} repeats a run: the seed determines each action of every
 * client and publisher, and its time.
 */
@Timeout(300)
class ChannelChaosTest {
  private static final int PUBLISHERS = 8;
  private static final int LONGER = Integer.getInteger("chaos.seconds", 2); // for the main case
  private static final int SECONDS = Math.min(LONGER, 10);
  private static final int CLIENTS = Math.min(200, 40 * SECONDS);
  private static final long SEED = Long.getLong("chaos.seed", System.nanoTime());
  private static final String END = "the end";
  private static final Pattern GAP =
      Pattern.compile("\\{(?:\"channel\":\"(.*?)\",)?\"after\":\"(.*?)\",\"from\":\"(.*?)\",\"missed\":(\\d+)}");

  private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  private final Map<String, LongAdder> counts = new java.util.concurrent.ConcurrentSkipListMap<>();
  private final AtomicBoolean over = new AtomicBoolean();
  private final List<Channel> channels = new ArrayList<>();
  private final Queue<Event> published = new ConcurrentLinkedQueue<>(); // in any order
  private final HttpClient http = HttpClient.newHttpClient(); // of all clients of the library
  private SseServer server;

  @AfterEach
  void close() {
    over.set(true);
    http.shutdownNow();
    channels.forEach(Channel::close);
    server.close();
  }

  private void count(String what) {
    counts.computeIfAbsent(what, key -> new LongAdder()).increment();
  }

  /** A log that also records all events that were ever appended, in order. */
  private static final class Chronicle extends ForwardingLog {
    private final List<Event> all = new ArrayList<>(); // guarded by this

    Chronicle(EventLog log) {
      super(log);
    }

    @Override
    public synchronized String append(Event event) {
      String id = super.append(event);
      all.add(event.withId(id));
      return id;
    }

    synchronized List<Event> all() {
      return List.copyOf(all);
    }
  }

  private void serve(SseHandler handler) throws IOException {
    var settings =
        Settings.defaults().withHeartbeat(Duration.ofSeconds(1)).withWriteDeadline(Duration.ofSeconds(1)).withQueueEvents(16).withQueueBytes(32 * 1024);
    server = SseServer.builder().settings(settings).build();
    server.get("/", handler);
    server.start();
  }

  private Channel channel(String name, EventLog log) {
    var channel = new Channel(name, log, "gap", Duration.ofMillis(50));
    channels.add(channel);
    return channel;
  }

  /** One client and the messages that it received, over all its connections. */
  private final class Visitor implements Runnable {
    final Random random;
    final List<Message> seen = new ArrayList<>();
    final Set<Integer> cuts = new HashSet<>(); // the number of messages seen at the end of each connection
    final CountDownLatch finished = new CountDownLatch(1);
    private int ends; // the number of end messages still to come
    private final boolean isRaw;
    String id = "";
    String firstId = "";

    Visitor(long seed, int ends) {
      this.random = new Random(seed);
      this.isRaw = random.nextBoolean();
      this.ends = ends;
    }

    boolean hasAll() {
      return ends == 0;
    }

    @Override
    public void run() {
      try {
        while (!hasAll() && !over.get()) {
          if (isRaw) {
            connection();
          } else {
            reconnections();
          }
        }
      } catch (Throwable e) {
        failures.add(e);
      } finally {
        finished.countDown();
      }
    }

    private void connection() throws IOException {
      boolean small = random.nextInt(4) == 0;
      int most = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(300);
      int manner = random.nextInt(6);
      long pause = random.nextInt(5) == 0 ? random.nextInt(400) : random.nextInt(40);
      var uri = server.uri();
      boolean query = random.nextBoolean() && !id.isEmpty();
      if (query) {
        uri = URI.create(uri + "?lastEventId=" + java.net.URLEncoder.encode(id, java.nio.charset.StandardCharsets.UTF_8));
      }
      var client = id.isEmpty() || query ? Client.get(uri, small ? 4096 : 0) : Client.get(uri, small ? 4096 : 0, "Last-Event-ID: " + id);
      try {
        for (int i = 0; i < most && !hasAll(); i++) {
          client.awaitMessage();
          take(client);
          if (i == most / 2 && manner == 4) {
            count("stalled, then went on");
            pause(random.nextInt(300));
          }
          if (i == most / 2 && manner == 5 && random.nextInt(4) == 0) {
            count("stalled beyond the deadline");
            pause(1500);
          }
        }
        if (most == 0 && random.nextBoolean()) {
          client.head();
        }
      } catch (IOException e) {
        count("cut by the server");
      } finally {
        take(client);
        cuts.add(seen.size());
        if (manner % 2 == 0) {
          count("reset");
          client.reset();
        } else {
          count("closed");
          client.close();
        }
      }
      pause(pause);
    }

    /** Receives with a client of the library, over all the streams that the server closes meanwhile. */
    private void reconnections() throws InterruptedException {
      int most = random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(600);
      var builder = EventClient.builder(server.uri()).client(http).retry(Duration.ofMillis(random.nextInt(20)));
      try (var client = builder.lastEventId(id).build()) {
        for (int i = 0; i < most && !hasAll() && !over.get(); i++) {
          var event = client.next(Duration.ofMillis(100));
          id = client.lastEventId().orElse("");
          firstId = firstId.isEmpty() ? id : firstId;
          cuts.add(seen.size()); // any event may be the first one of a stream
          if (event.isPresent()) {
            var message = new Message(event.get().name().orElse("message"), event.get().data().orElseThrow(), id);
            seen.add(message);
            ends -= message.data().equals(END) ? 1 : 0;
          }
        }
        count("left by a client of the library");
      }
      pause(random.nextInt(40));
    }

    /** Takes from the parser as a browser would: events, and the last event id even without any event. */
    private void take(Client client) {
      for (Message message; (message = client.poll()) != null; ) {
        seen.add(message);
        ends -= message.data().equals(END) ? 1 : 0;
      }
      String got = client.parser().lastEventId();
      if (!got.isEmpty()) {
        firstId = firstId.isEmpty() ? got : firstId;
        id = got;
      }
    }

    private void pause(long millis) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
    }
  }

  /** Runs clients and publishers, and returns the clients. */
  private List<Visitor> run(int clients, int seconds, int pauseMillis, int size) throws InterruptedException {
    System.out.println("chaos.seed=" + SEED);
    var random = new Random(SEED);
    var visitors = new ArrayList<Visitor>();
    for (int i = 0; i < clients; i++) {
      visitors.add(new Visitor(random.nextLong(), channels.size()));
    }
    visitors.forEach(visitor -> Thread.ofVirtual().name("visitor").start(visitor));
    var closing = new Random(random.nextLong());
    Thread.ofVirtual().name("closer").start(() -> closeStreams(closing));
    Await.until("all have a position", () -> !failures.isEmpty() || visitors.stream().noneMatch(visitor -> visitor.firstId.isEmpty()));
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    var publishers = new ArrayList<Thread>();
    for (int i = 0; i < PUBLISHERS; i++) {
      int number = i;
      var mine = new Random(random.nextLong());
      publishers.add(
          Thread.ofPlatform().name("publisher").start(() -> publish(number, mine, end, pauseMillis, size)));
    }
    for (Thread publisher : publishers) {
      assertTrue(publisher.join(Duration.ofSeconds(seconds + 30)), "a publisher hangs");
    }
    channels.forEach(channel -> publish(channel, Event.of(END)));
    for (Visitor visitor : visitors) {
      if (!visitor.finished.await(90, TimeUnit.SECONDS)) {
        over.set(true);
        fail("a client never got the end; it has " + visitor.seen.size() + ", the last one " + visitor.id + "; seed " + SEED);
      }
    }
    if (!failures.isEmpty()) {
      fail("seed " + SEED, failures.peek());
    }
    System.out.println(counts);
    return visitors;
  }

  /** Closes streams at random, whose clients reconnect. */
  private void closeStreams(Random random) {
    while (!over.get()) {
      var streams = server.eventSources().streams();
      if (!streams.isEmpty()) {
        var stream = streams.get(random.nextInt(streams.size()));
        Thread.ofVirtual().start(stream::close);
        count("closed by the server");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(random.nextInt(40)));
    }
  }

  private void publish(Channel channel, Event event) {
    published.add(event.withId(channel.publish(event)));
  }

  /** Returns all events of the only channel, whose log is in memory. */
  private List<Event> publishedInOrder() {
    return published.stream().sorted(java.util.Comparator.comparing(ChannelChaosTest::number)).toList();
  }

  private static long number(Event event) {
    String id = event.id().orElseThrow();
    return Long.parseLong(id.substring(id.lastIndexOf('-') + 1));
  }

  private void publish(int number, Random random, long end, int pauseMillis, int size) {
    for (int i = 0; System.nanoTime() < end; i++) {
      int burst = random.nextInt(20) == 0 ? 20 : 1;
      for (int k = 0; k < burst; k++) {
        var channel = channels.get(random.nextInt(channels.size()));
        long start = System.nanoTime();
        publish(channel, Event.of("p" + number, number + ":" + i + ":" + k + ":" + "x".repeat(random.nextInt(random.nextInt(100) == 0 ? 100 * size : size))));
        if (System.nanoTime() - start > TimeUnit.SECONDS.toNanos(3)) {
          count("publish took more than three seconds");
        }
        count("published");
      }
      LockSupport.parkNanos(random.nextInt(2 * pauseMillis * 1_000_000 + 1));
    }
  }

  private static List<Message> messages(List<Event> events) {
    return events.stream()
        .map(event -> new Message(event.name().orElse("message"), event.data().orElseThrow(), event.id().orElseThrow()))
        .toList();
  }

  /** A thread of the channel delivers. */
  @Test
  void everyViewIsTheSequence() throws Exception {
    var log = new Chronicle(EventLog.inMemory(1_000_000, Long.MAX_VALUE, Duration.ofHours(1)));
    everyViewIsTheSequence(log, log::all);
  }

  /** The publishers deliver, or a thread of the channel while there are more streams than a publisher may serve. */
  @Test
  void everyViewIsTheSequenceIfThePublishersDeliver() throws Exception {
    var log = EventLog.inMemory(1_000_000, Long.MAX_VALUE, Duration.ofHours(1));
    everyViewIsTheSequence(log, this::publishedInOrder);
  }

  private void everyViewIsTheSequence(EventLog log, Supplier<List<Event>> all) throws Exception {
    var channel = channel("", log);
    serveOneChannel(channel);
    var visitors = run(CLIENTS, LONGER, 40, 200);
    var sequence = messages(all.get());
    for (Visitor visitor : visitors) {
      assertEquals(after(sequence, visitor.firstId), visitor.seen, "seed " + SEED);
    }
    assertEquals(null, counts.get("publish took more than three seconds"));
  }

  private void serveOneChannel(Channel channel) throws IOException {
    serve(request -> {
      try (var sse = request.getEventSource()) {
        channel.join(sse);
        sse.keepAlive();
      }
    });
  }

  /** Returns the messages after this id, or all if the id is older than the first. */
  private static List<Message> after(List<Message> sequence, String id) {
    for (int i = 0; i < sequence.size(); i++) {
      if (sequence.get(i).lastEventId().equals(id)) {
        return sequence.subList(i + 1, sequence.size());
      }
    }
    assertTrue(sequence.isEmpty() || number(id) < number(sequence.getFirst().lastEventId()), id);
    return sequence;
  }

  private static long number(String id) {
    return Long.parseLong(id.substring(id.lastIndexOf('-') + 1));
  }

  @Test
  void withTooShortAHistoryThereIsOneGapForEachLossAndNoneOtherwise() throws Exception {
    var log = new Chronicle(EventLog.inMemory(60, Long.MAX_VALUE, Duration.ofHours(1)));
    withTooShortAHistory(log, log::all);
  }

  @Test
  void thatHoldsIfThePublishersDeliver() throws Exception {
    withTooShortAHistory(EventLog.inMemory(60, Long.MAX_VALUE, Duration.ofHours(1)), this::publishedInOrder);
  }

  private void withTooShortAHistory(EventLog log, Supplier<List<Event>> all) throws Exception {
    serveOneChannel(channel("", log));
    var visitors = run(CLIENTS, SECONDS, 50, 200);
    var sequence = messages(all.get());
    var places = places(sequence);
    int gaps = 0;
    for (Visitor visitor : visitors) {
      gaps += check(visitor, sequence, places);
    }
    System.out.println("gaps: " + gaps);
    assertTrue(gaps > 0, "the history was too long to lose anything");
  }

  private static Map<String, Integer> places(List<Message> sequence) {
    var places = new java.util.HashMap<String, Integer>();
    for (int i = 0; i < sequence.size(); i++) {
      places.put(sequence.get(i).lastEventId(), i);
    }
    return places;
  }

  /** Checks that each message follows the one before it, or a gap of the right size; returns the number of gaps. */
  private static int check(Visitor visitor, List<Message> sequence, Map<String, Integer> places) {
    var firstId = visitor.firstId;
    int next = places.containsKey(firstId) ? places.get(firstId) + 1 : 0;
    int gaps = 0;
    boolean afterGap = false;
    for (int i = 0; i < visitor.seen.size(); i++) {
      var message = visitor.seen.get(i);
      if (message.type().equals("gap")) {
        var gap = GAP.matcher(message.data());
        assertTrue(gap.matches(), message.data());
        assertTrue(!afterGap || visitor.cuts.contains(i), "two gaps for one loss; seed " + SEED);
        assertEquals(next == 0 ? firstId : sequence.get(next - 1).lastEventId(), gap.group(2), "gap start; seed " + SEED);
        int from = places.get(gap.group(3));
        assertEquals(from + 1 - next, Integer.parseInt(gap.group(4)), "how many are missing");
        assertTrue(from >= next, "a gap without a loss");
        next = from + 1;
        gaps++;
        afterGap = true;
      } else {
        assertEquals(sequence.get(next), message, "seed " + SEED);
        next++;
        afterGap = false;
      }
    }
    assertEquals(sequence.size(), next);
    return gaps;
  }

  @Test
  void severalChannelsOnOneStreamAreEachTheirSequence() throws Exception {
    var logs = Map.of("news", chronicle(), "prices & more", chronicle());
    logs.forEach(this::channel);
    serve(request -> {
      try (var sse = request.getEventSource()) {
        Channel.joinAll(sse, channels.toArray(Channel[]::new));
        sse.keepAlive();
      }
    });
    for (Visitor visitor : run(Math.min(CLIENTS, 50), SECONDS, 40, 200)) {
      var start = Positions.split(visitor.firstId, logs.keySet());
      var previous = start;
      var views = logs.keySet().stream().collect(Collectors.toMap(name -> name, name -> new ArrayList<String>()));
      for (Message message : visitor.seen) {
        var positions = Positions.split(message.lastEventId(), logs.keySet());
        assertEquals(logs.keySet(), positions.keySet(), message.lastEventId());
        var before = previous;
        var moved = logs.keySet().stream().filter(name -> !positions.get(name).equals(before.get(name))).toList();
        assertEquals(1, moved.size(), () -> before + " to " + positions);
        views.get(moved.getFirst()).add(message.data());
        previous = positions;
      }
      logs.forEach((name, log) -> assertEquals(after(messages(log.all()), start.get(name)).stream().map(Message::data).toList(), views.get(name), "seed " + SEED));
    }
  }

  private static Chronicle chronicle() {
    return new Chronicle(EventLog.inMemory(1_000_000, Long.MAX_VALUE, Duration.ofHours(1)));
  }
}
