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

/** A value that can never match is refused when it is set; all other values are accepted. */
class ConfigurationTest {
  private static final String LONE = "\uD800";

  private static void assertRefused(String value, Executable setting) {
    var e = assertThrows(IllegalArgumentException.class, setting, () -> "accepted: " + Quoted.java(value));
    assertTrue(e.getMessage().endsWith(": " + Quoted.java(value)), e.getMessage());
  }

  // Settings.

  /** A setting: its getter, the value to expect, and its setter. */
  private record Setting(Function<Settings, Object> value, Object expected, UnaryOperator<Settings> setting) {}

  private static final List<Setting> SETTINGS = List.of(
      new Setting(s -> s.values().heartbeat(), Duration.ofSeconds(1), s -> s.withHeartbeat(Duration.ofSeconds(1))),
      new Setting(s -> s.values().writeDeadline(), Duration.ofSeconds(2), s -> s.withWriteDeadline(Duration.ofSeconds(2))),
      new Setting(s -> s.values().closeWithin(), Duration.ofSeconds(16), s -> s.withCloseWithin(Duration.ofSeconds(16))),
      new Setting(s -> s.values().queue().events(), 3, s -> s.withQueueEvents(3)),
      new Setting(s -> s.values().queue().bytes(), 4L, s -> s.withQueueBytes(4)),
      new Setting(s -> s.values().maxEventBytes(), 5, s -> s.withMaxEventBytes(5)),
      new Setting(s -> s.values().queue().overflow().choice(), Overflow.Choice.DROP_OLDEST, s -> s.withOverflow(Overflow.dropOldest())),
      new Setting(s -> s.duplicates(), Duplicates.REFUSE, s -> s.withDuplicates(Duplicates.REFUSE)),
      new Setting(s -> s.values().bodyLimit(), 6, s -> s.withBodyLimit(6)),
      new Setting(s -> s.values().lastEventIdParameter(), "seven", s -> s.withLastEventIdParameter("seven")),
      new Setting(s -> s.maxStreams(), 8, s -> s.withMaxStreams(8)),
      new Setting(s -> s.maxStreamsPerClient(), 9, s -> s.withMaxStreamsPerClient(9)),
      new Setting(s -> s.client().apply(null), 10, s -> s.withClient(exchange -> 10)),
      new Setting(
          s -> List.of(s.values().leastReconnect(), s.values().mostReconnect()),
          List.of(Duration.ofSeconds(11), Duration.ofSeconds(12)),
          s -> s.withReconnect(Duration.ofSeconds(11), Duration.ofSeconds(12))),
      new Setting(s -> s.values().maxLifetime(), Duration.ofSeconds(13), s -> s.withMaxLifetime(Duration.ofSeconds(13))),
      new Setting(s -> s.recheck().map(may -> may.test(null)), Optional.of(true), s -> s.withRecheck(stream -> true)),
      new Setting(s -> s.values().recheckDeadline(), Duration.ofSeconds(14), s -> s.withRecheckDeadline(Duration.ofSeconds(14))),
      new Setting(s -> s.values().farewell(), Optional.of(Event.of("15")), s -> s.withFarewell(Event.of("15"))));

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
    var bounds = settings.values().queue();
    assertEquals(List.of(1024, 1_048_576L, Overflow.Choice.DISCONNECT), List.of(bounds.events(), bounds.bytes(), bounds.overflow().choice()));
    assertEquals(
        new Engine.Values(
            Duration.ofSeconds(15), Duration.ofMinutes(2), Duration.ofSeconds(10), bounds, Integer.MAX_VALUE, 1_048_576, "lastEventId",
            Duration.ofSeconds(1), Duration.ofSeconds(5), ChronoUnit.FOREVER.getDuration(),
            Duration.ofSeconds(30), Optional.empty()),
        settings.values());
    assertEquals(Duplicates.REPLACE, settings.duplicates());
    assertEquals(Integer.MAX_VALUE, settings.maxStreams());
    assertEquals(Integer.MAX_VALUE, settings.maxStreamsPerClient());
    assertEquals(Optional.empty(), settings.recheck());
  }

  @Test
  void whatIsNullIsRefusedWhenItIsSet() {
    var settings = Settings.defaults();
    for (Executable setting : List.<Executable>of(
        () -> settings.withOverflow(null), () -> settings.withDuplicates(null), () -> settings.withClient(null),
        () -> settings.withFarewell(null), () -> settings.withRecheck(null), () -> settings.withHeartbeat(null),
        () -> settings.withLastEventIdParameter(null))) {
      assertThrows(NullPointerException.class, setting);
    }
    assertEquals("heartbeat", assertThrows(NullPointerException.class, () -> settings.withHeartbeat(null)).getMessage());
  }

  @Test
  void theSmallestValuesAreTaken() {
    var settings = Settings.defaults().withBodyLimit(0).withQueueEvents(1).withQueueBytes(1).withMaxEventBytes(1)
        .withReconnect(Duration.ZERO, Duration.ZERO);
    assertEquals(0, settings.values().bodyLimit());
    assertEquals(1, settings.values().queue().events());
    assertEquals(1, settings.values().queue().bytes());
    assertEquals(1, settings.values().maxEventBytes());
    assertEquals(Duration.ZERO, settings.values().mostReconnect());
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
  @ValueSource(strings = {"/", "//", "/a b", "/a?b=c", "/a#b", "/a%20b", "/%", "/|^", "/[a]", "/\u00fc\uD83D\uDE00", "/\0\n", "/\uFFFD", "/a/../b", "/.", "/\u0085"})
  void everyOtherPathIsTakenAndFound(String path) throws Exception {
    try (var server = SseServer.create(0)) {
      server.get(path, request -> request.respond(200, "text/plain", "found"));
      server.start();
      String encoded = "/" + URLEncoder.encode(path.substring(1), UTF_8).replace("+", "%20");
      try (var client = Client.raw(server.uri(), "GET " + encoded + " HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
        assertEquals("found", client.toEnd());
      }
    }
  }

  // Names that are compared with decoded UTF-8.

  @ParameterizedTest
  @ValueSource(strings = {LONE, "a" + LONE, "\uDC00b"})
  void aNameThatUtf8CannotCarryIsRefused(String name) throws Exception {
    assertRefused(name, () -> Settings.defaults().withLastEventIdParameter(name));
    assertRefused(name, () -> Channel.create(name, EventLog.inMemory()));
    assertRefused(name, () -> Channel.create("name", EventLog.inMemory(), name));
    try (var sources = EventSources.create();
        var stream = sources.open(MockExchange.with(new com.sun.net.httpserver.Headers(), java.io.OutputStream.nullOutputStream()))) {
      assertRefused(name, () -> stream.withPing(ping -> ping.asEvent(name)));
    }
  }
}
