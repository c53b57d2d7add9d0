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
 * The server on which every client runs the same scenarios. A name in the query identifies a run: {@code
 * /receive?run=undici}. {@code /log} returns the server's view of a run, as JSON, so that a client in any
 * language can be checked at both ends.
 */
final class Scenarios implements AutoCloseable {
  /** A message of a client. All clients receive the same messages, regardless of line breaks. */
  record Message(String type, String data, String lastEventId) {}

  /** One stream from the view of the server. Its ending is null while it is open. */
  static final class Visit {
    final String lastEventId;
    final boolean answered204; // because its stream had been completed
    final long nanos = System.nanoTime(); // the time of the request
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

  /** The handler of a scenario, for an open stream. */
  private interface Play {
    void on(EventSource sse, Run run, int visit) throws InterruptedException;
  }

  static final Duration RETRY = Duration.ofMillis(100);
  static final int VISITS = 4; // of /resume and /end, until the server completes
  static final int MISSED = 5; // events that /resume publishes before each reconnect
  static final int LIVE = 15; // and after it
  /** The number of events of /resume, with the data {@code "1"}, {@code "2"} and so on. Clients receive them exactly once and in order. */
  static final int RESUMED = VISITS * LIVE + (VISITS - 1) * MISSED;

  /** The number of events that /fail sends, with the data {@code "1"}, {@code "2"} and so on. */
  static final int FAILED_AFTER = 3;

  /** The number of events that /slow sends: {@code "0 xxx…"}, 1,000 characters each. */
  static final int SLOW = 4000;

  /** The length of the events of /stall. */
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
  /** The messages that every client should report for these events. */
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
    this(SseServer.builder().settings(Settings.defaults().withHeartbeat(Duration.ofMillis(500))));
  }

  /** Creates the scenarios on a server from this builder, for example one with TLS. */
  Scenarios(SseServer.Builder builder) throws IOException {
    server = builder.build();
    play("/receive", Scenarios::receive);
    play("/resume", Scenarios::resume);
    play("/early", Scenarios::early);
    play("/end", Scenarios::end);
    play("/complete", Scenarios::complete);
    play("/fail", Scenarios::fail);
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
    server.post(path, handler); // for clients that can send a POST
  }

  private static String name(SseRequest request) throws IOException {
    return request.query("run").orElse("");
  }

  // The scenarios. Each begins with a short reconnection time, so that tests do not wait for the default.

  private static void receive(EventSource sse, Run run, int visit) {
    sse.send(Event.empty().withRetry(RETRY));
    EVENTS.forEach(sse::send);
    sse.keepAlive();
  }

  /** Ends the stream several times, publishes while the client is disconnected, and completes at the end. */
  private static void resume(EventSource sse, Run run, int visit) throws InterruptedException {
    sse.send(Event.empty().withRetry(RETRY));
    if (visit > 1) {
      run.publish(MISSED);
    }
    run.channel.join(sse);
    run.publish(LIVE);
    // The position of the first visit is an event, too, and so is the reconnection time.
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

  /**
   * Ends the stream when the client has the position of the channel. Publishes while the client is
   * disconnected, and after it has reconnected.
   */
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

  /** Ends each stream after one event, and completes the last one. */
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

  /** Fails after three events on the first stream, and completes the next one. */
  private static void fail(EventSource sse, Run run, int visit) {
    if (visit > 1) {
      sse.complete();
      return;
    }
    for (int i = 1; i <= FAILED_AFTER; i++) {
      sse.send(Event.of(String.valueOf(i)).withRetry(RETRY));
    }
    throw new IllegalStateException("this handler fails on purpose");
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

  /** Sends more than /slow: more than the operating system buffers for a client that does not read. */
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

  // The view of the server.

  List<Visit> visits(String run) {
    return runs.containsKey(run) ? List.copyOf(runs.get(run).visits) : List.of();
  }

  /** Returns the longest time for which sending one event blocked on the client. */
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
