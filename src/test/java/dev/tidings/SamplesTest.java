package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.client.EventClient;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each sample compiles without a warning, runs as its first line says, and works as intended. */
class SamplesTest {
  private static final Path SAMPLES = Path.of("samples");
  private static final Path CLASSES = Path.of("target", "classes");
  private static final Pattern JAVA_BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void letGo() {
    client.shutdownNow();
  }

  /** Returns all programs, except the one that needs Redis, which the tests of {@code src/redis} run. */
  static List<Path> programs() throws IOException {
    return samples(".java").stream().filter(program -> !program.endsWith("Cluster.java")).toList();
  }

  static List<Path> scripts() throws IOException {
    return samples(".jsh");
  }

  private static List<Path> samples(String extension) throws IOException {
    try (Stream<Path> files = Files.list(SAMPLES)) {
      return files.filter(file -> file.toString().endsWith(extension)).sorted().toList();
    }
  }

  // All samples.

  @ParameterizedTest
  @MethodSource("programs")
  void programCompilesWithoutAWarning(Path program, @TempDir Path classes) {
    OwnJvm.compile(program, classes);
  }

  @ParameterizedTest
  @MethodSource({"programs", "scripts"})
  void firstLineSaysHowToRunIt(Path sample) throws IOException {
    String path = SAMPLES + "/" + sample.getFileName();
    String command =
        path.endsWith(".jsh")
            ? "// jshell --class-path target/classes " + path
            : "// java -cp target/classes " + path + " 8080";
    String first = Files.readAllLines(sample).getFirst();
    assertTrue(first.startsWith(command), first);
  }

  @Test
  void shortestProgramHasAtMostFifteenLines() throws IOException {
    assertTrue(Files.readAllLines(SAMPLES.resolve("Hello.java")).size() <= 15);
  }

  @Test
  void everyJavaBlockOfTheReadmeIsPartOfASample() throws IOException {
    var code = new StringBuilder();
    for (Path sample : Stream.concat(samples(".java").stream(), scripts().stream()).toList()) {
      code.append(withoutSpace(Files.readString(sample).replaceAll("(?m)^ *// @.*\n", "")));
    }
    var blocks = JAVA_BLOCK.matcher(Files.readString(Path.of("README.md"))).results().toList();
    assertFalse(blocks.isEmpty());
    for (var block : blocks) {
      assertTrue(code.indexOf(withoutSpace(block.group(1))) >= 0, "in no sample: " + block.group());
    }
  }

  private static String withoutSpace(String text) {
    return text.replaceAll("\\s", "");
  }

  // Each sample. One is run as its first line says, which compiles it anew; the others are compiled once.

  private static List<String> command(String file) {
    return List.of(OwnJvm.tool("java"), "-cp", CLASSES.toString(), SAMPLES.resolve(file).toString(), "0");
  }

  @Test
  void helloTellsTheTimeEachSecond() throws Exception {
    try (var hello = new Program(OwnJvm.start(command("Hello.java")));
        var stream = listen(request(hello.uri()))) {
      String first = stream.nextEvent().getLast();
      assertTrue(first.matches("data: \\d\\d:\\d\\d.*"), first);
      assertNotEquals(first, stream.nextEvent().getLast());
    }
  }

  @Test
  void keepAlivePingsAndTellsThatTheClientLeft() throws Exception {
    try (var keepAlive = new Program("KeepAlive")) {
      var response = open(request(keepAlive.uri()));
      try (var stream = new Lines(response.body())) {
        assertEquals("Header-value", response.headers().firstValue("Header-Key").orElseThrow());
        assertEquals(List.of(":"), stream.nextBlock());
        assertEquals(List.of(": ping-message"), stream.nextBlock());
        assertEquals(List.of(": ping-message"), stream.nextBlock());
      }
      assertEquals("CLIENT_GONE", keepAlive.output().next());
    }
  }

  @Test
  void broadcastTellsTheRoomWhatWasSaidAndAllHowManyThereAre() throws Exception {
    try (var chat = new Program("Broadcast");
        var tea = listen(request(chat.uri().resolve("tea/events")))) {
      assertEquals(List.of("event: count", "data: 1"), tea.nextEvent());
      try (var coffee = listen(request(chat.uri().resolve("coffee/events")))) {
        assertEquals(List.of("event: count", "data: 2"), coffee.nextEvent());
        assertEquals(List.of("event: count", "data: 2"), tea.nextEvent());

        assertEquals(204, post(chat.uri().resolve("coffee/say"), "Ben: hot").statusCode());
        assertEquals(204, post(chat.uri().resolve("tea/say"), "Ann: hot too").statusCode());
        assertEquals(List.of("event: said", "data: Ben: hot"), coffee.nextEvent());
        assertEquals(List.of("event: said", "data: Ann: hot too"), tea.nextEvent());
      }
      assertEquals(List.of("event: count", "data: 1"), tea.nextEvent());
    }
  }

  @Test
  void broadcastShowsItsPage() throws Exception {
    try (var chat = new Program("Broadcast")) {
      var start = client.send(request(chat.uri()).build(), BodyHandlers.ofString());
      assertEquals("/tea", start.headers().firstValue("Location").orElseThrow());
      var page = client.send(request(chat.uri().resolve("tea")).build(), BodyHandlers.ofString());
      assertEquals("text/html; charset=utf-8", page.headers().firstValue("Content-Type").orElseThrow());
      assertTrue(page.body().startsWith("<!doctype html>"), page.body());
    }
  }

  @Test
  void progressSendsEachWordAndAnEnd() throws Exception {
    try (var progress = new Program("Progress");
        var stream = listen(request(progress.uri()).POST(BodyPublishers.ofString("to be")))) {
      assertEquals(List.of("event: word", "id: 1/2", "data: TO"), stream.nextEvent());
      assertEquals(List.of("event: word", "id: 2/2", "data: BE"), stream.nextEvent());
      assertEquals(List.of("event: done", "data: 2 words"), stream.nextEvent());
      assertEquals(Lines.END, stream.next());
      assertEquals("CLOSED", progress.output().next());
    }
  }

  @Test
  void progressWithoutWordsIsABadRequest() throws Exception {
    try (var progress = new Program("Progress")) {
      var response = post(progress.uri(), " ");
      assertEquals(400, response.statusCode());
      assertEquals("FAILED", progress.output().next());
    }
  }

  @Test
  void progressIsToldThatTheClientLeft() throws Exception {
    try (var progress = new Program("Progress")) {
      String work = "word ".repeat(1000);
      try (var stream = listen(request(progress.uri()).POST(BodyPublishers.ofString(work)))) {
        assertEquals("data: WORD", stream.nextEvent().getLast());
      }
      assertEquals("CLIENT_GONE", progress.output().next());
    }
  }

  @Test
  void ownServerWantsThePasswordAndLetsOneOriginIn() throws Exception {
    try (var own = new Program("OwnServer")) {
      var refused = client.send(request(own.uri()).build(), BodyHandlers.discarding());
      assertEquals(401, refused.statusCode());

      var preflight =
          request(own.uri())
              .method("OPTIONS", BodyPublishers.noBody())
              .header("Origin", "https://example.org")
              .header("Access-Control-Request-Method", "POST");
      assertEquals(204, client.send(preflight.build(), BodyHandlers.discarding()).statusCode());

      var welcome = open(withPassword(request(own.uri())).header("Origin", "https://example.org"));
      try (var stream = new Lines(welcome.body())) {
        var allowed = welcome.headers().firstValue("Access-Control-Allow-Origin");
        assertEquals("https://example.org", allowed.orElseThrow());
        assertEquals(List.of("data: Hello, reader!"), stream.nextEvent());
      }
      var other = open(withPassword(request(own.uri())).header("Origin", "https://example.com"));
      other.body().close();
      assertTrue(other.headers().firstValue("Access-Control-Allow-Origin").isEmpty());
    }
  }

  @Test
  void ownServerEndsItsStreamsAsItStops() throws Exception {
    try (var own = new Program("OwnServer");
        var stream = listen(withPassword(request(own.uri())))) {
      assertEquals(List.of("data: Hello, reader!"), stream.nextEvent());
      own.process().destroy();
      assertEquals(Lines.END, stream.next(Lines.END::equals));
      assertTrue(own.process().waitFor(10, TimeUnit.SECONDS));
    }
  }

  @Test
  void resumeGoesOnWhereTheClientWas() throws Exception {
    try (var resume = new Program("Resume")) {
      var news = resume.uri().resolve("news");
      List<String> last;
      try (var stream = listen(request(news))) {
        assertEquals("event: tidings:position", stream.nextEvent().getFirst());
        last = stream.nextEvent();
      }
      assertEquals("event: news", last.getFirst());
      String id = last.get(1).substring("id: ".length());
      try (var stream = listen(request(news).header("Last-Event-ID", id))) {
        assertEquals("data: " + (number(last) + 1), stream.nextEvent().getLast());
      }
      try (var stream = listen(request(resume.uri().resolve("news?lastEventId=" + id)))) {
        assertEquals("data: " + (number(last) + 1), stream.nextEvent().getLast());
      }
    }
  }

  private static int number(List<String> event) {
    return Integer.parseInt(event.getLast().substring("data: ".length()));
  }

  @Test
  void resumeTellsWhoWasAwayForTooLongOfTheGap() throws Exception {
    try (var resume = new Program("Resume");
        var stream = listen(request(resume.uri().resolve("news")).header("Last-Event-ID", "1-1"))) {
      var gap = stream.nextEvent();
      assertEquals("event: gap", gap.getFirst());
      assertTrue(gap.getLast().startsWith("data: {\"channel\":\"news\",\"after\":\"1-1\",\"from\":"), gap::toString);
      assertEquals("event: news", stream.nextEvent().getFirst());
    }
  }

  @Test
  void resumeHasTwoChannelsOnOneStreamAndAPage() throws Exception {
    try (var resume = new Program("Resume");
        var stream = listen(request(resume.uri().resolve("both")))) {
      String position = stream.nextEvent().get(1);
      assertTrue(position.matches("id: ~[\\w-]{6}=\\d+-\\d+&[\\w-]{6}=\\d+-\\d+"), position);
      assertEquals(204, post(resume.uri().resolve("notes"), "buy milk").statusCode());
      stream.next("data: buy milk"::equals);
      var page = client.send(request(resume.uri()).build(), BodyHandlers.ofString());
      assertTrue(page.body().startsWith("<!doctype html>"), page.body());
    }
  }

  @Test
  void resumeSendsAStateAndAllChangesAfterIt() throws Exception {
    try (var resume = new Program("Resume"); var stream = listen(request(resume.uri().resolve("state")))) {
      var state = stream.nextEvent();
      assertEquals("event: state", state.getFirst());
      int number = Integer.parseInt(state.getLast().substring("data: the last number is ".length()));
      assertEquals("event: tidings:position", stream.nextEvent().getFirst());
      int next = number(stream.nextEvent());
      assertTrue(next == number || next == number + 1, next + " after " + number);
      assertEquals(next + 1, number(stream.nextEvent()));
    }
  }

  @Test
  void resumeStartsWithTheLastFew() throws Exception {
    try (var resume = new Program("Resume"); var first = listen(request(resume.uri().resolve("news")))) {
      assertEquals("event: tidings:position", first.nextEvent().getFirst());
      int number = number(first.nextEvent());
      try (var stream = listen(request(resume.uri().resolve("recent")))) {
        assertEquals("event: tidings:position", stream.nextEvent().getFirst());
        int recent = number(stream.nextEvent());
        assertTrue(recent <= number && recent >= 1, recent + " for " + number);
      }
    }
  }

  @Test
  void roomsDeliverToTheirOwnStreams() throws Exception {
    try (var rooms = new Program("Rooms");
        var hall = listen(request(rooms.uri().resolve("rooms/hall")))) {
      assertEquals("event: tidings:position", hall.nextEvent().getFirst());
      assertEquals(204, post(rooms.uri().resolve("rooms/kitchen"), "tea").statusCode());
      assertEquals(204, post(rooms.uri().resolve("rooms/hall"), "hello").statusCode());
      assertEquals("data: hello", hall.nextEvent().getLast());
      try (var kitchen = listen(request(rooms.uri().resolve("rooms/kitchen")))) {
        assertEquals("event: tidings:position", kitchen.nextEvent().getFirst());
        assertEquals("data: tea", kitchen.nextEvent().getLast());
      }
      assertEquals(204, post(rooms.uri().resolve("rooms/a%2Fb"), "a slash").statusCode());
      try (var slash = listen(request(rooms.uri().resolve("rooms/a%2fb")))) {
        assertEquals("event: tidings:position", slash.nextEvent().getFirst());
        assertEquals("data: a slash", slash.nextEvent().getLast());
      }
      assertEquals(404, post(rooms.uri().resolve("rooms/"), "nowhere").statusCode());
    }
  }

  @Test
  void fanOutDeliversOnePublisherToAllAndOnesOfTheirOwn() throws Exception {
    try (var fanOut = new Program("FanOut");
        var one = listen(request(fanOut.uri().resolve("temperatures")));
        var other = listen(request(fanOut.uri().resolve("temperatures")));
        var raw = listen(request(fanOut.uri().resolve("raw")))) {
      assertEquals("event: tidings:position", one.nextEvent().getFirst());
      assertEquals("event: tidings:position", other.nextEvent().getFirst());
      var seen = new ArrayList<List<String>>();
      for (int i = 0; i < 3; i++) {
        seen.add(one.nextEvent());
        assertTrue(seen.getLast().getLast().matches("data: -?\\d+\\.\\d"), seen::toString);
      }
      var first = other.nextEvent();
      int at = seen.indexOf(first);
      assertTrue(at >= 0, () -> first + " in " + seen);
      for (var event : seen.subList(at + 1, seen.size())) {
        assertEquals(event, other.nextEvent());
      }
      assertTrue(raw.next(line -> line.startsWith("data: ")).matches("data: -?\\d+\\.\\d"));
      var page = client.send(request(fanOut.uri()).build(), BodyHandlers.ofString());
      assertTrue(page.body().startsWith("<!doctype html>"), page.body());
    }
  }

  private URI job(Program jobs, String words, String... headers) throws Exception {
    var request = request(jobs.uri().resolve("jobs")).POST(BodyPublishers.ofString(words));
    if (headers.length > 0) {
      request.headers(headers);
    }
    var response = client.send(request.build(), BodyHandlers.discarding());
    assertEquals(202, response.statusCode());
    return jobs.uri().resolve(response.headers().firstValue("Location").orElseThrow());
  }

  /** Reads the rest of a job's stream, without the position: the event names and data, and COMPLETED at a last end. */
  private static List<String> rest(Client client) throws IOException {
    var events = new ArrayList<String>();
    for (WhatwgParser.Message next; (next = client.next()) != null; ) {
      events.add(next.type() + " " + next.data());
    }
    return events;
  }

  private static final List<String> WORDS =
      List.of("word TO", "word BE", "word OR", "word NOT", "done 4 words", "tidings:completed ");

  @Test
  void jobsShowAllOfTheirProgressToEveryClientAndEndOnce() throws Exception {
    try (var jobs = new Program("Jobs")) {
      var job = job(jobs, "to be or not");
      String id;
      try (var early = Client.get(job)) {
        assertEquals("TO", early.next().data());
        try (var broken = Client.get(job)) { // reset in the middle
          assertEquals("TO", broken.next().data());
          var second = broken.next();
          assertEquals("BE", second.data());
          id = second.lastEventId(); // more may have arrived
          broken.reset();
        }
        try (var resumed = EventClient.open(job, id)) {
          for (String words : WORDS.subList(2, 5)) {
            var event = next(resumed);
            assertEquals(words, event.name().orElseThrow() + " " + event.data().orElseThrow());
          }
          assertEquals(Optional.empty(), resumed.next(Duration.ofSeconds(20)));
          assertTrue(resumed.isEnded());
          id = resumed.lastEventId().orElseThrow(); // that of the completion
        }
        assertEquals(WORDS.subList(1, 6), rest(early));
      }
      try (var late = Client.get(job)) {
        assertEquals(WORDS, rest(late));
      }
      try (var returning = Client.get(job, "Last-Event-ID: " + id)) {
        assertEquals(204, returning.status());
      }
    }
  }

  @Test
  void jobsThatFailSayWhyAndUnknownOnesAre404() throws Exception {
    try (var jobs = new Program("Jobs")) {
      var job = job(jobs, "to fail");
      try (var client = Client.get(job)) {
        assertEquals(List.of("word TO", "failed cannot work on fail", "tidings:completed "), rest(client));
      }
      try (var client = Client.get(job.resolve("unknown"))) {
        assertEquals(404, client.status());
      }
      assertEquals(400, post(jobs.uri().resolve("jobs"), " ").statusCode());
      assertEquals(413, post(jobs.uri().resolve("jobs"), "x ".repeat(1000)).statusCode(), "a job for hours");
      assertEquals(405, post(job, "x").statusCode());
    }
  }

  @Test
  void jobsAreStartedOnceForAKey() throws Exception {
    try (var jobs = new Program("Jobs")) {
      var job = job(jobs, "to", "Idempotency-Key", "order-7");
      assertEquals(job, job(jobs, "to", "Idempotency-Key", "order-7"));
      try (var client = Client.get(job)) {
        assertEquals(List.of("word TO", "done 1 words", "tidings:completed "), rest(client));
      }
    }
  }

  @Test
  void answersContinueForTheClientOfAnIdOnly() throws Exception {
    try (var program = new Program("Answers")) {
      var jobs = program.uri().resolve("answers");
      String id;
      try (var stream = listen(request(jobs).POST(BodyPublishers.ofString("to be or not")))) {
        assertTrue(stream.nextEvent().contains("event: tidings:position"));
        var first = stream.nextEvent();
        assertEquals(List.of("event: word", "data: TO"), first.subList(1, 3));
        id = first.getFirst().substring("id: ".length());
      }
      try (var client = EventClient.open(jobs, id)) {
        for (String word : List.of("BE", "OR", "NOT")) {
          assertEquals(Optional.of(word), next(client).data());
        }
        assertEquals(Optional.empty(), client.next(Duration.ofSeconds(20)));
        assertTrue(client.isEnded()); // by the completion
      }
      var other = request(jobs).header("Last-Event-ID", id.replace('@', '0')).build();
      assertEquals(404, client.send(other, BodyHandlers.discarding()).statusCode());
      assertEquals(413, post(jobs, "x ".repeat(1000)).statusCode(), "a job for hours");
    }
  }

  @Test
  void handlerTestTestsAHandlerAndPrintsWhatTheClientReceives() throws Exception {
    try (var test = new Program("HandlerTest")) {
      assertEquals("Hello again!", test.output().next());
      assertTrue(test.process().waitFor(10, TimeUnit.SECONDS));
      assertEquals(0, test.process().exitValue());
    }
  }

  @Test
  void restartContinuesWhereItWasKilled(@TempDir Path directory) throws Exception {
    var command = new ArrayList<>(command("Restart.java"));
    command.add(directory.toString());
    String id;
    try (var program = new Program(OwnJvm.start(command)); var client = EventClient.open(program.uri())) {
      next(client);
      id = next(client).id().orElseThrow();
      next(client);
      program.process().destroyForcibly();
      assertTrue(program.process().waitFor(10, TimeUnit.SECONDS));
    }
    try (var program = new Program(OwnJvm.start(command)); var client = EventClient.open(program.uri(), id)) {
      assertEquals(number(id) + 1, number(next(client).id().orElseThrow()));
    }
  }

  private static Event next(EventClient client) throws InterruptedException {
    return client.next(Duration.ofSeconds(20)).orElseThrow();
  }

  private static int number(String id) {
    return Integer.parseInt(id.replaceAll("\\D.*", ""));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void deployLetsAJobComeToItsEndAndLosesNothing(boolean bySignal) throws Exception {
    try (var deploy = new Program("Deploy");
        var job = listen(request(deploy.uri().resolve("job")))) {
      assertEquals(List.of("event: step", "data: 1/20"), job.nextEvent());
      if (bySignal) {
        deploy.process().toHandle().destroy(); // the process itself would close its output
      } else {
        assertEquals(202, post(deploy.uri().resolve("stop"), "").statusCode());
      }
      job.next("event: bye"::equals);
      assertEquals("data: a new version is being deployed", job.next());
      int retry = Integer.parseInt(job.next(line -> line.startsWith("retry: ")).substring(7));
      assertTrue(retry >= 1000 && retry <= 10_000, () -> "retry " + retry);
      job.next("data: 20/20"::equals);
      assertEquals(List.of("event: done", "data: within the grace period"), skipBlank(job).nextEvent());
      assertEquals(Lines.END, job.next(Lines.END::equals));
      String report = deploy.output().next(line -> line.contains(" accepted, "));
      assertTrue(report.matches("([1-9]\\d*) accepted, \\1 read, \\{CLOSED=101\\}"), report);
      assertTrue(deploy.process().waitFor(10, TimeUnit.SECONDS));
    }
  }

  private static Lines skipBlank(Lines lines) throws InterruptedException {
    assertEquals("", lines.next());
    return lines;
  }

  @ParameterizedTest
  @MethodSource("scripts")
  void scriptPrintsWhatIsExpected(Path script) throws Exception {
    String expected =
        switch (script.getFileName().toString()) {
          case "hello.jsh" ->
              """
              data: Hello, world!

              event: greeting
              id: 7
              data: two
              data: lines

              : not for scripts
              retry: 3000

              """;
          case "live.jsh" ->
              """
              Hello again!
              to each of mine
              1 took it
              to all
              {STOPPING=1}
              """;
          default -> throw new AssertionError("no output is known for " + script);
        };
    var jshell =
        new ProcessBuilder(
                OwnJvm.tool("jshell"), "-J-XX:TieredStopAtLevel=1", "-R-XX:TieredStopAtLevel=1",
                "-J-Djava.util.prefs.userRoot=" + Path.of("target", "prefs").toAbsolutePath(),
                "--class-path",
                CLASSES.toString(),
                script.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      jshell.getOutputStream().close();
      String output = new String(jshell.getInputStream().readAllBytes());
      assertTrue(jshell.waitFor(10, TimeUnit.SECONDS));
      assertAll(
          () -> assertEquals(expected, output), () -> assertEquals(0, jshell.exitValue()));
    } finally {
      jshell.destroyForcibly();
    }
  }

  // Helpers.

  /** A sample that runs in its own process, on a free port. */
  private record Program(OwnJvm jvm, URI uri) implements AutoCloseable {
    Program(String name) throws Exception {
      this(OwnJvm.start(Sample.compiled(name), name, List.of(), "0"));
    }

    Program(OwnJvm jvm) throws Exception {
      this(jvm, jvm.uri());
    }

    Process process() {
      return jvm.process();
    }

    Lines output() {
      return jvm.lines();
    }

    @Override
    public void close() {
      jvm.close();
    }
  }

  private static HttpRequest.Builder request(URI uri) {
    return HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(20));
  }

  private static HttpRequest.Builder withPassword(HttpRequest.Builder request) {
    String credentials = Base64.getEncoder().encodeToString("reader:secret".getBytes());
    return request.header("Authorization", "Basic " + credentials);
  }

  private HttpResponse<InputStream> open(HttpRequest.Builder request) throws Exception {
    var response = client.send(request.build(), BodyHandlers.ofInputStream());
    assertEquals(200, response.statusCode());
    var type = response.headers().firstValue("Content-Type");
    assertEquals("text/event-stream; charset=utf-8", type.orElseThrow());
    return response;
  }

  private Lines listen(HttpRequest.Builder request) throws Exception {
    return new Lines(open(request).body());
  }

  private HttpResponse<Void> post(URI uri, String text) throws Exception {
    var request = request(uri).POST(BodyPublishers.ofString(text)).build();
    return client.send(request, BodyHandlers.discarding());
  }
}
