// java -cp target/classes samples/Deploy.java 8080    then Ctrl-C, or: curl -d "" localhost:8080/stop
// and during that: curl -N localhost:8080/job, which finishes within the grace period
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;

/** A stop under load: 100 readers receive every accepted event, and a job finishes. */
void main(String... args) throws Exception {
  // @start region="settings"
  var settings = Settings.defaults()
      .withMaxStreams(5000)                  // beyond that, requests are refused
      .withMaxStreamsPerClient(500)
      .withMaxLifetime(Duration.ofHours(1))  // an hour, or up to six minutes less
      .withReconnect(Duration.ofSeconds(1), Duration.ofSeconds(10))  // chosen at random for each client
      .withFarewell(Event.of("bye", "a new version is being deployed"));
  // @end
  int port = Integer.parseInt(args[0]);
  var accepted = new LongAdder();
  var read = new LongAdder();
  var readers = Executors.newVirtualThreadPerTaskExecutor();
  try (var server = SseServer.builder().port(port).settings(settings).build()) {
    var sources = server.eventSources();
    server.stream("/numbers", request -> request.require("reader"), (request, sse) -> sse.keepAlive());
    server.stream("/job", sse -> {
      for (int step = 1; step <= 20; step++) {
        Thread.sleep(100);  // the work
        if (!sse.send("step", step + "/20")) {
          return;           // the client has disconnected
        }
      }
      sse.send("done", sse.isStopping() ? "within the grace period" : "no stop");
    });
    server.post("/stop", request -> {
      request.respond(202);
      server.stop(Duration.ofSeconds(10));  // called by a handler, it returns at once
    });
    // @start region="stop"
    server.stopOnExit(Duration.ofSeconds(10));  // on SIGTERM and Ctrl-C; jobs may finish within this time
    // @end
    server.start();
    for (int i = 1; i <= 100; i++) {
      var numbers = server.uri().resolve("numbers?reader=" + i);
      readers.submit(() -> count(numbers, read));
    }
    while (sources.count() < 100 && !sources.isStopping()) {
      Thread.sleep(10);
    }
    IO.println(server.uri());
    // @start region="publish"
    for (long number = 1; !sources.isStopping(); number++) {
      accepted.add(sources.broadcast(Event.of("n" + number), sse -> sse.identifier().isPresent()));
      Thread.sleep(10);
    }
    sources.all().forEach(EventSource::close);  // they will receive nothing more
    // @end
    server.join();   // when the JVM exits, it waits briefly for the code that follows
    readers.close();
    IO.println(accepted + " accepted, " + read + " read, " + sources.stats().ended());
  }
}

static Void count(URI numbers, LongAdder read) throws IOException {
  try (var lines = new BufferedReader(new InputStreamReader(numbers.toURL().openStream()))) {
    lines.lines().filter(line -> line.startsWith("data: n")).forEach(line -> read.increment());
  }
  return null;
}
