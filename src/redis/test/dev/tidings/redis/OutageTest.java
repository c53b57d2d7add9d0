package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Channel;
import dev.tidings.Settings;
import dev.tidings.SseServer;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What many channels log of one outage. */
@Timeout(300)
final class OutageTest {
  private static final int CHANNELS = 300; // each of them tries again about once a second
  private static final int AT_ONCE = 100;

  /** Connects to a channel, as a client that has received this id; a new one if it is empty. */
  private static Socket client(SseServer server, int number, String id) throws IOException {
    var socket = new Socket("127.0.0.1", server.port());
    socket.getOutputStream().write(("GET /?channel=" + number + "&lastEventId=" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n").getBytes(US_ASCII));
    return socket;
  }

  private static void awaitText(Socket socket, String expected) throws IOException {
    socket.setSoTimeout(20_000);
    var text = new StringBuilder();
    while (text.indexOf(expected) < 0) {
      int next = socket.getInputStream().read();
      assertTrue(next >= 0, text::toString);
      text.append((char) next);
    }
  }

  /** Returns how many channels have logged the outage. */
  private static long noticed(Recorder recorder) {
    return recorder.messages().stream().filter(line -> line.startsWith("the log of a channel")).count();
  }

  private interface Fault {
    void of(RedisServer server) throws Exception;
  }

  /** Returns what is logged while Redis is away for all channels. */
  private static List<String> logged(Fault begin, Fault end) throws Exception {
    var sockets = new ArrayList<Socket>();
    var settings = Settings.defaults().withMaxStreams(2 * CHANNELS).withMaxStreamsPerClient(2 * CHANNELS);
    var channels = new ArrayList<Channel>();
    try (var redis = RedisServer.start("--appendonly", "yes");
        var logs = RedisLogs.connect(redis.url());
        var server = SseServer.builder().address(new InetSocketAddress("127.0.0.1", 0)).settings(settings).build()) {
      for (int i = 0; i < CHANNELS; i++) {
        channels.add(Channel.create("news", logs.log("news " + i)));
      }
      server.stream("/", (request, sse) -> {
        channels.get(Integer.parseInt(request.require("channel"))).join(sse);
        sse.keepAlive();
      });
      server.start();
      for (int i = 0; i < CHANNELS; i++) {
        sockets.add(client(server, i, ""));
      }
      Program.await(() -> logs.state().followed() == CHANNELS, () -> logs.state().toString());
      try (var recorder = new Recorder("dev.tidings")) {
        begin.of(redis);
        for (int i = 0; i < CHANNELS; ) { // clients with ids that only Redis can know
          for (int most = i + AT_ONCE; i < most; i++) {
            sockets.add(client(server, i, "1.unknown"));
          }
          int asked = i;
          Program.await(() -> noticed(recorder) >= asked, asked + " channels have noticed", Duration.ofSeconds(90));
        }
        end.of(redis);
        Program.await(() -> logs.state().ready(), () -> logs.state().toString());
        channels.getLast().publish("after");
        awaitText(sockets.get(CHANNELS - 1), "data: after");
        for (Socket socket : sockets) {
          socket.close();
        }
        server.stop(Duration.ZERO);
        channels.forEach(Channel::close);
        return recorder.loud();
      }
    }
  }

  @Test
  void whileRedisIsDownManyChannelsLogNoMoreThanTheAdapter() throws Exception {
    var lines = logged(RedisServer::kill, RedisServer::restart);
    assertTrue(lines.size() <= 3 && lines.getFirst().contains("is away"), lines::toString);
  }

  @Test
  void whileRedisDoesNotAnswerManyChannelsLogNoMoreThanTheAdapter() throws Exception {
    var lines = logged(RedisServer::freeze, RedisServer::thaw);
    assertTrue(lines.size() <= 4, lines::toString);
  }
}
