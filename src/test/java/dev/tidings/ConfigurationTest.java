package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A value that can never match is refused when it is set, and one that can is not. */
class ConfigurationTest {
  private static final String LONE = "\uD800";

  private static void assertRefused(String value, Executable setting) {
    var e = assertThrows(IllegalArgumentException.class, setting, () -> "taken: " + Quoted.java(value));
    assertTrue(e.getMessage().endsWith(": " + Quoted.java(value)), e.getMessage());
  }

  // Settings.

  /** A setting, by what reads it. */
  private record Setting(Function<Settings, Object> value, Object expected, UnaryOperator<Settings> setting) {}

  private static final List<Setting> SETTINGS = List.of(
      new Setting(Settings::heartbeat, Duration.ofSeconds(1), s -> s.heartbeat(Duration.ofSeconds(1))),
      new Setting(Settings::writeDeadline, Duration.ofSeconds(2), s -> s.writeDeadline(Duration.ofSeconds(2))),
      new Setting(Settings::queueEvents, 3, s -> s.queueEvents(3)),
      new Setting(Settings::queueBytes, 4L, s -> s.queueBytes(4)),
      new Setting(Settings::maxEventBytes, 5, s -> s.maxEventBytes(5)),
      new Setting(Settings::overflow, Overflow.dropOldest(), s -> s.overflow(Overflow.dropOldest())),
      new Setting(Settings::duplicates, Duplicates.REFUSE, s -> s.duplicates(Duplicates.REFUSE)),
      new Setting(Settings::bodyLimit, 6, s -> s.bodyLimit(6)),
      new Setting(Settings::lastEventIdParameter, "seven", s -> s.lastEventIdParameter("seven")),
      new Setting(Settings::maxStreams, 8, s -> s.maxStreams(8)),
      new Setting(Settings::maxStreamsPerClient, 9, s -> s.maxStreamsPerClient(9)),
      new Setting(s -> s.client().apply(null), 10, s -> s.client(exchange -> 10)),
      new Setting(
          s -> List.of(s.leastReconnect(), s.mostReconnect()),
          List.of(Duration.ofSeconds(11), Duration.ofSeconds(12)),
          s -> s.reconnect(Duration.ofSeconds(11), Duration.ofSeconds(12))),
      new Setting(Settings::maxLifetime, Duration.ofSeconds(13), s -> s.maxLifetime(Duration.ofSeconds(13))),
      new Setting(s -> s.recheck().map(may -> may.test(null)), Optional.of(true), s -> s.recheck(stream -> true)),
      new Setting(Settings::recheckDeadline, Duration.ofSeconds(14), s -> s.recheckDeadline(Duration.ofSeconds(14))),
      new Setting(Settings::farewell, Optional.of(Event.of("15")), s -> s.farewell(Event.of("15"))));

  @Test
  void eachSettingOutlivesAllOthers() {
    for (Setting one : SETTINGS) {
      var settings = one.setting.apply(Settings.defaults());
      for (Setting other : SETTINGS) {
        settings = other == one ? settings : other.setting.apply(settings);
      }
      assertEquals(one.expected, one.value.apply(settings));
    }
    long setters =
        Arrays.stream(Settings.class.getMethods())
            .filter(method -> method.getReturnType() == Settings.class && method.getParameterCount() > 0)
            .count();
    assertEquals(setters, SETTINGS.size(), "a setting is not in this list");
  }

  @Test
  void theDefaultsAreThoseThatAreDocumented() {
    var settings = Settings.defaults();
    var bounds = new FrameQueue.Bounds(1024, 1_048_576, Overflow.disconnect());
    assertEquals(
        new Engine.Values(
            Duration.ofSeconds(15), Duration.ofSeconds(10), bounds, Integer.MAX_VALUE, "lastEventId",
            Duration.ofSeconds(1), Duration.ofSeconds(5), ChronoUnit.FOREVER.getDuration(),
            Duration.ofSeconds(30), Optional.empty()),
        settings.values());
    assertEquals(Duplicates.REPLACE, settings.duplicates());
    assertEquals(1_048_576, settings.bodyLimit());
    assertEquals(Integer.MAX_VALUE, settings.maxStreams());
    assertEquals(Integer.MAX_VALUE, settings.maxStreamsPerClient());
    assertEquals(Optional.empty(), settings.recheck());
  }

  @Test
  void whatIsNullIsRefusedWhenItIsSet() {
    var settings = Settings.defaults();
    for (Executable setting : List.<Executable>of(
        () -> settings.overflow(null), () -> settings.duplicates(null), () -> settings.client(null),
        () -> settings.farewell(null), () -> settings.recheck(null), () -> settings.heartbeat(null),
        () -> settings.lastEventIdParameter(null))) {
      assertThrows(NullPointerException.class, setting);
    }
  }

  @Test
  void theSmallestValuesAreTaken() {
    var settings = Settings.defaults().bodyLimit(0).queueEvents(1).queueBytes(1).maxEventBytes(1)
        .reconnect(Duration.ZERO, Duration.ZERO);
    assertEquals(0, settings.bodyLimit());
    assertEquals(new FrameQueue.Bounds(1, 1, Overflow.disconnect()), settings.values().queue());
    assertEquals(1, settings.maxEventBytes());
    assertEquals(Duration.ZERO, settings.mostReconnect());
  }

  // Origins.

  @ParameterizedTest
  @MethodSource({"dev.tidings.Origins#ofSites", "dev.tidings.Origins#ofOtherPages"})
  void anOriginAsABrowserSaysItIsTaken(String origin) {
    assertDoesNotThrow(() -> Cors.origins(origin));
    assertDoesNotThrow(() -> Cors.origins("https://other.example", origin, origin));
  }

  @ParameterizedTest
  @MethodSource({"dev.tidings.Origins#saidByNoBrowser", "dev.tidings.Origins#ofPagesWithoutOne"})
  void anOriginThatNoBrowserSaysIsRefused(String origin) {
    assertRefused(origin, () -> Cors.origins(origin));
    assertRefused(origin, () -> Cors.origins("https://other.example", origin));
  }

  // Routes.

  @ParameterizedTest
  @ValueSource(strings = {"get", "Get", "post", "head", "put", "delete", "options", "patch", "trace", "connect", "GE T", "G\u0130T", "GET ", ""})
  void aMethodThatNoRequestLineHasIsRefused(String method) throws Exception {
    try (var server = SseServer.create(0)) {
      assertRefused(method, () -> server.route(method, "/", request -> {}));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "PATCH", "REPORT", "M-SEARCH", "report", "PROPFIND"})
  void otherMethodsAreTakenAndFound(String method) throws Exception {
    try (var server = SseServer.create(0)) {
      server.route(method, "/", request -> request.respond(200, "text/plain", "found"));
      server.start();
      try (var client = Client.send(method, server.uri(), "HTTP/1.1", "")) {
        assertEquals("found", client.toEnd());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "*", "http://x/", "/a" + LONE, "/\uDC00\uD800", "/\uDC00b"})
  void aPathThatNoDecodedOneEqualsIsRefused(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      assertRefused(path, () -> server.get(path, request -> {}));
      assertRefused(path, () -> server.post(path, request -> {}));
      assertRefused(path, () -> server.route("PUT", path, request -> {}));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "//", "/a b", "/a?b=c", "/a#b", "/a%20b", "/%", "/{id}|^", "/[a]", "/\u00fc\uD83D\uDE00", "/\0\n", "/\uFFFD", "/a/../b", "/.", "/\u0085"})
  void everyOtherPathIsTakenAndFound(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      server.get(path, request -> request.respond(200, "text/plain", "found"));
      server.start();
      String encoded = "/" + URLEncoder.encode(path.substring(1), UTF_8).replace("+", "%20");
      try (var client = Client.raw(server.uri(), "GET " + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n")) {
        assertEquals("found", client.toEnd());
      }
    }
  }

  // Names that are compared with what comes out of UTF-8.

  @ParameterizedTest
  @ValueSource(strings = {LONE, "a" + LONE, "\uDC00b"})
  void aNameThatUtf8CannotCarryIsRefused(String name) throws Exception {
    assertRefused(name, () -> Settings.defaults().lastEventIdParameter(name));
    assertRefused(name, () -> Channel.create(name, EventLog.inMemory()));
    try (var channel = Channel.create()) {
      assertRefused(name, () -> channel.gapName(name));
    }
    try (var sources = EventSources.create();
        var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()))) {
      assertRefused(name, () -> stream.withPing(ping -> ping.asEvent(name)));
    }
  }
}
