package dev.tidings.interop.networks;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A {@link NetworkSite} in its namespace, controlled by the test. */
final class NetworkServer implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(30);

  /**
   * The end of one stream.
   *
   * @param nanos the time, by {@link System#nanoTime}
   * @param sent the number of events and pings that the kernel accepted since the mark
   * @param bytes the number of their bytes
   */
  record Ended(String ending, long nanos, long sent, long bytes) {}

  private final Child child;
  private final int port;
  private final Map<String, CompletableFuture<Ended>> ends = new ConcurrentHashMap<>();
  private final LinkedBlockingQueue<String> answers = new LinkedBlockingQueue<>();

  private NetworkServer(Child child, int port) {
    this.child = child;
    this.port = port;
  }

  /** Starts the server, and returns when it listens. */
  static NetworkServer start(Namespaces network, int port, Duration heartbeat, Duration writeDeadline)
      throws IOException, InterruptedException {
    var child =
        network.startServer(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-cp", "target/classes:target/test-classes",
            "--add-opens=jdk.httpserver/sun.net.httpserver=ALL-UNNAMED",
            NetworkSite.class.getName(), String.valueOf(port), heartbeat.toString(), writeDeadline.toString());
    child.await("ready", BOUND);
    var server = new NetworkServer(child, port);
    Thread.ofVirtual().name("server-output").start(server::read);
    return server;
  }

  private void read() {
    try {
      for (Optional<String> line; (line = child.next(Duration.ofDays(1))).isPresent(); ) {
        var words = line.get().split(" ");
        if (words[0].equals("ended")) {
          var ended = new Ended(words[2], Long.parseLong(words[3]), Long.parseLong(words[4]), Long.parseLong(words[5]));
          end(words[1]).complete(ended);
        } else if (List.of("marked", "books:", "stopped").contains(words[0])) {
          answers.add(line.get());
        } else {
          System.err.println("the server says: " + line.get());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    answers.add("the server has ended");
  }

  private CompletableFuture<Ended> end(String name) {
    return ends.computeIfAbsent(name, unknown -> new CompletableFuture<>());
  }

  Ended awaitEnd(String name) throws Exception {
    return end(name).get(BOUND.toMillis(), TimeUnit.MILLISECONDS);
  }

  boolean hasEnded(String name) {
    return end(name).isDone();
  }

  int port() {
    return port;
  }

  /** Begins to count the events and bytes that each stream sends. */
  void mark() throws IOException, InterruptedException {
    ask("mark");
  }

  /** Waits until no stream, thread and connection is left, and returns the counts of all that could leak. */
  String awaitEmptyBooks() throws IOException, InterruptedException {
    long end = System.nanoTime() + BOUND.toNanos();
    for (String books; ; Thread.sleep(50)) {
      books = ask("books");
      if (books.startsWith(NetworkSite.EMPTY)) {
        return books;
      }
      if (System.nanoTime() > end) {
        throw new AssertionError(books);
      }
    }
  }

  /** Stops the server at once, and returns how long that took. */
  Duration stop() throws IOException, InterruptedException {
    return Duration.parse(ask("stop").split(" ")[1]);
  }

  private synchronized String ask(String what) throws IOException, InterruptedException {
    child.say(what);
    var answer = answers.poll(BOUND.toNanos(), TimeUnit.NANOSECONDS);
    return answer != null ? answer : "nothing";
  }

  @Override
  public void close() {
    child.close();
  }
}
