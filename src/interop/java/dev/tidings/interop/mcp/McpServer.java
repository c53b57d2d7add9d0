package dev.tidings.interop.mcp;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.StatusException;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A server of the Model Context Protocol, with the transport Streamable HTTP of 2025-11-25. Each call of a tool has a
 * channel of its own, and so has the stream of a GET. All are in one family of channels, so that ids of events are unique
 * and say which stream a client resumes. The host guard of {@code SseServer} refuses the requests of web pages of other
 * sites, which the transport demands against DNS rebinding.
 */
final class McpServer implements AutoCloseable {
  private static final Duration RETRY = Duration.ofMillis(100);

  private final SseServer server = SseServer.create(0);
  private final Channels channels = Channels.create();
  private final Map<String, McpSession> sessions = new ConcurrentHashMap<>();
  private final BlockingQueue<String> deleted = new LinkedBlockingQueue<>();

  McpServer() throws IOException {
    server.post("/mcp", this::post);
    server.get("/mcp", this::get);
    server.route("DELETE", "/mcp", this::delete);
    server.start();
  }

  URI uri() {
    return server.uri().resolve("/mcp");
  }

  /** Waits until a client has ended its session. */
  void awaitDeleted() throws InterruptedException {
    assertNotNull(deleted.poll(20, TimeUnit.SECONDS), "no session has been ended");
  }

  private static void requireAccepted(SseRequest request, String... types) {
    String accept = request.header("Accept").orElse("");
    for (String type : types) {
      if (!accept.contains(type)) {
        throw new StatusException(406, "the client must accept " + type);
      }
    }
  }

  private McpSession session(SseRequest request) {
    String version = request.header("MCP-Protocol-Version").orElse("2025-03-26");
    if (!Rpc.VERSIONS.contains(version)) {
      throw new StatusException(400, "unsupported protocol version");
    }
    String id = request.header("Mcp-Session-Id").orElseThrow(() -> new StatusException(400, "no session id"));
    var session = sessions.get(id);
    if (session == null) {
      throw new StatusException(404, "no such session");
    }
    return session;
  }

  private void post(SseRequest request) throws IOException {
    requireAccepted(request, "application/json", "text/event-stream");
    var message = message(request);
    String method = Rpc.text(message, "method");
    if (method.equals("initialize")) {
      initialize(request, message);
      return;
    }
    var session = session(request);
    if (method.isEmpty() || !message.has("id")) { // an answer of the client, or a notification
      session.accept(message);
      request.respond(202);
    } else if (method.equals("tools/call")) {
      call(request, session, message);
    } else {
      request.respond(200, "application/json", Rpc.answer(message, () -> Everything.result(message)).toString());
    }
  }

  private static JsonObject message(SseRequest request) throws IOException {
    try {
      return JsonParser.parseString(request.text()).getAsJsonObject();
    } catch (JsonParseException | IllegalStateException e) {
      throw new StatusException(400, "the body is not a JSON-RPC message");
    }
  }

  private void initialize(SseRequest request, JsonObject message) throws IOException {
    var session = new McpSession(UUID.randomUUID().toString(), channels);
    sessions.put(session.id(), session);
    request.appendHeader("Mcp-Session-Id", session.id());
    request.respond(200, "application/json", Rpc.answer(message, () -> Everything.welcome(message)).toString());
  }

  /** Runs a tool, whose messages go into a channel of its own. The client can leave the stream, and resume it. */
  private void call(SseRequest request, McpSession session, JsonObject message) {
    try (var sse = request.getEventSource()) {
      sse.send(Event.empty().withRetry(RETRY));
      var call = session.begin(message);
      call.streams(sse);
      channels.joinNamed(sse, From.start(), call.channel());
      sse.keepAlive(); // until the channel is completed
    }
  }

  private void get(SseRequest request) {
    requireAccepted(request, "text/event-stream");
    var session = session(request);
    try (var sse = request.getEventSource()) {
      if (channels.resume(sse, session::has).isEmpty()) {
        if (sse.lastEventId().isPresent()) {
          throw new StatusException(400, "no stream of this session has this id");
        }
        channels.joinNamed(sse, From.start(), session.listening());
      }
      sse.keepAlive();
    }
  }

  private void delete(SseRequest request) throws IOException {
    var session = session(request);
    sessions.remove(session.id());
    session.close();
    deleted.add(session.id());
    request.respond(204);
  }

  @Override
  public void close() {
    sessions.values().forEach(McpSession::close);
    server.close();
    channels.close();
  }
}
