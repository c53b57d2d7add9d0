package dev.tidings.interop.mcp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the rules of the transport that the SDKs do not try to break. */
@Timeout(60)
class McpTransportTest {
  private static final Pattern ID = Pattern.compile("(?m)^id: (.*)$");
  private static final String COUNT =
      "{\"jsonrpc\": \"2.0\", \"id\": 7, \"method\": \"tools/call\", \"params\": {\"name\": \"count\", "
          + "\"arguments\": {\"to\": 3}, \"_meta\": {\"progressToken\": 1}}}";

  private final HttpClient http = HttpClient.newHttpClient();
  private McpServer server;

  @BeforeEach
  void start() throws Exception {
    server = new McpServer();
  }

  @AfterEach
  void stop() {
    server.close();
    http.shutdownNow();
  }

  private HttpResponse<String> send(String method, String body, String... headers) throws Exception {
    var request = HttpRequest.newBuilder(server.uri()).timeout(Duration.ofSeconds(20));
    request.method(method, BodyPublishers.ofString(body));
    if (List.of(headers).stream().noneMatch("Accept"::equals)) {
      request.header("Accept", "application/json, text/event-stream");
    }
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private static String message(String method) {
    return "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"" + method + "\", \"params\": {\"protocolVersion\": \"2025-11-25\"}}";
  }

  private String session() throws Exception {
    return send("POST", message("initialize")).headers().firstValue("Mcp-Session-Id").orElseThrow();
  }

  private static List<String> ids(HttpResponse<String> response) {
    return ID.matcher(response.body()).results().map((MatchResult result) -> result.group(1)).toList();
  }

  @Test
  void requestsAreChecked() throws Exception {
    String id = session();
    assertEquals(200, send("POST", message("ping"), "Mcp-Session-Id", id).statusCode());
    assertEquals(400, send("POST", message("ping")).statusCode());
    assertEquals(404, send("POST", message("ping"), "Mcp-Session-Id", "x").statusCode());
    assertEquals(400, send("POST", "{", "Mcp-Session-Id", id).statusCode());
    assertEquals(400, send("POST", "[]", "Mcp-Session-Id", id).statusCode());
    assertEquals(406, send("POST", message("ping"), "Mcp-Session-Id", id, "Accept", "application/json").statusCode());
    assertEquals(
        400, send("POST", message("ping"), "Mcp-Session-Id", id, "MCP-Protocol-Version", "1999-01-01").statusCode());
    assertEquals(403, send("POST", message("ping"), "Mcp-Session-Id", id, "Origin", "http://example.org").statusCode());
    String notification = "{\"jsonrpc\": \"2.0\", \"method\": \"notifications/initialized\"}";
    assertEquals(202, send("POST", notification, "Mcp-Session-Id", id).statusCode());
    var unknown = send("POST", message("nothing"), "Mcp-Session-Id", id);
    assertTrue(unknown.body().contains("-32601"), unknown.body());
    assertEquals(204, send("DELETE", "", "Mcp-Session-Id", id).statusCode());
    assertEquals(404, send("POST", message("ping"), "Mcp-Session-Id", id).statusCode());
    assertEquals(404, send("GET", "", "Mcp-Session-Id", id).statusCode());
  }

  @Test
  void idsAreUniqueInASessionAndResumeTheirOwnStreamOnly() throws Exception {
    String id = session();
    var first = send("POST", COUNT, "Mcp-Session-Id", id);
    var second = send("POST", COUNT.replace("7", "8"), "Mcp-Session-Id", id);
    var ids = ids(first).subList(0, 4); // the position, and three numbers; the result and the completion follow
    var others = ids(second).subList(0, 4);
    assertEquals(8, java.util.stream.Stream.concat(ids.stream(), others.stream()).distinct().count());

    var rest = send("GET", "", "Mcp-Session-Id", id, "Last-Event-ID", ids.get(2));
    assertEquals(200, rest.statusCode());
    assertEquals(ids.get(3), ids(rest).getFirst());
    assertTrue(rest.body().contains("\"id\":7") && !rest.body().contains("\"id\":8"), rest.body());
  }

  @Test
  void anIdOfAnotherSessionResumesNothing() throws Exception {
    String mine = session();
    String other = session();
    String last = ids(send("POST", COUNT, "Mcp-Session-Id", other)).getFirst();
    assertEquals(400, send("GET", "", "Mcp-Session-Id", mine, "Last-Event-ID", last).statusCode());
    assertEquals(400, send("GET", "", "Mcp-Session-Id", mine, "Last-Event-ID", last.replace(other, mine + "/9")).statusCode());
    assertEquals(200, send("GET", "", "Mcp-Session-Id", other, "Last-Event-ID", last).statusCode());
  }
}
