package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.Channel;
import dev.tidings.SseServer;
import dev.tidings.client.EventClient;
import dev.tidings.redis.fixture.RedisServer;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Two web servers with channels on one log: a client goes from one to the other. */
final class TwoServersTest {

  /** Reads so many events, and returns the last id. */
  private static String read(URI server, String lastId, int count, List<String> data) throws InterruptedException {
    try (var client = EventClient.open(server.resolve("/events"), lastId)) {
      for (int i = 0; i < count; i++) {
        data.add(client.next(Duration.ofSeconds(20)).orElseThrow().data().orElseThrow());
      }
      return client.lastEventId().orElseThrow();
    }
  }

  @Test
  void aClientContinuesOnTheOtherServer() throws Exception {
    try (var server = RedisServer.start();
        var one = RedisLogs.connect(server.url());
        var other = RedisLogs.connect(server.url());
        var news = Channel.create("news", one.log("news"));
        var sameNews = Channel.create("news", other.log("news"));
        var web = SseServer.create(0);
        var otherWeb = SseServer.create(0)) {
      web.stream("/events", stream -> { news.join(stream); stream.keepAlive(); });
      otherWeb.stream("/events", stream -> { sameNews.join(stream); stream.keepAlive(); });
      web.start();
      otherWeb.start();
      String start = one.log("news").latest();
      for (int i = 0; i < 30; i++) {
        (i % 2 == 0 ? news : sameNews).publish("event " + i);
      }
      var data = new ArrayList<String>();
      String last = start;
      for (int i = 0; i < 3; i++) {
        last = read((i % 2 == 0 ? web : otherWeb).uri(), last, 10, data);
      }
      for (int i = 0; i < 30; i++) {
        assertEquals("event " + i, data.get(i));
      }
    }
  }
}
