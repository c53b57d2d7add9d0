package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Channel;
import dev.tidings.SseServer;
import dev.tidings.redis.fixture.RedisServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

/** Two web servers with channels on one log: a client goes from one to the other. */
final class TwoServersTest {

  /** A client that reads until it has so many events, and returns its last id. */
  private static String read(int port, String lastId, int count, ArrayList<String> data) throws Exception {
    try (var socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(20_000);
      String id = lastId.isEmpty() ? "" : "Last-Event-ID: " + lastId + "\r\n";
      socket.getOutputStream().write(("GET /events HTTP/1.1\r\nHost: localhost\r\n" + id + "\r\n").getBytes());
      var lines = new BufferedReader(new InputStreamReader(socket.getInputStream()));
      String last = lastId;
      for (int seen = 0; seen < count; ) {
        String line = lines.readLine();
        assertTrue(line != null, "the stream has ended");
        if (line.startsWith("id:")) {
          last = line.substring(3).strip();
        } else if (line.startsWith("data:") && line.contains("event")) {
          data.add(line.substring(5).strip());
          seen++;
        }
      }
      return last;
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
        last = read((i % 2 == 0 ? web : otherWeb).port(), last, 10, data);
      }
      for (int i = 0; i < 30; i++) {
        assertEquals("event " + i, data.get(i));
      }
    }
  }
}
