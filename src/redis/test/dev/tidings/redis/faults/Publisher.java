package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.redis.faults.Publication.Outcome;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Publishes numbered payloads, one request after the other, on random nodes, and records the answers. */
final class Publisher {
  private static final int PATIENCE = 20_000; // milliseconds

  private final int number;
  private final String channel;
  private final List<InetSocketAddress> nodes;
  private final Random random;
  private final int pause; // mean, in ms
  private final int batch; // most events of a request
  private final String padding; // of each payload
  private final List<Publication> publications = new ArrayList<>(); // guarded by itself
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile int repeats;
  private volatile boolean stopped;
  private volatile long longest; // of a request, in ns
  private int next;

  Publisher(int number, String channel, List<InetSocketAddress> nodes, long seed, int pause, int batch, String padding) {
    this.number = number;
    this.channel = channel;
    this.nodes = List.copyOf(nodes);
    this.random = new Random(seed);
    this.pause = pause;
    this.batch = batch;
    this.padding = padding;
  }

  Publisher start() {
    Thread.ofVirtual().name("publisher").start(this::run);
    return this;
  }

  /** Publishes this many events on this thread, in large batches. Not after {@link #start}. */
  void publishAll(int count) {
    ended.countDown();
    while (next < count) {
      publish(nodes.getFirst(), Math.min(500, count - next));
    }
  }

  private void run() {
    try {
      publish();
    } finally {
      ended.countDown();
    }
  }

  private void publish() {
    while (!stopped) {
      int count = batch > 1 && random.nextInt(4) == 0 ? 1 + random.nextInt(batch) : 1;
      var outcome = publish(nodes.get(random.nextInt(nodes.size())), count);
      try {
        Thread.sleep(random.nextInt(2 * pause + 1) + (outcome == Outcome.ACKED ? 0 : 20));
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  /** Publishes one event at a time with a key, and repeats it on any node until it is acknowledged. */
  Publisher startWithKeys() {
    Thread.ofVirtual().name("publisher").start(this::runWithKeys);
    return this;
  }

  private void runWithKeys() {
    try {
      while (!stopped) {
        String payload = Publication.payload(number, next);
        long begin = System.nanoTime();
        String id = "";
        while (id.isEmpty()) {
          try {
            var node = nodes.get(random.nextInt(nodes.size()));
            var answer = Http.post(node, "/publish?channel=" + channel + "&key=" + payload, payload, PATIENCE);
            id = answer.status() == 200 ? answer.text() : "";
          } catch (IOException e) {
            // repeated
          }
          repeats += id.isEmpty() ? 1 : 0;
          Thread.sleep(random.nextInt(2 * pause + 1));
        }
        synchronized (publications) {
          publications.add(new Publication(number, next++, Outcome.ACKED, id, begin, System.nanoTime()));
        }
      }
    } catch (InterruptedException e) {
      // stopped
    } finally {
      ended.countDown();
    }
  }

  /** Returns how often it had to repeat an event. */
  int repeats() {
    return repeats;
  }

  private Outcome publish(InetSocketAddress node, int count) {
    int first = next;
    next += count;
    String body =
        IntStream.range(first, next).mapToObj(i -> Publication.payload(number, i) + padding).collect(Collectors.joining("\n"));
    long begin = System.nanoTime();
    var ids = List.<String>of();
    var outcome = Outcome.UNKNOWN;
    int refusedFrom = count; // the number of events that may have been appended
    try {
      var answer = Http.post(node, "/publish?channel=" + channel, body, PATIENCE);
      switch (answer.status()) {
        case 200 -> {
          ids = answer.text().lines().toList();
          outcome = Outcome.ACKED;
        }
        case 503 -> {
          if (answer.text().contains("refused: ")) { // otherwise it is of a server that stops
            outcome = Outcome.REFUSED;
            refusedFrom = Integer.parseInt(answer.text().lines().findFirst().orElseThrow());
          }
        }
        default -> {}
      }
    } catch (IOException e) {
      // unknown
    }
    long end = System.nanoTime();
    longest = Math.max(longest, end - begin);
    synchronized (publications) {
      for (int i = 0; i < count; i++) {
        var its = outcome == Outcome.REFUSED && i < refusedFrom ? Outcome.UNKNOWN : outcome;
        publications.add(
            new Publication(number, first + i, its, its == Outcome.ACKED ? ids.get(i) : "", begin, end));
      }
    }
    return outcome;
  }

  List<Publication> publications() {
    synchronized (publications) {
      return List.copyOf(publications);
    }
  }

  /** Returns how long the longest request has taken, in nanoseconds. */
  long longest() {
    return longest;
  }

  void resetLongest() {
    longest = 0;
  }

  void stop() {
    stopped = true;
  }

  void join() throws InterruptedException {
    if (!ended.await(PATIENCE + 5_000, TimeUnit.MILLISECONDS)) {
      throw new AssertionError("a publisher does not end");
    }
  }

  /** Just enough HTTP: a connection for each request. */
  static final class Http {
    record Answer(int status, String text) {}

    private Http() {}

    static Answer post(InetSocketAddress node, String path, String body, int patience) throws IOException {
      return ask("POST", node, path, body, patience);
    }

    static Answer get(InetSocketAddress node, String path) throws IOException {
      return ask("GET", node, path, "", 5_000);
    }

    private static Answer ask(String method, InetSocketAddress node, String path, String body, int patience)
        throws IOException {
      try (var socket = new Socket()) {
        socket.connect(node, 3_000);
        socket.setSoTimeout(patience);
        byte[] bytes = body.getBytes(UTF_8);
        String head =
            method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: " + bytes.length + "\r\n\r\n";
        socket.getOutputStream().write((head + body).getBytes(UTF_8));
        String answer = new String(socket.getInputStream().readAllBytes(), UTF_8);
        int end = answer.indexOf("\r\n\r\n");
        if (end < 0 || !answer.startsWith("HTTP/1.1 ")) {
          throw new IOException("no answer");
        }
        String text = answer.substring(end + 4);
        var length = java.util.regex.Pattern.compile("(?i)content-length: (\\d+)").matcher(answer.substring(0, end));
        if (length.find() && text.getBytes(UTF_8).length < Integer.parseInt(length.group(1))) {
          throw new IOException("half an answer");
        }
        return new Answer(Integer.parseInt(answer.substring(9, 12)), text);
      }
    }
  }
}
