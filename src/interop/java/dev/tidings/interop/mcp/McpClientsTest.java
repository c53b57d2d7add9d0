package dev.tidings.interop.mcp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Relay;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the server with the clients of two SDKs, while their streams are cut. */
@Timeout(120)
class McpClientsTest {
  private static final int TO = 15;
  private static final int CUT_AT = 5;
  private static final List<Integer> ALL = IntStream.rangeClosed(1, TO).boxed().toList();
  private static final OptionalInt NOWHERE = OptionalInt.empty();
  private static final String SESSION = "opens a session, lists the tools, calls one that reports its progress, and ends the session";

  private final McpClient node = new NodeMcp();
  private final McpClient java = new JavaMcp(Duration.ofSeconds(20));
  private McpServer server;
  private Relay relay;

  @BeforeEach
  void start() throws Exception {
    server = new McpServer();
    relay = Relay.start(server.uri().getPort());
  }

  @AfterEach
  void stop() throws Exception {
    relay.close();
    server.close();
  }

  private static void passed(McpClient client, String check, String deviation) throws Exception {
    Results.passed(Part.MCP, client.name(), client.version(), check, "", deviation);
  }

  /** Resets the connections when the client has received this number. */
  private void resetAt(int number) {
    if (number == CUT_AT) {
      relay.cut();
    }
  }

  /** Returns the address of the server behind the relay. */
  private URI relayed() {
    return URI.create("http://127.0.0.1:" + relay.port() + server.uri().getPath());
  }

  @Test
  void nodeCallsATool() throws Exception {
    var counted = node.count(server.uri(), TO, NOWHERE, number -> {});
    assertEquals(new McpClient.Counted(ALL, "counted to 15"), counted);
    server.awaitDeleted();
    passed(node, SESSION, "");
  }

  @Test
  void nodeResumesAStreamThatTheServerCloses() throws Exception {
    var counted = node.count(server.uri(), TO, OptionalInt.of(CUT_AT), number -> {});
    assertEquals(new McpClient.Counted(ALL, "counted to 15"), counted);
    passed(node, "resumes the stream of a POST that the server closes: every message exactly once and in order", "");
  }

  @Test
  void nodeResumesAStreamThatIsReset() throws Exception {
    var counted = node.count(relayed(), TO, NOWHERE, this::resetAt);
    assertEquals(new McpClient.Counted(ALL, "counted to 15"), counted);
    passed(node, "resumes the stream of a POST whose connection is reset: every message exactly once and in order", "");
  }

  @Test
  void javaCallsATool() throws Exception {
    var counted = java.count(server.uri(), TO, NOWHERE, number -> {});
    assertEquals(ALL, counted.progress().stream().sorted().toList());
    assertEquals("counted to 15", counted.result());
    server.awaitDeleted();
    passed(java, SESSION, "may report the progress in another order than it was sent, because it uses several threads");
  }

  @Test
  void javaDoesNotResumeTheStreamOfAPost() throws Exception {
    var hasty = new JavaMcp(Duration.ofSeconds(3));
    var seen = new CopyOnWriteArrayList<Integer>();
    var closed =
        assertThrows(RuntimeException.class, () -> hasty.count(server.uri(), TO, OptionalInt.of(CUT_AT), seen::add));
    assertTrue(closed.getCause() instanceof TimeoutException, closed::toString);
    assertTrue(!seen.isEmpty(), "the call had not begun");
    seen.clear();
    var reset = assertThrows(
        RuntimeException.class,
        () -> hasty.count(relayed(), TO, NOWHERE, number -> {
          seen.add(number);
          resetAt(number);
        }));
    assertTrue(reset.getCause() instanceof TimeoutException, reset::toString);
    assertTrue(seen.contains(CUT_AT), "the stream was not cut");
    passed(
        java,
        "resumes the stream of a POST that is cut",
        "sends no GET with the last event id: the call fails after the timeout of the request, although the stream has ids");
  }
}
