package dev.tidings.bench;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * Publishes events, in the same way on every server. Publishes the next event once the load client has
 * acknowledged that all but {@code window} of the earlier ones have reached every stream.
 */
final class Publisher {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /**
   * The parameters of publishing.
   *
   * @param from the number of the first event
   * @param millis the duration
   * @param count the maximum number of events
   * @param window the number of events that may be outstanding; 0 for no limit, without acknowledgements
   * @param size the bytes of data in each event
   * @param paceMillis the time from one event to the next; 0 for none
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

  /** Prepares for an order. Called before each order, by the thread that also calls {@link #stop}. */
  void ready() {
    stopped = false;
  }

  /** Ends the current order. */
  void stop() {
    stopped = true;
  }

  /** Publishes, and returns the number of the last event and whether acknowledgements stopped arriving. */
  String publish(Order order) throws Exception {
    var payload = new Payload(order.size());
    long start = System.nanoTime();
    long end = start + order.millis() * 1_000_000;
    long number = order.from();
    boolean stuck = false;
    acked = order.from() - 1; // earlier orders are complete
    while (number < order.from() + order.count() && System.nanoTime() < end && !stopped) {
      if (order.window() > 0 && !awaitRoom(number - order.window())) {
        stuck = true;
        break;
      }
      peer.publish(payload.stamped(number));
      number++;
      if (order.paceMillis() > 0) {
        long next = start + (number - order.from()) * order.paceMillis() * 1_000_000;
        Thread.sleep(Duration.ofNanos(Math.max(0, next - System.nanoTime())));
      }
    }
    return (number - 1) + " " + (stuck ? "stuck" : "done");
  }

  /** Waits until this event has reached every stream. Returns false if that takes too long. */
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
