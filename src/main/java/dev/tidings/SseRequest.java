package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A request to an {@link SseServer}: what a handler needs of it, and the two ways to answer, a stream
 * or a short text. Used by one thread at a time.
 */
public final class SseRequest {
  private static final Pattern CHARSET =
      Pattern.compile(";\\s*charset=\"?([^\\s\";]+)", Pattern.CASE_INSENSITIVE);

  private final HttpExchange exchange;
  private final EventSources sources;
  private Optional<EventSource> stream = Optional.empty();
  private Map<String, List<String>> query; // null until asked for
  private boolean broken; // whether reading or answering failed

  SseRequest(HttpExchange exchange, EventSources sources) {
    this.exchange = exchange;
    this.sources = sources;
  }

  /**
   * Answers with a stream that has no identifier; otherwise as {@link #getEventSource(String)}.
   *
   * @return the stream
   * @throws IllegalStateException as there
   */
  public EventSource getEventSource() {
    return keep(sources.open(exchange));
  }

  /**
   * Answers with a stream. Nothing is sent yet; blocks while what is left of the request's body is read, at
   * most for the write deadline. See {@link EventSources#open(HttpExchange, String)} for
   * what becomes of the request's body, of HEAD, and of identifiers that are in use.
   *
   * @param identifier what the stream can be found by: any text, compared exactly
   * @return the stream
   * @throws IllegalStateException if the request has been answered already, by a stream or otherwise
   */
  public EventSource getEventSource(String identifier) {
    return keep(sources.open(exchange, identifier));
  }

  private EventSource keep(EventSource opened) {
    stream = Optional.of(opened);
    return opened;
  }

  Optional<EventSource> stream() {
    return stream;
  }

  /** Whether the connection broke, here or under the stream. */
  boolean isBroken() {
    return broken || stream.flatMap(EventSource::ending).filter(Ending::isForced).isPresent();
  }

  /**
   * Answers with a short text. Blocks until it is with the operating system, at most for the write
   * deadline.
   *
   * @param status the status code, 200 to 599
   * @param contentType the media type; {@code ; charset=utf-8} is added to a text without a charset
   * @param text the body; sent in UTF-8, and not at all for HEAD, 204 and 304
   * @throws IOException if the client is gone or does not read
   * @throws IllegalStateException if the request has been answered already, by a stream or otherwise
   * @throws IllegalArgumentException if the status or the media type cannot be sent
   */
  public void respond(int status, String contentType, String text) throws IOException {
    if (status < 200 || status > 599) {
      throw new IllegalArgumentException("status must be 200 to 599: " + status);
    }
    HeaderSyntax.check("Content-Type", contentType);
    if (stream.isPresent() || Response.isBegun(exchange)) {
      throw new IllegalStateException("this request has been answered");
    }
    boolean plain = contentType.startsWith("text/") && !contentType.contains("charset=");
    byte[] body = text.getBytes(UTF_8);
    boolean hasContent = status != 204 && status != 304;
    boolean head = exchange.getRequestMethod().equals("HEAD");
    var headers = exchange.getResponseHeaders();
    if (hasContent) {
      headers.set("Content-Type", plain ? contentType + "; charset=utf-8" : contentType);
      if (head) {
        headers.set("Content-Length", Integer.toString(body.length));
      }
    }
    boolean empty = !hasContent || head || body.length == 0;
    withClient(
        () -> {
          exchange.sendResponseHeaders(status, empty ? -1 : body.length);
          if (!empty) {
            exchange.getResponseBody().write(body);
            exchange.getResponseBody().close(); // before anything that waits for the request's rest
          }
          exchange.close();
        });
  }

  /** What fails here is the client's going, which is no failure of the handler. */
  private void withClient(Guard.Blocking io) throws StatusException {
    try {
      sources.newGuard().run(io);
    } catch (StatusException e) {
      throw e;
    } catch (IOException e) {
      broken = true;
      throw new StatusException(400, "the client is gone or does not go on: " + e.getMessage(), e);
    }
  }

  /**
   * Answers with a status and nothing else; otherwise as {@link #respond(int, String, String)}.
   *
   * @param status the status code, 200 to 599
   * @throws IOException as there
   */
  public void respond(int status) throws IOException {
    respond(status, "text/plain", "");
  }

  /**
   * Returns the method.
   *
   * @return as it stands in the request line
   */
  public String method() {
    return exchange.getRequestMethod();
  }

  /**
   * Returns the path, decoded.
   *
   * @return without the query
   */
  public String path() {
    return exchange.getRequestURI().getPath();
  }

  /**
   * Returns the first value of a query parameter, decoded as a form's.
   *
   * @param name compared exactly
   * @return empty if the query does not have it
   * @throws IOException if the query cannot be decoded; if it leaves the handler, the answer is 400
   */
  public Optional<String> query(String name) throws IOException {
    return query().getOrDefault(name, List.of()).stream().findFirst();
  }

  /**
   * Returns all query parameters, decoded as a form's.
   *
   * @return the values by name, in their order; not modifiable
   * @throws IOException if the query cannot be decoded; if it leaves the handler, the answer is 400
   */
  public Map<String, List<String>> query() throws IOException {
    if (query == null) {
      query = parse(exchange.getRequestURI().getRawQuery());
    }
    return query;
  }

  private static Map<String, List<String>> parse(String rawQuery) throws StatusException {
    var values = new LinkedHashMap<String, List<String>>();
    for (String pair : rawQuery == null ? new String[0] : rawQuery.split("&")) {
      if (!pair.isEmpty()) {
        int equals = pair.indexOf('=');
        String name = decode(equals < 0 ? pair : pair.substring(0, equals));
        String value = equals < 0 ? "" : decode(pair.substring(equals + 1));
        values.computeIfAbsent(name, key -> new ArrayList<>()).add(value);
      }
    }
    values.replaceAll((name, list) -> List.copyOf(list));
    return Collections.unmodifiableMap(values);
  }

  private static String decode(String text) throws StatusException {
    try {
      return URLDecoder.decode(text, UTF_8);
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "query is not percent-encoded: " + Quoted.java(text));
    }
  }

  /**
   * Returns the request's headers.
   *
   * @return not modifiable; names in any case
   */
  public Headers headers() {
    return exchange.getRequestHeaders();
  }

  /**
   * Returns the first value of a header.
   *
   * @param name in any case
   * @return empty if the request does not have it
   */
  public Optional<String> header(String name) {
    return Optional.ofNullable(headers().getFirst(name));
  }

  /**
   * Returns the id that the client got last before it reconnected; the same as {@link
   * EventSource#lastEventId()}.
   *
   * @return empty if the client has none
   */
  public Optional<String> lastEventId() {
    return LastEventId.of(exchange, sources.settings());
  }

  /**
   * Returns the client's address, or that of the proxy in front.
   *
   * @return never looked up by name
   */
  public InetSocketAddress remoteAddress() {
    return exchange.getRemoteAddress();
  }

  /**
   * Reads the body, at most {@link Settings#bodyLimit} of it; otherwise as {@link #bytes(int)}.
   *
   * @return the body
   * @throws IOException as there
   */
  public byte[] bytes() throws IOException {
    return bytes(sources.settings().bodyLimit());
  }

  /**
   * Reads the body. Blocks until it is there, at most for the write deadline. The body can be read once.
   *
   * @param limit how many bytes at the most, 0 or more
   * @return the body
   * @throws IllegalArgumentException if the limit is negative
   * @throws IOException if the body is larger, for which the answer is 413 if it leaves the handler; or
   *     if the client is gone
   */
  public byte[] bytes(int limit) throws IOException {
    var read = new ByteArrayOutputStream();
    withClient(
        () -> {
          var body = exchange.getRequestBody();
          read.write(body.readNBytes(limit));
          if (read.size() == limit && body.read() >= 0) {
            throw new StatusException(413, "request body is larger than " + limit + " bytes");
          }
        });
    return read.toByteArray();
  }

  /**
   * Reads the body as text, at most {@link Settings#bodyLimit} bytes of it; otherwise as {@link
   * #text(int)}.
   *
   * @return the text
   * @throws IOException as there
   */
  public String text() throws IOException {
    return text(sources.settings().bodyLimit());
  }

  /**
   * Reads the body as text, in the charset of {@code Content-Type} or else UTF-8; otherwise as {@link
   * #bytes(int)}.
   *
   * @param limit how many bytes at the most, 0 or more
   * @return the text
   * @throws IllegalArgumentException as there
   * @throws IOException as there, and if the charset is not known, for which the answer is 415
   */
  public String text(int limit) throws IOException {
    var named = header("Content-Type").map(CHARSET::matcher).filter(Matcher::find);
    try {
      var charset = named.map(match -> Charset.forName(match.group(1))).orElse(UTF_8);
      return new String(bytes(limit), charset);
    } catch (IllegalArgumentException e) {
      throw new StatusException(415, "charset is not known: " + named.orElseThrow().group(1));
    }
  }

  /**
   * Returns the exchange, for whatever else the JDK's server can do.
   *
   * @return the exchange; who answers with it must not open a stream
   */
  public HttpExchange exchange() {
    return exchange;
  }
}
