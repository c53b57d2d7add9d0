package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.function.Predicate;

/**
 * The client of one exchange. It records the exceptions of the exchange's own streams, to determine whether a
 * handler failed only because the client is gone. Neither the type nor the text of an exception is enough for
 * this, since files and other connections throw similar ones.
 */
final class Peer {
  /** The response to the client, if it can still be sent. */
  static final String GONE = "the client disconnected or stalled";

  private static final int MOST_CAUSES = 1000; // to examine, since a chain of causes can be circular

  private final HttpExchange exchange;
  private final long begun = System.nanoTime();
  // The fields below are guarded by this.
  private IOException first; // null until the client was found to be gone
  private IOException last; // follows from the first, and a handler may throw it instead
  private IOException cut; // thrown in a thread that was interrupted; null if there was none
  private boolean answered; // whether the response's body was closed, after which both bodies throw

  Peer(HttpExchange exchange) {
    this.exchange = exchange;
  }

  /**
   * Records the exceptions of the exchange's streams from now on, if the classes of the streams are in the server's
   * package. Otherwise a filter has wrapped the streams, which can then fail for other reasons.
   */
  void watch(String serversPackage) {
    var in = exchange.getRequestBody();
    var out = exchange.getResponseBody(); // in the JDK's server a placeholder until the head is sent
    try {
      if (in.getClass().getPackageName().equals(serversPackage)) {
        exchange.setStreams(new Input(in), null);
      }
      if (out.getClass().getPackageName().equals(serversPackage)) {
        exchange.setStreams(null, new Output(out));
      }
    } catch (UnsupportedOperationException e) {
      // Some servers behind the API cannot do this; a disconnect then counts as a failure of the handler.
    }
  }

  /** Records an exception that is due to a client that is gone or stalled. */
  synchronized void gone(IOException thrown) {
    first = first == null ? thrown : first;
    last = thrown;
  }

  private synchronized IOException failed(IOException thrown, boolean misused) {
    if (first == null && misused) {
      return thrown; // the handler's own mistake
    }
    if (Thread.currentThread().isInterrupted()) {
      cut = thrown; // the interrupt closed the connection, not the client
    } else {
      gone(thrown);
    }
    return thrown;
  }

  private synchronized boolean isAnswered() {
    return answered;
  }

  private synchronized void answered() {
    answered = true;
  }

  /** Returns whether the connection is unusable. */
  synchronized boolean isBroken() {
    return first != null || cut != null;
  }

  /** Returns whether this was thrown because the client is gone. */
  boolean isBehind(Throwable thrown) {
    return isCausedBy(thrown, this::isGoing);
  }

  private synchronized boolean isGoing(Throwable thrown) {
    return thrown == first || thrown == last;
  }

  /** Returns whether this was thrown because a thread was interrupted while it read or wrote. */
  boolean isInterruptBehind(Throwable thrown) {
    return isCausedBy(thrown, this::isCut);
  }

  private synchronized boolean isCut(Throwable thrown) {
    return thrown == cut;
  }

  /** Searches the causes. Ignores suppressed exceptions, since the one thrown may be the handler's own failure. */
  private static boolean isCausedBy(Throwable thrown, Predicate<Throwable> wanted) {
    var next = thrown;
    for (int i = 0; i < MOST_CAUSES && next != null; i++) {
      if (wanted.test(next)) {
        return true;
      }
      next = next.getCause();
    }
    return false;
  }

  /** The request's body. */
  private final class Input extends InputStream {
    private final InputStream in;
    private boolean closed;

    Input(InputStream in) {
      this.in = in;
    }

    private IOException failed(IOException thrown) {
      boolean misused = closed || isAnswered();
      if (!misused && !isBroken()) {
        JdkServer.warnIfCut(Duration.ofNanos(System.nanoTime() - begun));
      }
      return Peer.this.failed(thrown, misused);
    }

    @Override
    public int read() throws IOException {
      try {
        return in.read();
      } catch (IOException e) {
        throw failed(e);
      }
    }

    @Override
    public int read(byte[] bytes, int start, int length) throws IOException {
      try {
        return in.read(bytes, start, length);
      } catch (IOException e) {
        throw failed(e);
      }
    }

    @Override
    public long skip(long count) throws IOException {
      try {
        return in.skip(count);
      } catch (IOException e) {
        throw failed(e);
      }
    }

    @Override
    public int available() throws IOException {
      try {
        return in.available();
      } catch (IOException e) {
        throw failed(e);
      }
    }

    @Override
    public void close() throws IOException {
      try {
        in.close(); // reads the rest
      } catch (IOException e) {
        throw failed(e);
      } finally {
        closed = true;
      }
    }
  }

  /** The response's body. */
  private final class Output extends OutputStream {
    private final OutputStream out;
    private long written;

    Output(OutputStream out) {
      this.out = out;
    }

    /** Returns whether this length is valid under the Content-Length; without one, any length is. */
    private boolean isWithin(long length, boolean whole) {
      String announced = exchange.getResponseHeaders().getFirst("Content-Length");
      try {
        long most = announced == null ? length : Long.parseLong(announced);
        return whole ? length == most : length <= most;
      } catch (NumberFormatException e) {
        return true;
      }
    }

    private IOException failed(IOException thrown, long length, boolean whole) {
      boolean misused =
          isAnswered() || !Response.isBegun(exchange) || !isWithin(length, whole);
      return Peer.this.failed(thrown, misused);
    }

    @Override
    public void write(int b) throws IOException {
      try {
        out.write(b);
        written++;
      } catch (IOException e) {
        throw failed(e, written + 1, false);
      }
    }

    @Override
    public void write(byte[] bytes, int start, int length) throws IOException {
      try {
        out.write(bytes, start, length);
        written += length;
      } catch (IOException e) {
        throw failed(e, written + length, false);
      }
    }

    @Override
    public void flush() throws IOException {
      try {
        out.flush();
      } catch (IOException e) {
        throw failed(e, written, false);
      }
    }

    @Override
    public void close() throws IOException {
      try {
        out.close();
      } catch (IOException e) {
        throw failed(e, written, true);
      } finally {
        answered();
      }
    }
  }
}
