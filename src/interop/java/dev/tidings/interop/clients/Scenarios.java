package dev.tidings.interop.clients;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseHandler;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The server on which every client goes through the same scenarios. Runs are kept apart by a name in the
 * query: {@code /receive?run=undici}. {@code /log} tells what the server saw of a run, as JSON, so that a
 * client in any language can be judged from both ends.
 */
final class Scenarios implements AutoCloseable {
  /** What a client gets; all of them get the same, whatever the line breaks were. */
  record Message(String type, String data, String lastEventId) {}

  /** One stream as the server saw it; its ending is null while it is open. */
  static final class Visit {
    final String lastEventId;
    final boolean answered204; // since it had been told not to come back
    final long nanos = System.nanoTime(); // when it came
    volatile String ending;

    private Visit(String lastEventId, boolean answered204) {
      this.lastEventId = lastEventId;
      this.answered204 = answered204;
    }
  }

  private static final class Run {
    final Queue<Visit> visits = new ConcurrentLinkedQueue<>();
    final Channel channel = Channel.create(EventLog.inMemory());
    final AtomicInteger published = new AtomicInteger();
    final AtomicLong longestSend = new AtomicLong();

    void publish(int count) {
      for (int i = 0; i < count; i++) {
        channel.publish(String.valueOf(published.incrementAndGet()));
      }
    }
  }

  /** What a scenario does with an open stream, as the handler. */
  private interface Play {
    void on(EventSource sse, Run run, int visit) throws InterruptedException;
  }

  static final Duration RETRY = Duration.ofMillis(100);
  static final int VISITS = 4; // of /resume and /end, until the server completes
  static final int MISSED = 5; // what /resume publishes before each return
  static final int LIVE = 15; // and after it
  /** What /resume publishes in all: {@code "1"} up to this, each to be seen once and in this order. */
  static final int RESUMED = VISITS * LIVE + (VISITS - 1) * MISSED;

  /** How many events /slow sends: {@code "0 xxx…"}, 1,000 characters each. */
  static final int SLOW = 4000;

  /** How long those of /stall are. */
  static final int STALL = 5000;

  static final String UNICODE_ID = "✓ 世界";

  private static final Gson GSON = new GsonBuilder().serializeNulls().create();
  private static final List<Event> EVENTS =
      List.of(
          Event.of("plain"),
          Event.of("one\ntwo\r\nthree\rfour"),
          Event.of("named", "with a name"),
          Event.of("Grüße, 世界, 🎈"),
          Event.of(" a leading space and : a colon"),
          Event.of(": a leading colon"),
          Event.of("with an id").withId("id 1 ✓"),
          Event.of("\n"),
          Event.empty().withComment("nobody sees\nthis"),
          Event.of("x".repeat(100_000)),
          Event.of("last", "that is all").withId(""));
  /** The same as every client should have it. */
  static final List<Message> EXPECTED =
      List.of(
          new Message("message", "plain", ""),
          new Message("message", "one\ntwo\nthree\nfour", ""),
          new Message("named", "with a name", ""),
          new Message("message", "Grüße, 世界, 🎈", ""),
          new Message("message", " a leading space and : a colon", ""),
          new Message("message", ": a leading colon", ""),
          new Message("message", "with an id", "id 1 ✓"),
          new Message("message", "\n", "id 1 ✓"),
          new Message("message", "x".repeat(100_000), "id 1 ✓"),
          new Message("last", "that is all", ""));

  private final Map<String, Run> runs = new ConcurrentHashMap<>();
  private final SseServer server;

  Scenarios() throws IOException {
    this(SseServer.builder().settings(Settings.defaults().heartbeat(Duration.ofMillis(500))));
  }

  /** With another server of the builder's, one with TLS for instance. */
  Scenarios(SseServer.Builder builder) throws IOException {
    server = builder.build();
    play("/receive", Scenarios::receive);
    play("/resume", Scenarios::resume);
    play("/early", Scenarios::early);
    play("/end", Scenarios::end);
    play("/complete", Scenarios::complete);
    play("/id", Scenarios::id);
    play("/slow", Scenarios::slow);
    play("/stall", Scenarios::stall);
    play("/leave", Scenarios::leave);
    server.get("/expected", request -> request.respond(200, "application/json", GSON.toJson(EXPECTED)));
    server.get("/log", request -> request.respond(200, "application/json", GSON.toJson(visits(name(request)))));
    BrowserClient.serve(server);
    server.start();
  }

  private void play(String path, Play play) {
    SseHandler handler = request -> {
      var run = runs.computeIfAbsent(name(request), name -> new Run());
      try (var sse = request.getEventSource()) {
        var visit = new Visit(request.lastEventId().orElse(null), !sse.isOpen());
        sse.onEnd(ending -> visit.ending = ending.name());
        run.visits.add(visit);
        if (sse.isOpen()) {
          play.on(sse, run, (int) run.visits.stream().filter(one -> !one.answered204).count());
        }
      }
    };
    server.get(path, handler);
    server.post(path, handler); // for clients that can
  }

  private static String name(SseRequest request) throws IOException {
    return request.query("run").orElse("");
  }

  // The scenarios. Each begins with a short reconnection time, so that nobody has to wait for the default.

  private static void receive(EventSource sse, Run run, int visit) {
    sse.send(Event.empty().withRetry(RETRY));
    EVENTS.forEach(sse::send);
    sse.keepAlive();
  }

  /** Cuts the client again and again, publishes while it is away, and completes when all was published. */
  private static void resume(EventSource sse, Run run, int visit) throws InterruptedException {
    sse.send(Event.empty().withRetry(RETRY));
    if (visit > 1) {
      run.publish(MISSED);
    }
    run.channel.join(sse);
    run.publish(LIVE);
    // The first visit's position is an event too, as is the reconnection time.
    int events = visit == 1 ? 2 + LIVE : 1 + MISSED + LIVE;
    awaitSent(sse, events);
    if (visit >= VISITS) {
      sse.complete();
    }
  }

  private static void awaitSent(EventSource sse, int events) throws InterruptedException {
    while (sse.isOpen() && sse.traffic().sent() < events) {
      Thread.sleep(1);
    }
  }

  /** Cuts the client when it knows where the channel stands, and publishes while it is away and after it came back. */
  private static void early(EventSource sse, Run run, int visit) throws InterruptedException {
    sse.send(Event.empty().withRetry(RETRY));
    if (visit == 1) {
      run.channel.join(sse);
      awaitSent(sse, 2);
    } else {
      run.publish(MISSED);
      run.channel.join(sse);
      run.publish(1);
      sse.keepAlive();
    }
  }

  /** Ends each stream after one event; after some, for good. */
  private static void end(EventSource sse, Run run, int visit) {
    sse.send(Event.of("visit " + visit).withRetry(RETRY));
    if (visit >= VISITS) {
      sse.complete();
    }
  }

  private static void complete(EventSource sse, Run run, int visit) {
    sse.send(Event.of("last words").withRetry(RETRY));
    sse.complete();
  }

  /** Ends the stream after an event whose id is not ASCII. */
  private static void id(EventSource sse, Run run, int visit) {
    sse.send(Event.of("visit " + visit).withId(UNICODE_ID).withRetry(RETRY));
    if (visit > 1) {
      sse.keepAlive();
    }
  }

  private static void slow(EventSource sse, Run run, int visit) {
    send(sse, run, 1000);
    sse.complete();
  }

  /** As /slow, and more than what the operating system holds for a client that does not read. */
  private static void stall(EventSource sse, Run run, int visit) {
    send(sse, run, STALL);
    sse.complete();
  }

  private static void send(EventSource sse, Run run, int length) {
    for (int i = 0; i < SLOW && sse.isOpen(); i++) {
      long start = System.nanoTime();
      sse.send((i + " " + "x".repeat(length)).substring(0, length));
      run.longestSend.accumulateAndGet(System.nanoTime() - start, Math::max);
    }
  }

  private static void leave(EventSource sse, Run run, int visit) {
    sse.send("stay as long as you like");
    sse.keepAlive();
  }

  // What the server saw.

  List<Visit> visits(String run) {
    return runs.containsKey(run) ? List.copyOf(runs.get(run).visits) : List.of();
  }

  /** How long the server had to wait for the client's reading, at most for one event. */
  Duration longestSend(String run) {
    return Duration.ofNanos(runs.get(run).longestSend.get());
  }

  URI uri(String path, String run) {
    return server.uri().resolve(path + "?run=" + run);
  }

  SseServer server() {
    return server;
  }

  @Override
  public void close() {
    server.close();
    runs.values().forEach(run -> run.channel.close());
  }
}
