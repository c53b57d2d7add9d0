package dev.tidings.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * Publishes events, the same way on every server: the next one as soon as the load client has said that
 * all but so many of the earlier ones have reached every stream.
 */
final class Publisher {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /**
   * What to publish.
   *
   * @param from the number of the first event
   * @param millis for how long
   * @param count at most how many events
   * @param window how many may be outstanding; 0 for any number, without acknowledgements
   * @param size bytes of data in each
   * @param paceMillis how long to sleep after each
   */
  record Order(long from, long millis, long count, int window, int size, long paceMillis) {
    static Order of(String[] words) {
      return new Order(
          Long.parseLong(words[1]),
          Long.parseLong(words[2]),
          Long.parseLong(words[3]),
          Integer.parseInt(words[4]),
          Integer.parseInt(words[5]),
          Long.parseLong(words[6]));
    }

    @Override
    public String toString() {
      return "publish " + from + " " + millis + " " + count + " " + window + " " + size + " "
          + paceMillis;
    }
  }

  private final Peer peer;
  private final InputStream acks;
  private final byte[] buffer = new byte[Long.BYTES * 64];
  private int filled;
  private long acked;
  private volatile boolean stopped;

  Publisher(Peer peer, Socket acks) throws IOException {
    acks.setSoTimeout((int) PATIENCE.toMillis());
    this.peer = peer;
    this.acks = acks.getInputStream();
  }

  /** To be called before each order, by who also calls {@link #stop}. */
  void ready() {
    stopped = false;
  }

  /** Ends what is published now. */
  void stop() {
    stopped = true;
  }

  /** Returns the number of the last event, and whether the acknowledgements ceased. */
  String publish(Order order) throws Exception {
    var payload = new Payload(order.size());
    long start = System.nanoTime();
    long end = start + order.millis() * 1_000_000;
    long number = order.from();
    boolean stuck = false;
    acked = order.from() - 1; // the orders before are done with
    while (number < order.from() + order.count() && System.nanoTime() < end && !stopped) {
      if (order.window() > 0 && !awaitRoom(number - order.window())) {
        stuck = true;
        break;
      }
      peer.publish(payload.stamped(number));
      number++;
      if (order.paceMillis() > 0) {
        Thread.sleep(order.paceMillis());
      }
    }
    return (number - 1) + " " + (stuck ? "stuck" : "done");
  }

  /** Waits until this event has reached everyone; false if that takes too long. */
  private boolean awaitRoom(long number) throws IOException {
    try {
      while (acked < number) {
        readAcks();
      }
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  private void readAcks() throws IOException {
    int count = acks.read(buffer, filled, buffer.length - filled);
    if (count < 0) {
      throw ServerMain.closed();
    }
    filled += count;
    int whole = filled / Long.BYTES * Long.BYTES;
    if (whole > 0) {
      acked = Math.max(acked, ByteBuffer.wrap(buffer).getLong(whole - Long.BYTES));
      System.arraycopy(buffer, whole, buffer, 0, filled - whole);
      filled -= whole;
    }
  }
}
