package dev.tidings.client;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** A client whose log handlers throw. */
class ClientLogTest {
  private static final Logger LOGGER = Logger.getLogger("dev.tidings.client"); // the log manager keeps none

  /** A broken log handler of the application. */
  private static final class Broken extends Handler implements AutoCloseable {
    Broken() {
      LOGGER.setLevel(Level.ALL);
      LOGGER.setUseParentHandlers(false);
      LOGGER.addHandler(this);
    }

    @Override
    public void publish(LogRecord record) {
      throw new StackOverflowError();
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
      LOGGER.removeHandler(this);
      LOGGER.setUseParentHandlers(true);
      LOGGER.setLevel(null);
    }
  }

  @Test
  void aLogThatThrowsStopsNoReconnection() throws Exception {
    var shown = new ByteArrayOutputStream();
    var before = System.err;
    System.setErr(new PrintStream(shown, true, UTF_8));
    try (var _ = new Broken();
        var server =
            new RawServer(
                RawServer.ending("id: 1\ndata: one\n\n"), // detail
                RawServer.status("503 Service Unavailable"), // a warning
                RawServer.stream("data: two\n\n"));
        var client = EventClient.builder(server.uri()).retry(Duration.ofMillis(10)).build()) {
      assertEquals("one", client.next(Duration.ofSeconds(20)).orElseThrow().data().orElseThrow());
      assertEquals("two", client.next(Duration.ofSeconds(20)).orElseThrow().data().orElseThrow());
    } finally {
      System.setErr(before);
    }
    var lines = shown.toString(UTF_8).lines().toList();
    assertEquals(1, lines.size(), lines::toString);
    assertTrue(lines.getFirst().matches("WARNING dev.tidings.client: http://127.0.0.1:\\d+\\S*: reconnecting: "
        + ".*503.* \\(the log threw java.lang.StackOverflowError\\)"), lines.getFirst());
  }
}
