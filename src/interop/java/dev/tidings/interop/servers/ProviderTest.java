package dev.tidings.interop.servers;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Runs the library's tests on each server, in a separate JVM. Tests that cannot pass there must fail. */
@Timeout(480)
@Execution(ExecutionMode.CONCURRENT) // the tests mostly wait
class ProviderTest {
  /** The longest time between two lines of output; longer than any test may take. */
  private static final Duration BOUND = Duration.ofSeconds(90);
  private static final Path TIMEOUTS = Path.of("..", "test", "resources"); // of the library's tests
  private static final List<String> LONGEST = List.of(
      "StopTest", "SlowTest", "StopLoadTest", "LeakTest", "ChannelChaosTest", "BroadcastTest", "SendingTest", "ChannelTest");
  /** The test classes that run on every server. */
  private static final Map<String, String> BEHAVIOURS = new LinkedHashMap<>();

  static {
    BEHAVIOURS.put("OpeningTest", "opening: status, headers, methods, HEAD, HTTP/1.0, bodies, malformed requests");
    BEHAVIOURS.put("SendingTest", "sending: from any thread, complete frames in order, broadcast, flush; also over TLS");
    BEHAVIOURS.put("HeartbeatTest", "pings");
    BEHAVIOURS.put("GoneTest", "clients that close, reset or are killed: noticed within an interval and a second; also over TLS");
    BEHAVIOURS.put("SlowTest", "stalled clients: aborted at the deadline, without effect on other clients; also over TLS");
    BEHAVIOURS.put("WaitingTest", "waiting");
    BEHAVIOURS.put("EndingTest", "endings, and handlers that throw");
    BEHAVIOURS.put("CompleteTest", "complete(); also over TLS");
    BEHAVIOURS.put("ClosingTest", "closing: what was published before is delivered; handlers that fail after it");
    BEHAVIOURS.put("StreamRouteTest", "streams that the library opens and closes, and how their responses end");
    BEHAVIOURS.put("RegistryTest", "the registry");
    BEHAVIOURS.put("CapacityTest", "limits");
    BEHAVIOURS.put("LeaseTest", "lifetimes and permits");
    BEHAVIOURS.put("RevocationTest", "revocation");
    BEHAVIOURS.put("StopTest", "stopping with and without a grace period; also over TLS");
    BEHAVIOURS.put("LastEventIdTest", "Last-Event-ID");
    BEHAVIOURS.put("SseServerTest", "the server: routes, filters, TLS, closing");
    BEHAVIOURS.put("SseRequestTest", "requests and responses");
    BEHAVIOURS.put("CorsTest", "CORS");
  }

  @ParameterizedTest
  @EnumSource
  void holdsTheLibrarysTests(Provider provider) throws Exception {
    String version = provider.version();
    var all = ServerTests.all();
    assertTrue(all.containsAll(BEHAVIOURS.keySet()), "in the list, but not among those that start servers: " + all);
    var classes = new TreeSet<>(provider.jvms > 1 ? all : BEHAVIOURS.keySet());
    assertTrue(classes.containsAll(provider.notRun.keySet()), "among those that are not run, but there is none of this name");
    classes.removeAll(provider.notRun.keySet());
    var passed = new ConcurrentSkipListMap<String, Integer>();
    var failed = new ConcurrentSkipListMap<String, String>();
    run(provider, classes, passed, failed);
    var unexpected = new TreeMap<>(failed);
    unexpected.keySet().removeAll(provider.deviations.keySet());
    assertEquals(Map.of(), unexpected);
    var mended = new TreeSet<>(provider.deviations.keySet());
    mended.removeAll(failed.keySet());
    assertTrue(mended.isEmpty(), "these tests pass now: " + mended);
    var expected = new TreeSet<>(classes);
    assertEquals(expected, passed.keySet());
    BEHAVIOURS.forEach((name, text) -> Results.passed(
        Part.PROVIDERS, provider.who, version, text + " (`" + name + "`)", passed.get(name) + " tests", ""));
    expected.removeAll(BEHAVIOURS.keySet());
    if (!expected.isEmpty()) {
      int count = expected.stream().mapToInt(passed::get).sum();
      String names = expected.stream().map(name -> "`" + name + "`").collect(joining(", "));
      Results.passed(
          Part.PROVIDERS, provider.who, version, "all other test classes that start servers in their own JVM: " + names, count + " tests", "");
    }
    provider.notRun.forEach((name, why) ->
        Results.passed(Part.PROVIDERS, provider.who, version, "not run: `" + name + "`", "", why));
    var testsByReason = new LinkedHashMap<String, List<String>>();
    provider.deviations.forEach((test, why) -> testsByReason.computeIfAbsent(why, key -> new ArrayList<>()).add("`" + test + "`"));
    testsByReason.forEach((why, tests) -> Results.passed(
        Part.PROVIDERS, provider.who, version, "fails: " + String.join(", ", tests), "", why));
  }

  private static void run(
      Provider provider, Set<String> classes, Map<String, Integer> passed, Map<String, String> failed) throws Exception {
    // The longest ones first.
    var next = new ConcurrentLinkedQueue<>(LONGEST);
    next.retainAll(classes);
    classes.stream().filter(name -> !LONGEST.contains(name)).forEach(next::add);
    try (var executor = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      Callable<Void> jvm = () -> {
        runInTurn(provider, next, passed, failed);
        return null;
      };
      for (var end : executor.invokeAll(Collections.nCopies(provider.jvms, jvm))) {
        end.get();
      }
    }
  }

  /** Runs classes in a JVM, one after the other, because some tests check all threads of the JVM. */
  private static void runInTurn(
      Provider provider, Queue<String> classes, Map<String, Integer> passed, Map<String, String> failed) throws Exception {
    var command = List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Dcom.sun.net.httpserver.HttpServerProvider=" + provider.provider,
        "-Dsun.net.httpserver.nodelay=true", "-Drobaho.net.httpserver.nodelay=true",
        "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+EnableDynamicAgentLoading",
        "-cp", String.join(File.pathSeparator, TIMEOUTS.toString(), System.getProperty("java.class.path"), provider.folder().resolve("*").toString()),
        CoreTests.class.getName());
    try (var child = Child.start(command.toArray(String[]::new))) {
      for (String name; (name = classes.poll()) != null; ) {
        long start = System.nanoTime();
        child.say(name);
        String end = CoreTests.END + name;
        Optional<String> line;
        while ((line = child.next(BOUND)).isPresent() && !line.get().equals(end)) {
          if (line.get().startsWith(CoreTests.RESULT)) {
            var words = line.get().split(" ", 4);
            if (words[1].equals("SUCCESSFUL")) {
              passed.merge(name, 1, Integer::sum);
            } else {
              failed.put(words[2], words[1] + " " + words[3]);
              System.out.println(provider.who + ": " + words[2] + " " + failed.get(words[2]));
            }
          }
        }
        assertTrue(line.isPresent(), "the JVM ended in " + name);
        System.out.println(provider.who + ": " + name + " took " + (System.nanoTime() - start) / 1_000_000 + " ms");
      }
      child.endInput();
      assertEquals(0, child.status());
    }
  }
}
