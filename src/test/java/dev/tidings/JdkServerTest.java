package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** System properties are read once for a JVM, so each case has a JVM of its own. */
class JdkServerTest {
  private static final String OWN_SERVER =
      """
      import com.sun.net.httpserver.*;
      import dev.tidings.*;
      import java.net.*;
      void main() throws Exception {
        var http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
        http.setExecutor(java.util.concurrent.Executors.newVirtualThreadPerTaskExecutor());
        for (String path : new String[] {"/a", "/b"}) {
          var sources = EventSources.create();
          http.createContext(path, exchange -> {
            try (var sse = sources.open(exchange)) { sse.send("x"); }
          });
        }
        http.start();
        for (String path : new String[] {"/a", "/b", "/a"}) {
          URI.create("http://localhost:" + http.getAddress().getPort() + path).toURL().openStream().readAllBytes();
        }
        System.exit(0);
      }
      """;
  private static final String SSE_SERVER =
      """
      import com.sun.net.httpserver.*;
      import dev.tidings.*;
      import java.net.*;
      void main(String... args) throws Exception {
        if (args.length > 0) {
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10).start();
        }
        try (var server = SseServer.create(0)) {
          server.get("/", request -> { try (var sse = request.getEventSource()) { sse.send("x"); } });
          server.start();
          server.uri().toURL().openStream().readAllBytes();
        }
        System.err.println("nodelay=" + System.getProperty("sun.net.httpserver.nodelay"));
        System.err.println("maxReqTime=" + System.getProperty("sun.net.httpserver.maxReqTime"));
        System.exit(0);
      }
      """;

  @TempDir Path folder;

  private String run(String program, List<String> options, String... args) throws Exception {
    var source = Files.writeString(folder.resolve("Program.java"), program);
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", "target/classes", source.toString()));
    command.addAll(List.of(args));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static long count(String output, String text) {
    return Pattern.compile(Pattern.quote(text)).matcher(output).results().count();
  }

  @Test
  void anOwnServerWithoutNodelayGivesOneWarning() throws Exception {
    String output = run(OWN_SERVER, List.of());
    assertEquals(1, count(output, "sun.net.httpserver.nodelay is not set"), output);
    assertEquals(1, count(output, "WARNING"), output);
  }

  @Test
  void anOwnServerWithNodelayGivesNone() throws Exception {
    assertEquals("", run(OWN_SERVER, List.of("-Dsun.net.httpserver.nodelay=true")));
  }

  @Test
  void maxRspTimeGivesOneWarning() throws Exception {
    String output = run(OWN_SERVER, List.of("-Dsun.net.httpserver.nodelay=true", "-Dsun.net.httpserver.maxRspTime=7"));
    assertEquals(1, count(output, "maxRspTime=7 cuts every stream"), output);
    assertEquals(1, count(output, "WARNING"), output);
  }

  @Test
  void sseServerSetsWhatTheUserDidNot() throws Exception {
    assertEquals("nodelay=true\nmaxReqTime=30\n", run(SSE_SERVER, List.of()));
  }

  @Test
  void sseServerLeavesWhatTheUserSet() throws Exception {
    assertEquals(
        "nodelay=false\nmaxReqTime=5\n",
        run(SSE_SERVER, List.of("-Dsun.net.httpserver.nodelay=false", "-Dsun.net.httpserver.maxReqTime=5")));
  }

  @Test
  void sseServerWarnsIfAServerWasThereBefore() throws Exception {
    String output = run(SSE_SERVER, List.of(), "another server first");
    assertEquals(1, count(output, "WARNING"), output);
    assertTrue(output.contains("a server was running before"), output);
  }
}
