package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpPrincipal;
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
 * A request to an {@link SseServer} or to {@link EventSources#handler}. It can be answered with a stream or with a
 * short text. Not thread-safe.
 */
public final class SseRequest {
  private static final Pattern CHARSET =
      Pattern.compile(";\\s*charset=\"?([^\\s\";]+)", Pattern.CASE_INSENSITIVE);

  private final HttpExchange exchange;
  private final Engine engine;
  private final Opener opener;
  private Optional<EventSource> stream = Optional.empty();
  private Map<String, List<String>> query; // null until requested
  private Optional<byte[]> body = Optional.empty(); // if read before the handler began
  private boolean isRead; // whether the body was read to its end
  private final Peer peer;
  private List<Map.Entry<String, String>> appended = List.of(); // until set on the response
  private Optional<PathValues> pathValues = Optional.empty();

  /** Opens streams. */
  interface Opener {
    /**
     * Opens a stream with headers that were checked. Called on the thread of the handler, whose end will be reported.
     * May block.
     */
    EventSource open(
        HttpExchange exchange, Optional<String> identifier, List<Map.Entry<String, String>> headers);

    /** Counts a request that was refused before its stream was opened. */
    void refused();
  }

  SseRequest(HttpExchange exchange, Engine engine, Opener opener) {
    this.exchange = exchange;
    this.engine = engine;
    this.opener = opener;
    this.peer = new Peer(exchange);
  }

  /**
   * Adds a header to the response, which may be a stream or a text. Use this method for headers that take time to
   * compute, because the headers of an open stream may be sent at any time. The header is not added to a response that
   * is written directly to the {@link #exchange()}.
   *
   * @param name a token; not {@code Connection}, {@code Content-Length}, {@code Content-Type} or {@code
   *     Transfer-Encoding}, which the response sets
   * @param value one line of ISO-8859-1
   * @return this request
   * @throws IllegalArgumentException if the name or the value is not allowed (RFC 9110, 5.1 and 5.5)
   * @throws IllegalStateException if the request has been answered
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
   * Opens a stream without an identifier. {@link EventSources#open(HttpExchange, String)} describes the details. Blocks
   * while the rest of the request body is read, at most for {@link Settings#withWriteDeadline}. Sends nothing yet.
   *
   * @return the stream
   * @throws IllegalStateException if the request has been answered
   */
  public EventSource getEventSource() {
    return open(Optional.empty());
  }

  /**
   * Opens a stream with an identifier. {@link EventSources#open(HttpExchange, String)} describes the details. Blocks
   * while the rest of the request body is read, at most for {@link Settings#withWriteDeadline}. Sends nothing yet.
   *
   * @param identifier any text, compared exactly
   * @return the stream
   * @throws IllegalStateException if the request has been answered
   */
  public EventSource getEventSource(String identifier) {
    return open(Optional.of(identifier));
  }

  private EventSource open(Optional<String> identifier) {
    var headers = appended;
    appended = List.of(); // even if the opening fails, because the response then has these headers
    var opened = opener.open(exchange, identifier, headers);
    stream = Optional.of(opened);
    query = null; // otherwise it would be retained while the stream is open
    return opened;
  }

  /** Reads and keeps the body. Throws a 413 if it is larger than the limit of the settings. */
  void readBody() throws IOException {
    try {
      body = Optional.of(bytes());
    } catch (StatusException e) {
      opener.refused();
      throw e;
    }
  }

  /** Returns whether the client reconnects after {@code tidings:completed}. */
  boolean isCompleted() {
    return LastEventId.isCompleted(exchange, engine.values().lastEventIdParameter());
  }

  Optional<EventSource> stream() {
    return stream;
  }

  Peer peer() {
    return peer;
  }

  /** Returns whether the connection failed, either for a text or for the stream. */
  boolean isBroken() {
    return peer.isBroken() || stream.flatMap(EventSource::ending).filter(Ending::isForced).isPresent();
  }

  /**
   * Sends a short text with the headers of {@link #appendHeader}. Blocks until the response is written to the operating
   * system; each write takes at most {@link Settings#withWriteDeadline}. If the request body has not been read, also
   * reads and discards up to 16 MiB of it for at most 5 s, so that a client that is still sending receives the response
   * (RFC 9112, 9.6), and then closes a TLS connection.
   *
   * @param status the status code, 200 to 599
   * @param contentType the media type; {@code ; charset=utf-8} is added to a text type without a charset
   * @param text the body; sent in UTF-8, and not at all for HEAD, 204, 205 and 304
   * @throws IOException if the client has disconnected or does not read
   * @throws IllegalStateException if the request has been answered
   * @throws IllegalArgumentException if the status or the media type is not allowed
   */
  public void respond(int status, String contentType, String text) throws IOException {
    Checks.requireStatus(status);
    Checks.requireHeader("Content-Type", contentType);
    requireUnanswered();
    byte[] body = text.getBytes(UTF_8);
    boolean hasContent = Refusal.hasContent(status);
    boolean head = exchange.getRequestMethod().equals("HEAD");
    var headers = exchange.getResponseHeaders();
    if (hasContent) {
      headers.set("Content-Type", withCharset(contentType));
      if (head) {
        headers.set("Content-Length", Integer.toString(body.length));
      }
    }
    appended.forEach(header -> headers.add(header.getKey(), header.getValue()));
    appended = List.of();
    boolean interrupted = Thread.interrupted(); // an interrupt would close the connection
    try {
      boolean unread = !isRead && RequestBody.hasBytes(exchange);
      ShortResponse.send(exchange, status, body, !hasContent || head, unread, engine.deadlines(), this::withClient);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static String withCharset(String contentType) {
    boolean lacksCharset =
        contentType.regionMatches(true, 0, "text/", 0, 5) && !CHARSET.matcher(contentType).find();
    return lacksCharset ? contentType + "; charset=utf-8" : contentType;
  }

  /**
   * Runs I/O with the client. A failure means that the client is gone, and does not count as a failure of the handler.
   */
  private void withClient(Deadlines.Blocking io) throws IOException {
    try {
      engine.deadlines().newGuard().run(io);
    } catch (IOException e) {
      peer.gone(e);
      throw e;
    }
  }

  /**
   * Sends a status without a body, with the headers of {@link #appendHeader}. Blocks like
   * {@link #respond(int, String, String)}.
   *
   * @param status the status code, 200 to 599
   * @throws IOException if the client has disconnected or does not read
   * @throws IllegalStateException if the request has been answered
   * @throws IllegalArgumentException if the status is not allowed
   */
  public void respond(int status) throws IOException {
    respond(status, "text/plain", "");
  }

  /**
   * Returns the request method.
   *
   * @return the method as in the request line
   */
  public String method() {
    return exchange.getRequestMethod();
  }

  /**
   * Returns the decoded path of the request.
   *
   * @return the path without the query
   */
  public String path() {
    return exchange.getRequestURI().getPath();
  }

  /**
   * Returns the segment of the path at a placeholder of the route, decoded as UTF-8. In the route
   * <code>/rooms/{id}</code>, {@code path("id")} is {@code a/b} for a request with the path {@code /rooms/a%2Fb}.
   *
   * <p>The segment is text from the client, with any content except an empty one; it may be {@code ..}.
   *
   * @param name the name of the placeholder, without braces
   * @return the segment, not empty
   * @throws IllegalArgumentException if the route has no such placeholder
   */
  public String path(String name) {
    return pathValues.orElseThrow(() -> PathValues.missing("of " + this, name)).get(name);
  }

  /** Sets the values of the placeholders, before the handler runs. */
  void setPathValues(PathValues values) {
    pathValues = Optional.of(values);
  }

  /**
   * Returns the first value of a query parameter, decoded as a form field (WHATWG URL, 5.1).
   *
   * @param name compared exactly
   * @return the value; empty if there is no such parameter
   * @throws StatusException with status 400, if the query cannot be decoded
   */
  public Optional<String> query(String name) {
    return query().getOrDefault(name, List.of()).stream().findFirst();
  }

  /**
   * Returns the first value of a required query parameter, decoded as a form field (WHATWG URL, 5.1).
   *
   * @param name compared exactly
   * @return the value, which may be empty
   * @throws StatusException with status 400, if there is no such parameter (the text names it) or the query cannot be
   *     decoded
   */
  public String require(String name) {
    return query(name)
        .orElseThrow(
            () -> new StatusException(400, "missing query parameter: " + Quoted.java(name)));
  }

  /**
   * Returns all query parameters, decoded as form fields (WHATWG URL, 5.1).
   *
   * @return the values by name, in order; the map is not modifiable
   * @throws StatusException with status 400, if the query cannot be decoded
   */
  public Map<String, List<String>> query() {
    if (query == null) {
      query = Query.parse(exchange.getRequestURI().getRawQuery());
    }
    return query;
  }

  /**
   * Returns the headers of the request.
   *
   * @return the unmodifiable headers; names are case-insensitive
   */
  public Headers headers() {
    return exchange.getRequestHeaders();
  }

  /**
   * Returns the first value of a header.
   *
   * @param name case-insensitive
   * @return the value; empty if there is no such header
   */
  public Optional<String> header(String name) {
    return Optional.ofNullable(headers().getFirst(name));
  }

  /**
   * Returns the last event id of a client that reconnects ({@link EventSource#lastEventId()}).
   *
   * @return the id; empty if the request has none
   */
  public Optional<String> lastEventId() {
    return LastEventId.of(exchange, engine.values().lastEventIdParameter());
  }

  /**
   * Returns the authenticated user.
   *
   * @return the user; empty if the context has no authenticator
   */
  public Optional<HttpPrincipal> principal() {
    return Optional.ofNullable(exchange.getPrincipal());
  }

  /**
   * Returns the address of the client, or of a proxy in between.
   *
   * @return the address; the host name is not looked up
   */
  public InetSocketAddress remoteAddress() {
    return exchange.getRemoteAddress();
  }

  /**
   * Returns the request body, at most {@link Settings#withBodyLimit} bytes. Blocks like {@link #bytes(int)}.
   *
   * @return the body
   * @throws StatusException with status 413, if the body is larger
   * @throws IOException if the client has disconnected, or a read took too long
   */
  public byte[] bytes() throws IOException {
    return bytes(engine.values().bodyLimit());
  }

  /**
   * Returns the request body. In a {@link RequestHandler}, the body has already been read. In an {@link SseHandler},
   * the body is read by this call, which is possible only once. Blocks until the body has arrived: each read takes at
   * most {@link Settings#withWriteDeadline}, and the whole request at most {@code sun.net.httpserver.maxReqTime}.
   *
   * @param limit the largest size in bytes, 0 or more
   * @return the body
   * @throws IllegalArgumentException if the limit is negative
   * @throws StatusException with status 413, if the body is larger
   * @throws IOException if the client has disconnected, or a read took too long
   */
  public byte[] bytes(int limit) throws IOException {
    Checks.requireAtLeast("limit", limit, 0);
    if (body.isPresent()) {
      if (body.get().length > limit) {
        throw RequestBody.tooLarge(limit);
      }
      return body.get().clone();
    }
    byte[] read = RequestBody.read(exchange, limit, this::withClient);
    isRead = true;
    return read;
  }

  /**
   * Returns the request body as text, at most {@link Settings#withBodyLimit} bytes. Blocks and decodes like
   * {@link #text(int)}.
   *
   * @return the text
   * @throws StatusException with status 413, if the body is larger; with status 415, if the charset is unknown
   * @throws IOException if the client has disconnected, or a read took too long
   */
  public String text() throws IOException {
    return text(engine.values().bodyLimit());
  }

  /**
   * Returns the request body as text, decoded in the charset of {@code Content-Type}, or in UTF-8 if none is given.
   * Blocks like {@link #bytes(int)}.
   *
   * @param limit the largest size in bytes, 0 or more
   * @return the text
   * @throws IllegalArgumentException if the limit is negative
   * @throws StatusException with status 413, if the body is larger; with status 415, if the charset is unknown
   * @throws IOException if the client has disconnected, or a read took too long
   */
  public String text(int limit) throws IOException {
    var named = header("Content-Type").map(CHARSET::matcher).filter(Matcher::find);
    var charset = named.isPresent() ? charset(named.get().group(1)) : UTF_8;
    return new String(bytes(limit), charset);
  }

  private static Charset charset(String name) {
    try {
      return Charset.forName(name);
    } catch (IllegalArgumentException e) {
      throw new StatusException(415, "unknown charset: " + Quoted.java(name));
    }
  }

  /**
   * Returns the exchange, for all other functions of the JDK's server. If one of its streams throws an exception
   * because the client has disconnected, neither this exception nor one that it causes counts as a failure of the
   * handler.
   *
   * @return the exchange; a handler that uses it to respond must not open a stream
   */
  public HttpExchange exchange() {
    return exchange;
  }

  /** Returns the method and the path for the log, quoted and truncated. */
  @Override
  public String toString() {
    return Quoted.java(method() + " " + path());
  }
}
