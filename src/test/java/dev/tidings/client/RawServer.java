package dev.tidings.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Await;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A server that answers with any bytes: the n-th request as the n-th answer says, and later ones as the last. */
final class RawServer implements AutoCloseable {
  /** Answers a request, on a thread of its own. The connection stays open unless the answer closes it. */
  interface Answer {
    void to(Exchange exchange) throws Exception;
  }

  private final ServerSocket socket;
  private final List<Answer> answers;
  private final BlockingQueue<Exchange> requests = new LinkedBlockingQueue<>();
  private final List<Socket> open = new ArrayList<>(); // guarded by itself
  private int answered; // guarded by this

  RawServer(Answer... answers) throws IOException {
    this(0, answers);
  }

  RawServer(int port, Answer... answers) throws IOException {
    this.answers = List.of(answers);
    socket = new ServerSocket(port, 50, InetAddress.getByName("127.0.0.1"));
    Thread.ofVirtual().start(this::accept);
  }

  static Answer status(String status, String... headers) {
    return exchange -> exchange.head(status, headers).close();
  }

  /** A stream that stays open. */
  static Answer stream(String text) {
    return exchange -> exchange.stream().send(text);
  }

  /** A stream that ends. */
  static Answer ending(String text) {
    return exchange -> exchange.stream().send(text).close();
  }

  private void accept() {
    try {
      while (true) {
        var connection = socket.accept();
        synchronized (open) {
          open.add(connection);
        }
        Thread.ofVirtual().start(() -> serve(connection));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private void serve(Socket connection) {
    try {
      var in = new BufferedInputStream(connection.getInputStream());
      while (true) {
        var exchange = Exchange.read(connection, in);
        Answer answer;
        synchronized (this) {
          answer = answers.get(Math.min(answered++, answers.size() - 1));
        }
        requests.add(exchange);
        answer.to(exchange);
      }
    } catch (SocketException e) {
      // The client or the test has closed it.
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** Waits for the next request. */
  Exchange next() throws InterruptedException {
    return Await.next("a request", requests);
  }

  /** Returns the number of requests that {@code next} has not returned. */
  int waiting() {
    return requests.size();
  }

  URI uri() {
    return uri("/");
  }

  int port() {
    return socket.getLocalPort();
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + port() + path);
  }

  @Override
  public void close() throws IOException {
    socket.close();
    synchronized (open) {
      for (Socket connection : open) {
        connection.close();
      }
    }
  }

  /** A request and its connection. */
  record Exchange(Socket socket, InputStream in, String head, String body) {
    static Exchange read(Socket socket, InputStream in) throws IOException {
      var head = new StringBuilder();
      while (head.indexOf("\r\n\r\n") < 0) {
        int b = in.read();
        if (b < 0) {
          throw new SocketException("closed");
        }
        head.append((char) b);
      }
      String length = header(head.toString(), "Content-Length");
      return new Exchange(socket, in, head.toString(), new String(in.readNBytes(length.isEmpty() ? 0 : Integer.parseInt(length)), UTF_8));
    }

    private static String header(String head, String name) {
      return head.lines()
          .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name.toLowerCase(Locale.ROOT) + ":"))
          .map(line -> line.substring(name.length() + 1).strip())
          .findFirst()
          .orElse("");
    }

    /** Returns the value, or an empty text. */
    String header(String name) {
      return header(head, name);
    }

    String requestLine() {
      return head.lines().findFirst().orElseThrow();
    }

    Exchange head(String status, String... headers) throws IOException {
      var text = new StringBuilder("HTTP/1.1 " + status + "\r\n");
      for (String header : headers) {
        text.append(header).append("\r\n");
      }
      return send(text + "\r\n");
    }

    Exchange stream() throws IOException {
      return head("200 OK", "Content-Type: text/event-stream");
    }

    Exchange send(String text) throws IOException {
      return send(text.getBytes(UTF_8));
    }

    Exchange send(byte[] bytes) throws IOException {
      socket.getOutputStream().write(bytes);
      socket.getOutputStream().flush();
      return this;
    }

    void close() throws IOException {
      socket.close();
    }

    void reset() throws IOException {
      socket.setSoLinger(true, 0);
      socket.close();
    }

    /** Waits until the client has closed the connection. */
    void awaitClosed() throws IOException {
      socket.setSoTimeout(20_000);
      try {
        while (in.read() >= 0) {}
      } catch (SocketException e) {
        // reset
      }
    }
  }
}
