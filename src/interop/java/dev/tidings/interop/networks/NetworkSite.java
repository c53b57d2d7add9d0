package dev.tidings.interop.networks;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.HotSpotDiagnosticMXBean.ThreadDumpFormat;
import dev.tidings.Ending;
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.Traffic;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The server that loses its network: a process that prints the end of each stream. On request, it prints its
 * books, which are counts of streams, threads, connections and files. An event consists of its number, the
 * {@link System#nanoTime} of sending, which on Linux is the same for all processes, and padding.
 */
final class NetworkSite {
  /** The beginning of the books when there is no client. */
  static final String EMPTY = books(0, 0, 0, 0);

  static final Duration PACE = Duration.ofMillis(5);
  private static final String FILLING = " " + "x".repeat(1000);

  private final Map<EventSource, Traffic> marks = new ConcurrentHashMap<>();
  private final SseServer server;

  private NetworkSite(int port, Duration heartbeat, Duration writeDeadline) throws IOException {
    var settings = Settings.defaults().withHeartbeat(heartbeat).withWriteDeadline(writeDeadline);
    server = SseServer.builder().address(new InetSocketAddress(port)).settings(settings).build();
    server.get("/idle", request -> open(request).keepAlive());
    server.get("/crowd", request -> open(request).keepAlive());
    server.get("/busy", request -> sendTo(open(request)));
    server.start();
  }

  /** Takes the port, the heartbeat and the write deadline. Exits at the end of its input. */
  static void main(String... args) throws Exception {
    var site = new NetworkSite(Integer.parseInt(args[0]), Duration.parse(args[1]), Duration.parse(args[2]));
    System.out.println("ready");
    Thread.ofVirtual().name("publisher").start(site::publish);
    for (String line; (line = IO.readln()) != null; ) {
      switch (line) {
        case "mark" -> site.mark();
        case "books" -> System.out.println(site.books());
        case "stop" -> site.stop();
        default -> throw new IllegalArgumentException(line);
      }
    }
    System.exit(0);
  }

  private EventSource open(SseRequest request) throws IOException {
    String name = request.query("name").orElseThrow();
    var sse = request.getEventSource(name);
    sse.onEnd(why -> ended(name, sse, why));
    return sse;
  }

  private static void sendTo(EventSource sse) {
    for (long number = 1; sse.send(event(number)); number++) {
      pause();
    }
  }

  private void publish() {
    for (long number = 1; ; number++) {
      server.eventSources().broadcast(event(number), sse -> sse.identifier().orElseThrow().startsWith("crowd"));
      pause();
    }
  }

  private static Event event(long number) {
    return Event.of(number + " " + System.nanoTime() + FILLING);
  }

  private static void pause() {
    try {
      Thread.sleep(PACE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Begins to count the traffic that is reported when a stream ends. */
  private void mark() {
    server.eventSources().all().forEach(sse -> marks.put(sse, sse.traffic()));
    System.out.println("marked");
  }

  /** Stops at once, and prints how long that took. */
  private void stop() {
    long start = System.nanoTime();
    server.close();
    System.out.println("stopped " + Duration.ofNanos(System.nanoTime() - start));
  }

  private void ended(String name, EventSource sse, Ending why) {
    var before = marks.getOrDefault(sse, new Traffic(0, 0, 0, 0));
    var now = sse.traffic();
    marks.remove(sse);
    System.out.println(
        String.join(
            " ",
            "ended",
            name,
            why.name(),
            String.valueOf(System.nanoTime()),
            String.valueOf(now.sent() - before.sent()),
            String.valueOf(now.bytes() - before.bytes())));
  }

  private String books() throws IOException, ReflectiveOperationException {
    long writers = threads("tidings-writer");
    long handlers = threads("tidings-handler");
    String ours = books(server.eventSources().count(), writers, handlers, connections());
    return ours + ", " + files("socket:") + " sockets, " + files("/") + " files";
  }

  private static String books(int streams, long writers, long handlers, int connections) {
    return "books: %d streams, %d writers, %d handlers, %d connections"
        .formatted(streams, writers, handlers, connections);
  }

  /** Counts threads in a thread dump, because no method lists virtual threads. */
  private static long threads(String prefix) throws IOException {
    var folder = Files.createTempDirectory("tidings-threads-");
    var dump = folder.resolve("dump.txt");
    ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class)
        .dumpThreads(dump.toString(), ThreadDumpFormat.TEXT_PLAIN);
    try (var lines = Files.lines(dump)) {
      return lines.filter(line -> line.startsWith("#") && line.contains(" \"" + prefix)).count();
    } finally {
      Files.delete(dump);
      Files.delete(folder);
    }
  }

  /** Counts the connections of the JDK's server by reflection, because there is no method for it. */
  private int connections() throws ReflectiveOperationException {
    var http = server.httpServer();
    var field = http.getClass().getDeclaredField("server");
    field.setAccessible(true);
    var all = field.get(http).getClass().getDeclaredField("allConnections");
    all.setAccessible(true);
    return ((Set<?>) all.get(field.get(http))).size();
  }

  private static long files(String prefix) throws IOException {
    try (var files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(file -> target(file).startsWith(prefix)).count();
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "closed meanwhile";
    }
  }
}
