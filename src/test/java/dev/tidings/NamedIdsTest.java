package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URLEncoder;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids that contain the name of their channel. */
class NamedIdsTest {
  /** All logs assign the same ids. */
  private final Channels rooms =
      Channels.create(
          name -> new MemoryEventLog(1000, 1_000_000, Duration.ofHours(1), () -> Instant.EPOCH, () -> 0L, 0L));

  private final Set<String> allowed = ConcurrentHashMap.newKeySet();
  private final Set<String> asked = ConcurrentHashMap.newKeySet();
  private SseServer server;

  @BeforeEach
  void serve() throws Exception {
    server =
        SseServer.create(0)
            .stream("/named", (request, sse) -> {
              rooms.joinNamed(sse, From.start(), request.require("name"));
              sse.keepAlive();
            })
            .stream("/plain", (request, sse) -> {
              rooms.join(sse, From.start(), request.require("names").split(","));
              sse.keepAlive();
            })
            .stream("/resume", sse -> {
              var name = rooms.resume(sse, it -> {
                asked.add(it);
                return allowed.contains(it);
              });
              if (name.isEmpty()) {
                throw new StatusException(404, "nothing to continue");
              }
              sse.attributes().put("name", name.get());
              sse.keepAlive();
            })
            .start();
  }

  @AfterEach
  void close() {
    rooms.close();
    server.close();
  }

  private Client named(String name, String... headers) throws Exception {
    return Client.get(server.uri().resolve("/named?name=" + URLEncoder.encode(name, UTF_8)), headers);
  }

  private Client plain(String names, String... headers) throws Exception {
    return Client.get(server.uri().resolve("/plain?names=" + names), headers);
  }

  private Client resume(String id) throws Exception {
    return Client.get(server.uri().resolve("/resume"), "Last-Event-ID: " + id);
  }

  private void publish(String room, String... texts) {
    for (String text : texts) {
      rooms.publish(room, Event.of(text));
    }
  }

  @Test
  void anIdIsUniqueAmongAllChannelsAndSaysWhichOneIsContinued() throws Exception {
    allowed.addAll(Set.of("kitchen", "hall"));
    publish("kitchen", "k1", "k2", "k3");
    publish("hall", "h1", "h2", "h3");
    String inKitchen;
    String inHall;
    try (var kitchen = named("kitchen"); var hall = named("hall")) {
      inKitchen = kitchen.next().lastEventId();
      inHall = hall.next().lastEventId();
      assertEquals("@kitchen" + inHall.substring("@hall".length()), inKitchen, "the logs assign the same ids");
    }
    try (var kitchen = resume(inKitchen); var hall = resume(inHall)) {
      assertEquals(List.of("k2", "k3"), kitchen.data(2));
      assertEquals(List.of("h2", "h3"), hall.data(2));
      assertEquals(
          Set.of("kitchen", "hall"),
          server.eventSources().streams().stream()
              .flatMap(stream -> Stream.ofNullable(stream.attributes().get("name")))
              .collect(Collectors.toSet()));
      publish("hall", "h4");
      publish("kitchen", "k4");
      var last = kitchen.next();
      assertEquals("k4", last.data());
      assertTrue(last.lastEventId().startsWith("@kitchen="), last.lastEventId());
      assertEquals(List.of("h4"), hall.data(1));
    }
  }

  @Test
  void thePositionOfAClientWithoutAnIdContainsTheName() throws Exception {
    try (var client = named("kitchen")) {
      client.awaitText("id: @kitchen=");
    }
  }

  @Test
  void aChannelThatIsNotAllowedIsNotJoinedNorCreated() throws Exception {
    allowed.add("hall");
    for (String id : List.of("@kitchen=0-1", "@hall%2f=0-1", "@HALL=0-1")) {
      try (var client = resume(id)) {
        assertEquals(404, client.status());
      }
    }
    assertEquals(Set.of("kitchen", "hall/", "HALL"), asked);
    assertEquals(0, rooms.count());
  }

  @ParameterizedTest
  @ValueSource(strings = {"0-1", "kitchen=0-1", "@", "@kitchen", "@%=0-1", "@%zz=0-1", "~@kitchen=0-1", "@a%"})
  void textOfAnotherFormContinuesNothing(String id) throws Exception {
    try (var client = resume(id)) {
      assertEquals(404, client.status());
    }
    assertEquals(Set.of(), asked);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 257})
  void aNameThatIsAllowedIsChecked(int length) throws Exception {
    String name = "x".repeat(length);
    allowed.add(name);
    try (var client = resume("@" + name + "=0-1")) {
      assertEquals(400, client.status());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "ü/€/\uD83D\uDE00", "&=@~%25+", "a=b", "\r\n\0"})
  void aNameCanBeAnyText(String name) throws Exception {
    allowed.add(name);
    publish(name, "1", "2");
    String id;
    try (var client = named(name)) {
      id = client.next().lastEventId();
      assertTrue(id.chars().allMatch(c -> c > ' ' && c < 127), id);
    }
    try (var client = resume(id)) {
      assertEquals("2", client.next().data());
    }
  }

  @Test
  void theOtherMethodsAcceptTheseIds() throws Exception {
    publish("kitchen", "1", "2");
    publish("hall", "a");
    String id = "@kitchen=" + rooms.publishAll("kitchen", List.of(Event.of("3"), Event.of("4"))).getFirst();
    try (var one = plain("kitchen", "Last-Event-ID: " + id);
        var other = plain("hall", "Last-Event-ID: " + id);
        var both = plain("kitchen,hall", "Last-Event-ID: " + id)) {
      var next = one.next();
      assertEquals("4", next.data());
      assertEquals(rooms.position("kitchen"), next.lastEventId());
      assertEquals("a", other.next().data(), "the id contains no position there");
      assertEquals(List.of("4", "a"), both.data(2).stream().sorted().toList());
    }
  }

  @Test
  void anIdOfAnotherChannelIsNoPositionAndOtherTextIsAGap() throws Exception {
    publish("kitchen", "1", "2");
    try (var other = named("kitchen", "Last-Event-ID: @hall=0-2");
        var plain = named("kitchen", "Last-Event-ID: " + rooms.position("kitchen"));
        var text = named("kitchen", "Last-Event-ID: @kitchen=" + "y".repeat(1000))) {
      assertEquals(List.of("1", "2"), other.data(2));
      var gap = text.next();
      assertEquals("gap", gap.type());
      assertTrue(gap.data().contains("\"after\":\"" + "y".repeat(100) + "\""), gap.data());
      assertEquals(List.of("1", "2"), text.data(2));
      publish("kitchen", "3");
      assertEquals("3", plain.next().data());
    }
  }

  @Test
  void streamsWithAndWithoutNamesInTheirIdsShareAChannel() throws Exception {
    try (var named = named("kitchen").awaitText("id: ");
        var plain = plain("kitchen").awaitText("id: ");
        var second = named("kitchen").awaitText("id: ")) {
      for (int i = 0; i < 10; i++) {
        String id = rooms.publish("kitchen", Event.of("" + i));
        assertEquals("@kitchen=" + id, named.next().lastEventId());
        assertEquals(id, plain.next().lastEventId());
        assertEquals("@kitchen=" + id, second.next().lastEventId());
      }
    }
  }

  @Test
  void theLongestIdFits() {
    String name = "\u20ac".repeat(85);
    var positions = Positions.ofNamed(name, 64).with(name, "x".repeat(64));
    assertEquals("@" + URLEncoder.encode(name, UTF_8) + "=" + "x".repeat(64), positions.id());
    assertTrue(positions.id().length() < Positions.MOST_BYTES);
    assertEquals(Optional.of(name), Positions.name(positions.id()));
    assertNotEquals(Optional.of(name), Positions.name(" " + positions.id()));
  }
}
