package dev.tidings;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.WhatwgParser.Message;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A client on a bare socket, which can stall, reset and half-close, unlike the client of any library. */
final class Client implements AutoCloseable {
  private final Socket plain;
  private final Socket socket; // the plain socket, or TLS over it
  private final InputStream in;
  private final WhatwgParser parser = new WhatwgParser();
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private final Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
  private String statusLine;
  private boolean chunked;
  private int taken;

  private Client(URI uri, int receiveBuffer) throws IOException {
    plain = Scheme.connect(uri, receiveBuffer);
    socket = Scheme.secure(plain, uri);
    this.in = new BufferedInputStream(socket.getInputStream());
  }

  /** Sends a GET and does not read. */
  static Client get(URI uri, String... headerLines) throws IOException {
    return get(uri, 0, headerLines);
  }

  static Client get(URI uri, int receiveBuffer, String... headerLines) throws IOException {
    var client = new Client(uri, receiveBuffer);
    client.request("GET", uri, "HTTP/1.1", "", headerLines);
    return client;
  }

  static Client send(String method, URI uri, String version, String body, String... headerLines) throws IOException {
    var client = new Client(uri, 0);
    client.request(method, uri, version, body, headerLines);
    return client;
  }

  /** Sends the text as is. */
  static Client raw(URI uri, String text) throws IOException {
    var client = new Client(uri, 0);
    client.write(text);
    return client;
  }

  private void request(String method, URI uri, String version, String body, String... lines) throws IOException {
    String query = uri.getRawQuery() == null ? "" : "?" + uri.getRawQuery();
    var head = new StringBuilder(method + " " + uri.getRawPath() + query + " " + version + "\r\nHost: localhost\r\n");
    for (String line : lines) {
      head.append(line).append("\r\n");
    }
    if (!body.isEmpty()) {
      head.append("Content-Length: ").append(body.getBytes(UTF_8).length).append("\r\n");
    }
    write(head + "\r\n" + body);
  }

  void write(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(UTF_8));
    socket.getOutputStream().flush();
  }

  /** Reads status line and headers, once. */
  Client head() throws IOException {
    if (statusLine == null) {
      statusLine = line();
      for (String line; !(line = line()).isEmpty(); ) {
        int colon = line.indexOf(':');
        headers.merge(line.substring(0, colon), line.substring(colon + 1).trim(), (a, b) -> a + ", " + b);
      }
      chunked = "chunked".equals(headers.getOrDefault("Transfer-Encoding", "").toLowerCase(Locale.ROOT));
    }
    return this;
  }

  /** Reads an interim response and returns its status line. */
  String interim() throws IOException {
    String status = line();
    while (!line().isEmpty()) {}
    return status;
  }

  private String line() throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b; (b = in.read()) != '\n'; ) {
      if (b < 0) {
        throw new IOException("end of stream in the head, after: " + line.toString(ISO_8859_1));
      }
      line.write(b);
    }
    return line.toString(ISO_8859_1).stripTrailing();
  }

  int status() throws IOException {
    head();
    return Integer.parseInt(statusLine.split(" ")[1]);
  }

  Map<String, String> headers() throws IOException {
    head();
    return headers;
  }

  /** Reads more of the body; returns false at its clean end. */
  private boolean readMore() throws IOException {
    head();
    byte[] bytes;
    if (chunked) {
      int size = Integer.parseInt(line(), 16);
      bytes = in.readNBytes(size);
      if (bytes.length < size || !line().isEmpty()) {
        throw new IOException("broken chunk of " + size);
      }
    } else if (headers.containsKey("Content-Length")) {
      bytes = in.readNBytes(Integer.parseInt(headers.get("Content-Length")) - body.size());
    } else {
      bytes = new byte[8192];
      int count = in.read(bytes);
      bytes = Arrays.copyOf(bytes, Math.max(count, 0));
    }
    parser.feed(bytes);
    body.write(bytes);
    return bytes.length > 0;
  }

  /** Returns the next message, skipping channel positions; null at the clean end of the response. */
  Message next() throws IOException {
    Message message;
    while ((message = poll()) == null) {
      if (!readMore()) {
        return null;
      }
    }
    return message;
  }

  /** Reads until there is a new message or position, and consumes neither. */
  void awaitMessage() throws IOException {
    String id = parser.lastEventId();
    while (parser.messages().size() <= taken && parser.lastEventId().equals(id)) {
      awaitMore();
    }
  }

  /** Returns the next message that has already been read, or null. */
  Message poll() {
    while (parser.messages().size() > taken) {
      var message = parser.messages().get(taken++);
      if (!message.type().equals("tidings:position")) {
        return message;
      }
    }
    return null;
  }

  /** Reads more of the body; throws at its clean end. */
  void awaitMore() throws IOException {
    if (!readMore()) {
      throw new IOException("the body ended after: " + body.toString(UTF_8));
    }
  }

  /** Returns the data of this many messages, or of fewer at the end. */
  List<String> data(int count) throws IOException {
    var data = new ArrayList<String>();
    for (Message message; data.size() < count && (message = next()) != null; ) {
      data.add(message.data());
    }
    return data;
  }

  /** Reads until the raw body contains the text. */
  Client awaitText(String text) throws IOException {
    while (!body.toString(UTF_8).contains(text)) {
      if (!readMore()) {
        throw new IOException("the body ended without " + text + ": " + body.toString(UTF_8));
      }
    }
    return this;
  }

  /** Reads until this many comments have arrived. */
  void awaitComments(int count) throws IOException {
    while (parser.comments().size() < count) {
      if (!readMore()) {
        throw new IOException("the body ended after " + parser.comments());
      }
    }
  }

  /** Reads to the clean end and returns the whole body. */
  String toEnd() throws IOException {
    while (readMore()) {}
    return body.toString(UTF_8);
  }

  /** Reads to the end, clean or not, and returns the body. */
  String toEndOrCut() {
    try {
      return toEnd();
    } catch (IOException | RuntimeException e) {
      return body.toString(UTF_8);
    }
  }

  /** Returns everything until the server closes or resets the connection; may be empty. */
  String rest() throws IOException {
    var all = new ByteArrayOutputStream();
    try {
      for (int b; (b = in.read()) >= 0; ) {
        all.write(b);
      }
    } catch (SocketException e) {
      // Reset: the server had not read the whole request.
    }
    return all.toString(UTF_8);
  }

  WhatwgParser parser() {
    return parser;
  }

  Socket socket() {
    return socket;
  }

  void reset() throws IOException {
    plain.setSoLinger(true, 0);
    plain.close();
  }

  /** Closes the connection at once; a TLS socket would first read all that is left. */
  @Override
  public void close() throws IOException {
    plain.close();
  }
}
