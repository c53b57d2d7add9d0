package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.Charset;
import java.util.ArrayList;
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
  private final Peer peer;
  private List<Map.Entry<String, String>> appended = List.of(); // until they are on the response

  SseRequest(HttpExchange exchange, EventSources sources) {
    this.exchange = exchange;
    this.sources = sources;
    this.peer = new Peer(exchange);
  }

  /**
   * Adds a header to the response, a stream or a text, so that a handler can take its time for it: once a
   * stream is open, others may send to it, and its headers go out with its first message. An answer given
   * through {@link #exchange()} does not have it. Otherwise as {@link EventSource#appendHeader}.
   *
   * @param name a token; not one of those that a stream needs for itself: {@code Connection}, {@code
   *     Content-Length}, {@code Content-Type}, {@code Transfer-Encoding}
   * @param value one line of ISO-8859-1
   * @return this request
   * @throws IllegalArgumentException if the name or the value breaks that rule (RFC 9110, 5.1, 5.5)
   * @throws IllegalStateException if the request has been answered already, by a stream or otherwise
   */
  public SseRequest appendHeader(String name, String value) {
    requireUnanswered();
    Response.checkHeader(name, value);
    appended = appended.isEmpty() ? new ArrayList<>() : appended;
    appended.add(Map.entry(name, value));
    return this;
  }

  private void requireUnanswered() {
    if (stream.isPresent() || Response.isBegun(exchange)) {
      throw new IllegalStateException("this request has been answered");
    }
  }

  /**
   * Answers with a stream that has no identifier; otherwise as {@link #getEventSource(String)}.
   *
   * @return the stream
   * @throws IllegalStateException as there
   */
  public EventSource getEventSource() {
    return open(Optional.empty());
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
    return open(Optional.of(identifier));
  }

  private EventSource open(Optional<String> identifier) {
    var headers = appended;
    appended = List.of(); // also if that fails, when the response has them
    var opened = sources.open(exchange, identifier, headers);
    stream = Optional.of(opened);
    query = null; // it would be kept for as long as the stream is open
    return opened;
  }

  Optional<EventSource> stream() {
    return stream;
  }

  Peer peer() {
    return peer;
  }

  /** Whether the connection broke, here or under the stream. */
  boolean isBroken() {
    return peer.isBroken() || stream.flatMap(EventSource::ending).filter(Ending::isForced).isPresent();
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
    Checks.requireHeader("Content-Type", contentType);
    requireUnanswered();
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
    appended.forEach(header -> headers.add(header.getKey(), header.getValue()));
    appended = List.of();
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
  private void withClient(Deadlines.Blocking io) throws StatusException {
    try {
      sources.engine().deadlines().newGuard().run(io);
    } catch (StatusException e) {
      throw e;
    } catch (IOException e) {
      peer.gone(e);
      throw new StatusException(400, Peer.GONE, e);
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
      query = Query.parse(exchange.getRequestURI().getRawQuery());
    }
    return query;
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
    return LastEventId.of(exchange, sources.engine().values().lastEventIdParameter());
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
   * Reads the body. Blocks until it is there; each read of the connection takes at most the write deadline,
   * and all of them what {@code sun.net.httpserver.maxReqTime} allows. The body can be read once.
   *
   * @param limit how many bytes at the most, 0 or more
   * @return the body
   * @throws IllegalArgumentException if the limit is negative
   * @throws IOException if the body is larger, for which the answer is 413 if it leaves the handler; or
   *     if the client is gone
   */
  public byte[] bytes(int limit) throws IOException {
    Checks.requireAtLeast("limit", limit, 0);
    return RequestBody.read(exchange, limit, this::withClient);
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
    var charset = named.isPresent() ? charset(named.get().group(1)) : UTF_8;
    return new String(bytes(limit), charset);
  }

  private static Charset charset(String name) throws StatusException {
    try {
      return Charset.forName(name);
    } catch (IllegalArgumentException e) {
      throw new StatusException(415, "charset is not known: " + Quoted.java(name));
    }
  }

  /**
   * Returns the exchange, for whatever else the JDK's server can do. If a handler ends with what the
   * exchange's streams threw because the client is gone, or with an exception that has it as a cause, that
   * is no failure of the handler.
   *
   * @return the exchange; who answers with it must not open a stream
   */
  public HttpExchange exchange() {
    return exchange;
  }

  /** For the log: quoted and cut, since it is the client's text. */
  @Override
  public String toString() {
    return Quoted.java(method() + " " + path());
  }
}
