package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.tidings.client.EventClient;
import dev.tidings.client.EventClientException;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A client that reconnects to any of its targets with its last id, also after it has aborted the connection itself, at
 * random moments. It reads raw sockets, and if it aborts connections, half of the later streams with the library's
 * client: the first one tells the position, and a client without aborts counts the ends of its connections.
 */
final class Client implements EventParser.Sink {
  private static final int SILENCE = 15_000; // milliseconds, many heartbeats

  private final String channel;
  private final List<InetSocketAddress> targets;
  private final Random random;
  private final double cut; // mean time until it aborts a connection, in ms; 0 for never
  private final List<Item> items = new ArrayList<>(); // guarded by itself
  private final Thread thread;
  private volatile String id = "";
  private volatile boolean stopped;
  private volatile boolean paused;
  private volatile CountDownLatch gate = new CountDownLatch(0); // closed while it is paused
  private volatile boolean open;
  private volatile Socket socket;
  private volatile Optional<EventClient> events = Optional.empty();
  private volatile int broken; // connections that others ended
  private volatile int silent; // connections on which nothing came for long
  private volatile int comments;
  private volatile long wakeful; // when the last byte came

  Client(String channel, List<InetSocketAddress> targets, long seed, double cut) {
    this.channel = channel;
    this.targets = List.copyOf(targets);
    this.random = new Random(seed);
    this.cut = cut;
    this.thread = Thread.ofVirtual().name("client").start(this::run);
  }

  private void run() {
    int failures = 0;
    while (!stopped) {
      if (paused) {
        await(gate);
        continue;
      }
      var target = targets.get(random.nextInt(targets.size()));
      long end = cut == 0 ? Long.MAX_VALUE : System.nanoTime() + (long) (-Math.log(1 - random.nextDouble()) * cut * 1e6);
      try {
        if (cut > 0 && !id.isEmpty() && random.nextBoolean()) {
          receive(target, end);
        } else {
          stream(target, end);
        }
        failures = 0;
      } catch (IOException e) {
        if (!stopped && !paused) {
          broken++;
          failures++;
        }
      } finally {
        open = false;
      }
      pause(random.nextInt(20) + (failures > 0 ? 50 + random.nextInt(100) : 0));
    }
  }

  private static void await(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Receives from the library's client until this time has come, or without reconnecting until its stream ends. */
  private void receive(InetSocketAddress target, long end) throws IOException {
    var uri = URI.create("http://" + target.getHostString() + ":" + target.getPort() + "/events?channel=" + channel);
    var builder =
        EventClient.builder(uri)
            .lastEventId(id)
            .connectTimeout(Duration.ofSeconds(3))
            .responseTimeout(Duration.ofMillis(SILENCE))
            .maxSilence(Duration.ofMillis(SILENCE))
            .retry(Duration.ofMillis(random.nextInt(100)))
            .maxAttempts(2)
            .reconnect(random.nextBoolean());
    try (var client = builder.build()) {
      events = Optional.of(client);
      for (long left; !stopped && !paused && !client.isEnded() && (left = end - System.nanoTime()) > 0; ) {
        var event = client.next(Duration.ofNanos(left));
        String last = client.lastEventId().orElseThrow();
        if (event.isPresent()) {
          open = true;
          event(last, event.get().name().orElse("message"), event.get().data().orElseThrow());
        } else if (!last.equals(id)) {
          event(last, "tidings:position", "");
        }
      }
    } catch (EventClientException e) {
      silent += reasons(e).anyMatch(HttpTimeoutException.class::isInstance) ? 1 : 0;
      throw new IOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      events = Optional.empty();
    }
  }

  private static Stream<Throwable> reasons(Throwable failure) {
    return Stream.iterate(failure, reason -> reason != null, Throwable::getCause);
  }

  /** Reads a stream, until it ends or this time has come. */
  private void stream(InetSocketAddress target, long end) throws IOException {
    try (var connection = new Socket()) {
      socket = connection;
      connection.connect(target, 3_000);
      connection.setSoTimeout(SILENCE);
      String lastId = id.isEmpty() ? "" : "Last-Event-ID: " + id + "\r\n";
      String request = "GET /events?channel=" + channel + " HTTP/1.1\r\nHost: localhost\r\n" + lastId + "\r\n";
      connection.getOutputStream().write(request.getBytes(ISO_8859_1));
      var in = new BufferedInputStream(connection.getInputStream(), 4096);
      String head = head(in);
      if (!head.startsWith("HTTP/1.1 200")) {
        throw new IOException("the answer is " + head.lines().findFirst().orElse(""));
      }
      boolean isChunked = head.toLowerCase(java.util.Locale.ROOT).contains("transfer-encoding: chunked");
      open = true;
      var parser = new EventParser(id, this);
      if (random.nextBoolean()) {
        connection.setSoLinger(true, 0); // a reset
      }
      while (!stopped && !paused) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          return;
        }
        connection.setSoTimeout(Math.clamp(TimeUnit.NANOSECONDS.toMillis(left) + 1, 1, SILENCE));
        try {
          read(in, isChunked, parser);
        } catch (SocketTimeoutException e) {
          if (TimeUnit.NANOSECONDS.toMillis(left) >= SILENCE) {
            silent++;
            throw e;
          }
          return; // in the middle of a chunk perhaps
        }
      }
    }
  }

  private static String head(InputStream in) throws IOException {
    var head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      head.append((char) next(in));
    }
    return head.toString();
  }

  private static int next(InputStream in) throws IOException {
    int b = in.read();
    if (b < 0) {
      throw new EOFException("the connection was closed");
    }
    return b;
  }

  /** Reads a chunk, or what there is. */
  private void read(InputStream in, boolean isChunked, EventParser parser) throws IOException {
    int length = 1;
    if (isChunked) {
      var size = new StringBuilder();
      for (int b; (b = next(in)) != '\n'; ) {
        size.append((char) b);
      }
      length = Integer.parseInt(size.toString().strip(), 16);
      if (length == 0) {
        throw new EOFException("the stream has ended");
      }
    }
    var buffer = new byte[4096];
    while (length > 0) {
      int read = in.read(buffer, 0, isChunked ? Math.min(length, buffer.length) : buffer.length);
      if (read < 0) {
        throw new EOFException("the connection was closed in a chunk");
      }
      wakeful = System.nanoTime();
      parser.feed(buffer, 0, read);
      length -= isChunked ? read : 1;
    }
    if (isChunked) {
      next(in);
      next(in);
    }
  }

  @Override
  public void event(String lastEventId, String name, String data) {
    long now = System.nanoTime();
    var item =
        switch (name) {
          case "tidings:position" -> new Item.Position(lastEventId, now);
          case "gap" -> Item.Gap.of(lastEventId, data, now);
          default -> new Item.Received(lastEventId, Publication.withoutPadding(data), now);
        };
    synchronized (items) {
      items.add(item);
    }
    id = lastEventId;
  }

  @Override
  public void comment() {
    comments++;
  }

  List<Item> items() {
    synchronized (items) {
      return List.copyOf(items);
    }
  }

  /** Returns when it was told the first gap after this time, or -1. */
  long gapAfter(long nanos) {
    return items().stream()
        .filter(item -> item instanceof Item.Gap && item.nanos() - nanos >= 0)
        .mapToLong(Item::nanos)
        .findFirst()
        .orElse(-1);
  }

  /** Returns when the first event came after this time, or -1. */
  long firstAfter(long nanos) {
    synchronized (items) {
      for (int i = items.size() - 1, found = -1; ; i--) {
        if (i < 0 || items.get(i).nanos() - nanos < 0) {
          return found < 0 ? -1 : items.get(found).nanos();
        }
        found = items.get(i) instanceof Item.Received ? i : found;
      }
    }
  }

  String id() {
    return id;
  }

  boolean isOpen() {
    return open;
  }

  int broken() {
    return broken;
  }

  int silent() {
    return silent;
  }

  int comments() {
    return comments;
  }

  long wakeful() {
    return wakeful;
  }

  /** Aborts the connection, and does not reconnect until {@link #resume}. */
  void leave() {
    gate = new CountDownLatch(1);
    paused = true;
    abort();
  }

  private void abort() {
    events.ifPresent(EventClient::close);
    var its = socket;
    try {
      if (its != null) {
        its.close();
      }
    } catch (IOException e) {
      // closed
    }
  }

  void resume() {
    paused = false;
    gate.countDown();
  }

  /** Ends the client soon. */
  void abandon() {
    stopped = true;
    gate.countDown();
    abort();
  }

  /** Ends the client. Its record does not change after this call. */
  void stop() {
    abandon();
    try {
      thread.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
