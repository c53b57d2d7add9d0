package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.function.Predicate;

/**
 * The client's end of one exchange: knows what the exchange's own streams threw, and so whether a handler
 * failed only because the client is gone. No type and no text of an exception tells that, since files and
 * other connections throw the same.
 */
final class Peer {
  /** What a client is answered, if it still can be. */
  static final String GONE = "the client is gone or does not go on";

  private static final int MOST_CAUSES = 1000; // that are looked at; exceptions can be chained in circles

  private final HttpExchange exchange;
  private final long begun = System.nanoTime();
  // What follows is guarded by this.
  private IOException first; // null until the client was found to be gone
  private IOException last; // what comes after is the consequence, and a handler may throw that instead
  private IOException cut; // thrown at a thread that was interrupted; null if there was none
  private boolean answered; // whether the response was closed, after which all streams refuse to go on

  Peer(HttpExchange exchange) {
    this.exchange = exchange;
  }

  /**
   * Looks at what the exchange's streams throw from now on, if they are of this package, the server's. Those
   * that a filter has put over them have failures of their own.
   */
  void watch(String serversPackage) {
    var in = exchange.getRequestBody();
    var out = exchange.getResponseBody(); // of the JDK's, one that gets its substance with the head
    try {
      if (in.getClass().getPackageName().equals(serversPackage)) {
        exchange.setStreams(new Input(in), null);
      }
      if (out.getClass().getPackageName().equals(serversPackage)) {
        exchange.setStreams(null, new Output(out));
      }
    } catch (UnsupportedOperationException e) {
      // Not every server behind the API can; then a client that goes is a failure of the handler.
    }
  }

  /** This came of the client's going, or of its not going on. */
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

  /** Whether the connection is of no more use. */
  synchronized boolean isBroken() {
    return first != null || cut != null;
  }

  /** Whether this was thrown because the client is gone. */
  boolean isBehind(Throwable thrown) {
    return isCausedBy(thrown, this::isGoing);
  }

  private synchronized boolean isGoing(Throwable thrown) {
    return thrown == first || thrown == last;
  }

  /** Whether this was thrown because a thread was interrupted while it read or wrote. */
  boolean isInterruptBehind(Throwable thrown) {
    return isCausedBy(thrown, this::isCut);
  }

  private synchronized boolean isCut(Throwable thrown) {
    return thrown == cut;
  }

  /** What was suppressed does not count, since what was thrown may be the handler's own failure. */
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
        in.close(); // reads what is left
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

    /** As long as it was to be, or it may be of any length. */
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
