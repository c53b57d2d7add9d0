package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code samples/Tickets.java}: a login, tickets that open the stream of their user once, and a logout. */
class TicketsSampleTest {
  private static final String REFUSED = "the ticket is unknown, used or expired; POST /tickets returns a new one";

  private static Sample sample;
  private static String ann; // the cookies of sessions; few, because each login computes a hash
  private static String ben;

  @BeforeAll
  static void start() throws Exception {
    sample = Sample.start("Tickets", List.of("-XX:TieredStopAtLevel=4")); // which computes hashes fast
    ann = login("ann", "tea");
    ben = login("ben", "coffee");
  }

  @AfterAll
  static void end() {
    sample.close();
  }

  @Test
  void ticketOpensTheStreamOfItsUserOnce() throws Exception {
    String ticket = ticket(ann);
    try (var stream = sample.listen("/events?ticket=" + ticket)) {
      assertEquals(List.of("event: user", "data: ann"), stream.nextEvent());
      assertRefused(403, REFUSED, sample.get("/events?ticket=" + ticket));
    }
    assertRefused(403, REFUSED, sample.get("/events?ticket=" + ticket));
    assertRefused(403, REFUSED, sample.get("/events?ticket=AAAAAAAAAAAAAAAAAAAAAA"));
    assertRefused(400, "missing query parameter: \"ticket\"", sample.get("/events"));
  }

  @Test
  void withoutALoginThereIsNoTicket() throws Exception {
    assertRefused(403, "not logged in", sample.post("/tickets", ""));
    assertRefused(403, "not logged in", post("/tickets", "session=AAAAAAAAAAAAAAAAAAAAAA", ""));
    assertRefused(403, "wrong name or password", sample.post("/login", "name=ann&password=coffee"));
    assertRefused(400, "not a form", sample.post("/login", "name=%zz"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/login", "/logout", "/tickets", "/notify"})
  void pagesOfOtherOriginsCanDoNothing(String path) throws Exception {
    var request = sample.request(path).header("Sec-Fetch-Site", "same-site").POST(BodyPublishers.noBody());
    assertRefused(403, "the request was sent by a page of another origin", sample.send(request));
    var foreign = sample.request(path).header("Sec-Fetch-Site", "cross-site").POST(BodyPublishers.noBody());
    assertEquals(403, sample.send(foreign).statusCode()); // by the host guard
  }

  @Test
  void notificationsReachTheirUserOnly() throws Exception {
    try (var annStream = listen(ann, ""); var benStream = listen(ben, "")) {
      next(annStream, "event: tidings:position");
      next(benStream, "event: tidings:position");
      assertEquals(204, post("/notify", ben, "to=ann&text=for+Ann").statusCode());
      assertEquals(204, post("/notify", ann, "to=ben&text=for+Ben%0Aonly").statusCode());
      next(annStream, "data: ben: for Ann");
      assertEquals(List.of("data: ann: for Ben", "data: only"), benStream.nextEvent().subList(2, 4));
      assertTrue(annStream.isEmpty());
    }
    assertRefused(404, "no such user", post("/notify", ann, "to=everybody&text=x"));
    assertRefused(403, "not logged in", sample.post("/notify", "to=ann&text=x"));
  }

  @Test
  void clientContinuesWithANewTicketAndItsLastEventId() throws Exception {
    String id;
    try (var stream = listen(ann, "")) {
      next(stream, "event: tidings:position");
      post("/notify", ann, "to=ann&text=one");
      id = next(stream, "data: ann: one").getFirst().substring("id: ".length());
      assertTrue(id.startsWith("@user%3Aann="), id);
    }
    post("/notify", ann, "to=ann&text=two");
    try (var stream = listen(ann, "&lastEventId=" + URLEncoder.encode(id, StandardCharsets.UTF_8))) {
      stream.nextEvent(); // the user
      assertEquals("data: ann: two", stream.nextEvent().getLast());
    }
    try (var stream = listen(ben, "&lastEventId=" + URLEncoder.encode(id, StandardCharsets.UTF_8))) { // a page whose user has changed in another tab
      stream.nextEvent(); // the user
      assertEquals("event: tidings:position", stream.nextEvent().getFirst(), "not a gap");
    }
  }

  @Test
  void logoutEndsTheStreamsOfTheSessionAtOnce() throws Exception {
    String session = login("ann", "tea");
    String unused = ticket(session);
    try (var first = listen(session, ""); var second = listen(session, ""); var third = listen(ann, "")) {
      for (Lines stream : List.of(first, second, third)) {
        stream.nextEvent(); // the user
      }
      long start = System.nanoTime();
      var answer = post("/logout", session, "");
      assertEquals(
          "session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
          answer.headers().firstValue("Set-Cookie").orElseThrow());
      first.next(Lines.END::equals);
      second.next(Lines.END::equals);
      var took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.toSeconds() < 5, took::toString); // the next recheck would end them too, within 15 s
      assertRefused(403, "not logged in", sample.get("/events?ticket=" + unused));
      assertRefused(403, "not logged in", post("/tickets", session, ""));
      post("/notify", ann, "to=ann&text=still+here");
      next(third, "data: ann: still here");
    }
  }

  @Test
  void accessLogHasNoTicket() throws Exception {
    String ticket = ticket(ben);
    try (var stream = sample.listen("/events?ticket=" + ticket)) {
      stream.nextEvent();
    }
    sample.get("/events?ticket=" + ticket);
    sample.get("/a%0Ab?ticket=" + ticket);
    String line;
    do {
      line = sample.output().next();
      assertFalse(line.contains(ticket) || line.contains("?"), line);
    } while (!line.equals("GET /a%0Ab 404"));
  }

  /** Control characters in a terminal can hide or rewrite the lines before. */
  @Test
  void accessLogHasNoControlCharacters() throws Exception {
    var address = new InetSocketAddress(sample.uri("/").getHost(), sample.uri("/").getPort());
    try (var socket = new Socket(address.getAddress(), address.getPort())) {
      socket.setSoTimeout(20_000);
      String head = "G\u001b[2JE\rPOST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(head.getBytes(StandardCharsets.ISO_8859_1));
      socket.getInputStream().readAllBytes();
    }
    String line;
    do {
      line = sample.output().next();
      assertTrue(line.chars().allMatch(c -> c >= ' '), line);
    } while (!line.startsWith("G?"));
  }

  @Test
  void afterFiveFailuresANameIsRefusedForAMinute() throws Exception {
    int failures = 0;
    HttpResponse<String> response;
    while ((response = sample.post("/login", "name=nobody&password=tea")).statusCode() == 403 && failures < 20) {
      failures++;
    }
    assertRefused(429, "too many failed logins, wait a minute", response);
    assertTrue(failures >= 5 && failures < 10, failures + " failures"); // more than 5 if a minute ends meanwhile
  }

  @Test
  void expiredTicketIsRefused() throws Exception {
    try (var loader = loader()) {
      var create = loader.loadClass("Tickets$Session").getDeclaredConstructors()[0];
      create.setAccessible(true);
      var session = create.newInstance("token", "ann", Instant.now().plusSeconds(60));
      for (var lifetime : List.of(Duration.ofMinutes(1), Duration.ofNanos(1))) {
        var type = loader.loadClass("Tickets$Tickets");
        var constructor = type.getDeclaredConstructor(Duration.class);
        constructor.setAccessible(true);
        var tickets = constructor.newInstance(lifetime);
        var issue = type.getDeclaredMethod("create", session.getClass());
        var redeem = type.getDeclaredMethod("redeem", String.class);
        issue.setAccessible(true);
        redeem.setAccessible(true);
        Object ticket = issue.invoke(tickets, session);
        if (lifetime.toSeconds() > 1) {
          assertEquals(session, redeem.invoke(tickets, ticket));
        } else {
          var issued = Instant.now();
          Await.until("the clock has advanced", () -> Instant.now().isAfter(issued));
          var thrown = assertThrows(InvocationTargetException.class, () -> redeem.invoke(tickets, ticket));
          assertEquals(REFUSED, assertInstanceOf(StatusException.class, thrown.getCause()).getMessage());
        }
      }
    }
  }

  @Test
  void passwordsAreHashedWithASalt() throws Exception {
    try (var loader = loader()) {
      var users = loader.loadClass("Tickets").getDeclaredField("USERS");
      var hash = loader.loadClass("Tickets").getDeclaredMethod("hash", String.class);
      users.setAccessible(true);
      hash.setAccessible(true);
      String known = ((Map<?, ?>) users.get(null)).get("ann").toString();
      String again = hash.invoke(null, "tea").toString();
      assertEquals("210000", again.split(":")[0]);
      assertNotEquals(known.split(":")[1], again.split(":")[1], "the salt");
      assertNotEquals(known.split(":")[2], again.split(":")[2], "the hash");
    }
  }

  private URLClassLoader loader() throws Exception {
    return new URLClassLoader(new URL[] {Sample.compiled("Tickets").toUri().toURL()}, getClass().getClassLoader());
  }

  /** Returns the cookie of a new session. */
  private static String login(String name, String password) throws Exception {
    var response = sample.post("/login", "name=" + name + "&password=" + password);
    assertEquals(204, response.statusCode(), response.body());
    String cookie = response.headers().firstValue("Set-Cookie").orElseThrow();
    assertTrue(cookie.matches("session=[\\w-]{22}; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800"), cookie);
    return cookie.replaceFirst(";.*", "");
  }

  private static HttpResponse<String> post(String path, String cookie, String body) throws Exception {
    return sample.send(sample.request(path).header("Cookie", cookie).POST(BodyPublishers.ofString(body)));
  }

  private static String ticket(String cookie) throws Exception {
    var response = post("/tickets", cookie, "");
    assertEquals(201, response.statusCode(), response.body());
    assertEquals("no-store", response.headers().firstValue("Cache-Control").orElseThrow());
    assertTrue(response.body().matches("[\\w-]{22}"), response.body());
    return response.body();
  }

  private static Lines listen(String cookie, String query) throws Exception {
    return sample.listen("/events?ticket=" + ticket(cookie) + query);
  }

  /** Returns the next event with this line. */
  private static List<String> next(Lines stream, String line) throws Exception {
    while (true) {
      var event = stream.nextEvent();
      assertFalse(event.isEmpty(), "the stream ended without " + line);
      if (event.contains(line)) {
        return event;
      }
    }
  }

  private static void assertRefused(int status, String text, HttpResponse<String> response) {
    assertEquals(status + " " + text, response.statusCode() + " " + response.body().strip());
  }
}
