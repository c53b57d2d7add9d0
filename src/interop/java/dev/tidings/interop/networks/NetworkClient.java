package dev.tidings.interop.networks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import dev.tidings.interop.networks.NetworkServer.Ended;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** curl on one machine: counts and times the events and pings of one stream of a {@link NetworkSite}. */
final class NetworkClient implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(30);

  private final NetworkServer server;
  private final String name;
  private final Child curl;
  // The following fields are guarded by this; threads wait on this for more lines.
  private long first; // the number of the first event; 0 before it
  private long last;
  private long pings;
  private long sent; // the time of sending the last event
  private long arrived; // the arrival time of the last line
  private long longestDelay;
  private long longestSilence;
  private Optional<String> wrong = Optional.empty(); // the first violation of the order
  private Optional<String> over = Optional.empty(); // the final message of curl

  private NetworkClient(NetworkServer server, String name, Child curl) {
    this.server = server;
    this.name = name;
    this.curl = curl;
    this.arrived = System.nanoTime();
  }

  /** Opens a stream of this kind, a path of the site, and returns when the first line has arrived. */
  static NetworkClient open(Namespaces network, String machine, NetworkServer server, String kind)
      throws IOException, InterruptedException {
    String name = kind + "-" + machine;
    String uri = "http://" + network.serverOf(machine) + ":" + server.port() + "/" + kind + "?name=" + name;
    var client = new NetworkClient(server, name, network.start(machine, Child.find("curl"), "-sSN", uri));
    Thread.ofVirtual().name("client-output").start(client::read);
    client.await("nothing arrived", () -> client.first > 0 || client.pings > 0);
    return client;
  }

  private void read() {
    String words = "";
    try {
      for (Optional<String> line; (line = curl.next(Duration.ofDays(1))).isPresent(); ) {
        int own = line.get().indexOf("curl: ("); // may follow an incomplete line
        if (own < 0) {
          got(line.get());
        } else {
          words = line.get().substring(own);
        }
      }
      end(words);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void got(String line) {
    long now = System.nanoTime();
    longestSilence = Math.max(longestSilence, now - arrived);
    arrived = now;
    if (line.startsWith("data: ")) {
      var words = line.split(" ");
      long number = Long.parseLong(words[1]);
      if (first > 0 && number != last + 1 && wrong.isEmpty()) {
        wrong = Optional.of(number + " after " + last);
      }
      first = first > 0 ? first : number;
      last = number;
      sent = Long.parseLong(words[2]);
      longestDelay = Math.max(longestDelay, now - sent);
    } else if (line.startsWith(":")) {
      pings++;
    }
    notifyAll();
  }

  private synchronized void end(String words) {
    over = Optional.of(words);
    notifyAll();
  }

  private interface Condition {
    boolean holds();
  }

  private synchronized void await(String otherwise, Condition condition) throws InterruptedException {
    long end = System.nanoTime() + BOUND.toNanos();
    for (long left; !condition.holds() && (left = end - System.nanoTime()) > 0; ) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    assertTrue(condition.holds(), () -> this + ": " + otherwise);
  }

  /** Waits for an event that was sent after this time, or a ping that arrived after it. */
  void awaitAfter(long nanos) throws InterruptedException {
    await("nothing more arrived", () -> (isIdle() ? arrived : sent) - nanos > 0);
  }

  /** Waits for this many events, or for pings if the stream is idle. */
  void await(int count) throws InterruptedException {
    await("too few arrived", () -> count() >= count);
  }

  /** Waits until curl gives up, and returns its message. */
  String awaitOver() throws InterruptedException {
    await("curl did not end", () -> over.isPresent());
    return over.get();
  }

  synchronized boolean isOver() {
    return over.isPresent();
  }

  Ended awaitEnd() throws Exception {
    return server.awaitEnd(name);
  }

  boolean isIdle() {
    return name.startsWith("idle");
  }

  boolean isOpenAtServer() {
    return !server.hasEnded(name);
  }

  /** Returns the number of events, which arrived exactly once and in order, or of pings if it is idle. */
  synchronized long count() {
    assertTrue(wrong.isEmpty(), () -> this + ": " + wrong);
    return isIdle() ? pings : first > 0 ? last - first + 1 : 0;
  }

  /** Begins to measure delays and silences. */
  synchronized void mark() {
    longestDelay = 0;
    longestSilence = 0;
  }

  /** Returns the longest delay of an event, from sending to arrival. */
  synchronized Duration longestDelay() {
    return Duration.ofNanos(longestDelay);
  }

  synchronized Duration longestSilence() {
    return Duration.ofNanos(longestSilence);
  }

  @Override
  public String toString() {
    return name + " at " + server.port();
  }

  @Override
  public void close() {
    curl.close();
  }
}
