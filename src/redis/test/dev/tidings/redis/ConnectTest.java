package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.redis.fixture.Ports;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.SslOptions;

/** What is wrong at the start is a clear message. */
final class ConnectTest {
  /** The rights in the README. */
  static final List<String> RIGHTS =
      List.of(
          "~tidings:*", "&tidings:*", "+evalsha", "+script|load", "+xadd", "+xrange", "+xlen", "+xtrim", "+xinfo|stream",
          "+hget", "+hmget", "+hgetall", "+hset", "+hdel", "+unlink", "+pexpire", "+expire", "+time", "+publish",
          "+subscribe", "+unsubscribe", "+ping", "+role", "+info", "+client|setname");

  private static <T extends Throwable> void assertFails(Class<T> type, String url, String... words) {
    assertFails(type, url, RedisOptions.defaults(), words);
  }

  private static <T extends Throwable> void assertFails(Class<T> type, String url, RedisOptions options, String... words) {
    long begin = System.nanoTime();
    var thrown = assertThrows(type, () -> RedisLogs.connect(url, options).close());
    for (String word : words) {
      assertTrue(thrown.getMessage().contains(word), thrown.getMessage());
    }
    assertFalse(thrown.getMessage().contains("secret"), thrown.getMessage());
    assertTrue(System.nanoTime() - begin < 10_000_000_000L);
  }

  @Test
  void wrongUrls() {
    assertFails(IllegalArgumentException.class, "localhost:6379", "must begin with redis://");
    assertFails(IllegalArgumentException.class, "http://localhost", "\"http://localhost\"", "must begin with redis://");
    assertFails(IllegalArgumentException.class, "redis://", "empty host");
    assertFails(IllegalArgumentException.class, "redis://localhost:0", "port", "\"0\"");
    assertFails(IllegalArgumentException.class, "redis://localhost:x", "port", "\"x\"");
    assertFails(IllegalArgumentException.class, "redis://a:secret@localhost:x", "...@localhost");
    assertFails(IllegalArgumentException.class, "redis://user@localhost", "without a password");
    assertFails(IllegalArgumentException.class, "redis://:%zz@localhost", "%25");
    assertFails(IllegalArgumentException.class, "redis://localhost/x", "database");
    assertFails(IllegalArgumentException.class, "redis://localhost/1?timeout=1", "query");
    assertFails(IllegalArgumentException.class, "redis://a,b", "several hosts");
    assertFails(IllegalArgumentException.class, "redis-sentinel://a,b", "name of the master");
    assertFails(IllegalArgumentException.class, "redis-cluster://a,b/1", "database 0");
  }

  @Test
  void parsedUrls() {
    var uri = RedisUri.parse("rediss://us%40er:se%2Fcret@[::1]:6380/3");
    assertEquals("us@er", uri.user().orElseThrow());
    assertEquals("se/cret", uri.password().orElseThrow());
    assertEquals("::1", uri.hosts().getFirst().getHost());
    assertEquals(6380, uri.hosts().getFirst().getPort());
    assertEquals(3, uri.database());
    assertTrue(uri.tls());
    uri = RedisUri.parse("redis-sentinel://:se+cret@a,b:1/my%20master/2");
    assertTrue(uri.user().isEmpty());
    assertEquals("se+cret", uri.password().orElseThrow());
    assertEquals("[a:26379, b:1]", uri.hosts().toString());
    assertEquals("my master", uri.master());
    assertEquals(2, uri.database());
    assertEquals("[a:6379]", RedisUri.parse("rediss-cluster://a").hosts().toString());
  }

  @Test
  void optionsAreChecked() {
    var options = RedisOptions.defaults();
    assertThrows(IllegalArgumentException.class, () -> options.withPrefix("{a}"));
    assertThrows(IllegalArgumentException.class, () -> options.withHistory(0, Duration.ofHours(1)));
    assertThrows(IllegalArgumentException.class, () -> options.withHistory(1, Duration.ofMillis(1)));
    assertThrows(IllegalArgumentException.class, () -> options.withLargestEvent(0));
    assertThrows(IllegalArgumentException.class, () -> options.withPublishTime(Duration.ofHours(1)));
    assertThrows(IllegalArgumentException.class, () -> options.withQueue(0, 1));
    assertThrows(IllegalArgumentException.class, () -> options.withPool(0));
    assertEquals(7, options.withHistory(7, Duration.ofHours(2)).events());
    assertEquals(Duration.ofHours(2), options.withHistory(7, Duration.ofHours(2)).age());
  }

  @Test
  void nobodyListens() throws Exception {
    int port = Ports.free();
    assertFails(UncheckedIOException.class, "redis://127.0.0.1:" + port, "127.0.0.1:" + port, "refused", "check that it runs");
    assertFails(UncheckedIOException.class, "redis://no-such-host.invalid", "no-such-host.invalid");
  }

  @Test
  void aServerThatDoesNotAnswer() throws Exception {
    try (var server = RedisServer.start()) {
      server.freeze();
      assertFails(UncheckedIOException.class, server.url(), "timed out");
      server.thaw();
    }
  }

  @Test
  void aWrongPasswordOrNone() throws Exception {
    try (var server = RedisServer.start("--requirepass", "secret")) {
      assertFails(IllegalStateException.class, server.url(), "check the user and password", "NOAUTH");
      assertFails(IllegalStateException.class, "redis://:secret2@127.0.0.1:" + server.port(), "check the user and password", "WRONGPASS");
      assertFails(IllegalStateException.class, "redis://nobody:secret@127.0.0.1:" + server.port(), "check the user and password");
      try (var redis = RedisLogs.connect("redis://:secret@127.0.0.1:" + server.port())) {
        redis.log("x").append(Event.of("x"));
      }
    }
  }

  @Test
  void aReplica() throws Exception {
    try (var master = RedisServer.start();
        var replica = RedisServer.replicaOf(master)) {
      assertFails(IllegalStateException.class, replica.url(), "not the master", "redis-sentinel://");
    }
  }

  @Test
  void anOldVersion() throws Exception {
    try (var server = RedisServer.start();
        var proxy = new TcpProxy(server)) {
      proxy.replies(text -> text.replace("redis_version:7.0.15", "redis_version:6.0.15"));
      assertFails(IllegalStateException.class, proxy.url(), "too old", "6.0.15", "6.2");
    }
  }

  @Test
  void aServerThatEvictsIsAWarning() throws Exception {
    try (var server = RedisServer.start("--maxmemory-policy", "allkeys-lru");
        var recorder = new Recorder();
        var redis = RedisLogs.connect(server.url())) {
      redis.log("x").append(Event.of("x"));
      assertEquals(1, recorder.messages(Level.WARNING).size());
      assertTrue(recorder.messages(Level.WARNING).getFirst().contains("\"allkeys-lru\""));
      assertTrue(recorder.messages(Level.WARNING).getFirst().contains("noeviction"));
    }
  }

  /** Makes a user with the rights of the README less some, and returns the URL. */
  static String user(RedisServer server, String name, String... less) {
    var command = new java.util.ArrayList<>(List.of("ACL", "SETUSER", name, "reset", "on", ">secret"));
    command.addAll(RIGHTS);
    command.addAll(List.of(less));
    server.run(command.toArray(String[]::new));
    return "redis://" + name + ":secret@127.0.0.1:" + server.port();
  }

  private static void useEverything(EventLog log) throws Exception {
    String start = log.latest();
    String id = log.append(Event.of("a").withField("x", "y"));
    assertEquals(id, log.append(Event.of("k"), "key").replaceFirst("^2", "1"));
    for (int i = 0; i < 20; i++) { // marks are set, and the old is dropped
      log.append(Event.of("b"));
      Thread.sleep(20);
    }
    var follower = new java.util.concurrent.LinkedBlockingQueue<EventLog.Reading>();
    String latest = log.latest();
    Thread.ofVirtual().start(() -> {
      try {
        follower.add(log.read(latest, 10, Duration.ofSeconds(20)));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    log.append(Event.of("c"));
    assertEquals("c", follower.poll(20, TimeUnit.SECONDS).events().getFirst().data().orElseThrow());
    assertEquals(log.latest(), log.since(Instant.now().plusSeconds(100)));
    log.beforeLast(5);
    log.read(start, 10, Duration.ZERO);
    log.append(Event.of("tidings:completed", ""));
  }

  @Test
  void theRightsInTheReadmeSuffice() throws Exception {
    try (var server = RedisServer.start();
        var recorder = new Recorder();
        var redis = RedisLogs.connect(user(server, "app"))) {
      useEverything(redis.log("news", 100, Duration.ofSeconds(1)));
      server.run("DEL", "tidings:{news}:meta");
      redis.log("news").append(Event.of("x"));
      server.run("SCRIPT", "FLUSH");
      redis.log("news").append(Event.of("x"));
      var keys = redis.log("keys", 1, Duration.ofHours(1));
      for (int i = 0; i < 1200; i++) {
        keys.append(Event.of("x"), "key " + i);
      }
      assertEquals(List.of(), recorder.messages(Level.WARNING));
      assertFalse(redis.state().infoForbidden());
      assertEquals("OK", server.run("ACL", "LOG", "RESET"));
    }
  }

  @Test
  void noneOfTheRightsIsTooMany() throws Exception {
    try (var server = RedisServer.start()) {
      for (String right : List.of("evalsha", "script|load", "xadd", "hmget", "hset", "publish", "subscribe", "time")) {
        String url = user(server, "app", "-" + right);
        var thrown =
            assertThrows(
                RuntimeException.class,
                () -> {
                  try (var redis = RedisLogs.connect(url, RedisOptions.defaults().withPublishTime(Duration.ofSeconds(1)))) {
                    useEverything(redis.log("news " + right, 100, Duration.ofSeconds(1)));
                  }
                },
                right);
        assertTrue(thrown.getMessage().contains("README"), right + ": " + thrown);
      }
    }
  }

  @Test
  void aForbiddenInfoIsAWarningAndLogsWork() throws Exception {
    try (var server = RedisServer.start();
        var recorder = new Recorder();
        var redis = RedisLogs.connect(user(server, "app", "-info"));
        var informed = RedisLogs.connect(server.url())) {
      var log = redis.log("news");
      useEverything(redis.log("other", 100, Duration.ofSeconds(1)));
      assertTrue(redis.state().infoForbidden());
      assertEquals(1, recorder.messages(Level.WARNING).size(), () -> recorder.messages(Level.WARNING).toString());
      assertTrue(recorder.messages(Level.WARNING).getFirst().contains("+info"));
      String first = log.append(Event.of("a"));
      var words = new java.util.HashSet<String>();
      for (int i = 0; i < 5; i++) { // nodes with and without the right do not begin epochs in turn
        words.add(Place.parse(informed.log("news").append(Event.of("b"))).orElseThrow().word());
        words.add(Place.parse(log.append(Event.of("c"))).orElseThrow().word());
      }
      assertTrue(words.size() <= 1 + 1, words::toString);
      assertTrue(log.read(first, 100, Duration.ZERO).covered());
    }
  }

  @Test
  void otherDatabasesAndPrefixesAreOtherLogs() throws Exception {
    try (var server = RedisServer.start();
        var one = RedisLogs.connect(server.url() + "/1");
        var two = RedisLogs.connect(server.url() + "/2");
        var prefixed = RedisLogs.connect(server.url() + "/1", RedisOptions.defaults().withPrefix("shop:"))) {
      String id = one.log("news").append(Event.of("x"));
      assertFalse(two.log("news").read(id, 1, Duration.ZERO).covered());
      assertFalse(prefixed.log("news").read(id, 1, Duration.ZERO).covered());
      assertTrue(one.log("news").read(id, 1, Duration.ZERO).covered());
    }
  }

  // TLS.

  private static void keytool(Path directory, String... arguments) throws Exception {
    var command = new java.util.ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    command.addAll(List.of(arguments));
    var process = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), output);
  }

  @Test
  void tlsWithHostNamesThatAreChecked() throws Exception {
    int port = Ports.free();
    try (var server =
        RedisServer.prepared("--tls-port", Integer.toString(port), "--tls-cert-file", "cert.pem", "--tls-key-file",
            "key.pem", "--tls-ca-cert-file", "cert.pem", "--tls-auth-clients", "no")) {
      var directory = server.directory();
      keytool(directory, "-genkeypair", "-alias", "redis", "-keyalg", "EC", "-dname", "CN=redis", "-ext", "SAN=dns:localhost",
          "-keystore", "keys.p12", "-storetype", "PKCS12", "-storepass", "secret", "-validity", "10");
      keytool(directory, "-exportcert", "-alias", "redis", "-rfc", "-keystore", "keys.p12", "-storepass", "secret", "-file", "cert.pem");
      keytool(directory, "-importcert", "-noprompt", "-alias", "redis", "-file", "cert.pem", "-keystore", "trust.p12",
          "-storetype", "PKCS12", "-storepass", "secret");
      java.nio.file.Files.writeString(directory.resolve("key.pem"), pem(directory));
      server.restart();
      var trusting =
          RedisOptions.defaults()
              .withClient(
                  DefaultJedisClientConfig.builder()
                      .sslOptions(
                          SslOptions.builder()
                              .truststore(directory.resolve("trust.p12").toFile(), "secret".toCharArray())
                              .trustStoreType("PKCS12")
                              .build())
                      .build());
      try (var redis = RedisLogs.connect("rediss://localhost:" + port, trusting)) {
        useEverything(redis.log("news", 100, Duration.ofSeconds(1)));
      }
      assertFails(UncheckedIOException.class, "rediss://127.0.0.1:" + port, trusting, "127.0.0.1");
      assertFails(UncheckedIOException.class, "rediss://localhost:" + port, "PKIX");
      assertFails(UncheckedIOException.class, "rediss://localhost:" + server.port(), trusting);
      assertFails(UncheckedIOException.class, "redis://localhost:" + port);
    }
  }

  /** Returns the private key of the key store. */
  private static String pem(Path directory) throws Exception {
    var store = java.security.KeyStore.getInstance(directory.resolve("keys.p12").toFile(), "secret".toCharArray());
    var key = store.getKey("redis", "secret".toCharArray());
    return "-----BEGIN PRIVATE KEY-----\n"
        + java.util.Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded())
        + "\n-----END PRIVATE KEY-----\n";
  }
}
