package dev.tidings.interop.servers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import dev.tidings.interop.Ports;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.io.File;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests features that do not work on the other servers, however the library is used. */
@Timeout(60)
class ProviderLimitsTest {
  private static final String JETTY = "org.eclipse.jetty.http.spi.JettyHttpServerProvider";
  private static final Duration BOUND = Duration.ofSeconds(20);

  private final int port = Ports.free();

  ProviderLimitsTest() throws IOException {}

  private Child start(Provider provider, String name, String... flags) throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Dcom.sun.net.httpserver.HttpServerProvider=" + name));
    command.addAll(List.of(flags));
    command.addAll(List.of(
        "-cp", System.getProperty("java.class.path") + File.pathSeparator + provider.folder().resolve("*"),
        ProviderServer.class.getName(), String.valueOf(port)));
    var child = Child.start(command.toArray(String[]::new));
    child.await(ProviderServer.STARTED, BOUND);
    return child;
  }

  @Test
  void robahoHoldsBackWhatIsSentOverHttp2AndTakesTheQueryForPath() throws Exception {
    try (var _ = start(Provider.ROBAHO, Provider.ROBAHO.provider, "-Drobaho.net.httpserver.http2OverNonSSL=true")) {
      var over1 = longestDelay("--http1.1");
      var over2 = longestDelay("--http2-prior-knowledge");
      // The server writes nothing before its next PING, which it sends once per second.
      assertTrue(over2.toMillis() > 2 * ProviderServer.MILLIS, "it flushes now: " + over2);
      assertTrue(over1.compareTo(over2.dividedBy(2)) < 0, over1 + " over HTTP/1.1, " + over2 + " over HTTP/2");
      assertEquals("Ada", get("--http1.1"));
      assertEquals("not found", get("--http2-prior-knowledge"), "the query is no longer a part of the path");
      Results.passed(
          Part.PROVIDERS, Provider.ROBAHO.who, Provider.ROBAHO.version(), "fails: HTTP/2",
          "events delayed by up to " + over2.toMillis() + " ms, over HTTP/1.1 " + over1.toMillis() + " ms",
          "over HTTP/2 its flush has no effect, so events leave in batches, and a query becomes a part of the path: leave HTTP/2 off");
    }
  }

  /** Returns the longest delay from sending an event to reading its data, without the first (warm-up). */
  private Duration longestDelay(String version) throws IOException, InterruptedException {
    long longest = 0;
    int count = 0;
    try (var curl = Child.start(Child.find("curl"), "-sN", version, uri(""))) {
      for (Optional<String> line; (line = curl.next(BOUND)).isPresent(); ) {
        if (line.get().startsWith("data: ") && count++ >= ProviderServer.EVENTS / 3) {
          longest = Math.max(longest, System.nanoTime() - Long.parseLong(line.get().substring(6)));
        }
      }
    }
    assertEquals(ProviderServer.EVENTS, count);
    return Duration.ofNanos(longest);
  }

  private String get(String version) throws IOException, InterruptedException {
    return Child.run(BOUND, Child.find("curl"), "-s", version, uri("query?name=Ada")).strip();
  }

  private String uri(String rest) {
    return "http://127.0.0.1:" + port + "/" + rest;
  }

  @Test
  void jettyDoesNotListenWithAnExecutorThatWasSetBeforeItsStart() throws Exception {
    try (var _ = start(Provider.JETTY, JETTY)) {
      assertThrows(ConnectException.class, () -> new Socket(InetAddress.getLoopbackAddress(), port).close(), "it listens now");
      Results.passed(
          Part.PROVIDERS, Provider.JETTY.who, Provider.JETTY.version(), "fails: `SseServer` on the unmodified provider", "",
          "never listens if an executor is set before the start, as the API requires; the other tests use `JettyInOrder`,"
              + " which sets an executor with virtual threads after the start");
    }
  }
}
