package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.fixture.Ports;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The sample of two nodes does what its page promises. */
class SampleTest {
  private static final Path SAMPLE = Path.of("..", "..", "samples", "Cluster.java");

  private static Program node(RedisServer redis, int port, int other) throws Exception {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var node =
        Program.start(
            Map.of(),
            List.of(
                java, "-XX:TieredStopAtLevel=1", "-cp", SiteNode.classPath(), SAMPLE.toString(), redis.url(),
                Integer.toString(port), Integer.toString(other)));
    Program.await(() -> node.output().contains("is process") || !node.isAlive(), "a node to start");
    assertTrue(node.isAlive(), node::output);
    return node;
  }

  private final HttpClient client = HttpClient.newHttpClient();

  private void say(int port, String key, String text) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/say?key=" + key))
            .timeout(Duration.ofSeconds(20))
            .POST(BodyPublishers.ofString(text))
            .build();
    assertEquals(204, client.send(request, BodyHandlers.discarding()).statusCode());
  }

  /** Listens at a node until this message comes, and returns all messages; the last line is the last id. */
  private List<String> listen(int port, String id, String last) throws Exception {
    var request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/events?lastEventId=" + id)).build();
    return CompletableFuture.supplyAsync(
            () -> {
              var lines = new ArrayList<String>();
              String at = id;
              try (var body = client.send(request, BodyHandlers.ofInputStream()).body();
                  var reader = new BufferedReader(new java.io.InputStreamReader(body))) {
                for (String line; (line = reader.readLine()) != null && !lines.contains(last); ) {
                  at = line.startsWith("id: ") ? line.substring(4) : at;
                  if (line.startsWith("data: ") && line.length() > 6) {
                    lines.add(line.substring(6));
                  }
                }
              } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
              }
              lines.add(at);
              return lines;
            })
        .get(30, TimeUnit.SECONDS);
  }

  @Test
  void theChatOfAKilledNodeContinuesOnTheOtherOne() throws Exception {
    int one = Ports.free();
    int other = Ports.free();
    try (var redis = RedisServer.start(); var first = node(redis, one, other); var _ = node(redis, other, one)) {
      say(one, "k1", "hello");
      say(other, "k1", "hello"); // again, as after a lost answer
      say(other, "k2", "second");
      var messages = listen(one, "", "second");
      assertEquals(List.of("hello", "second"), messages.subList(0, 2));
      first.kill();
      say(other, "k3", "third");
      assertEquals("third", listen(other, messages.getLast(), "third").getFirst());
      var page = HttpRequest.newBuilder(URI.create("http://localhost:" + other)).build();
      var body = client.send(page, BodyHandlers.ofString()).body();
      assertTrue(body.startsWith("<!doctype html>") && body.contains("[" + other + ", " + one + "]"), body);
    } finally {
      client.shutdownNow();
    }
  }

  @Test
  void itsFirstLineIsTheCommandOfTheReadme() throws IOException {
    String first = Files.readAllLines(SAMPLE).getFirst();
    assertTrue(first.startsWith("// mvn -q -f src/redis compile exec:exec"), first);
  }
}
