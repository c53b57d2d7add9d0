// java -cp target/classes samples/Deploy.java 8080    then Ctrl-C, or: curl -d "" localhost:8080/stop
// with curl -N localhost:8080/job elsewhere, which is let come to its end
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.Settings;
import dev.tidings.SseServer;

/** A stop in the midst of traffic: 100 readers get all that was sent, and a job comes to its end. */
void main(String... args) throws Exception {
  // @start region="settings"
  var settings = Settings.defaults()
      .maxStreams(5000)                  // who comes when it is full is told to come later
      .maxStreamsPerClient(500)
      .maxLifetime(Duration.ofHours(1))  // an hour, or up to six minutes less
      .reconnect(Duration.ofSeconds(1), Duration.ofSeconds(10)) // each its own time
      .farewell(Event.of("bye", "a new version comes"));
  // @end
  int port = Integer.parseInt(args[0]);
  var accepted = new LongAdder();
  var read = new LongAdder();
  var readers = Executors.newVirtualThreadPerTaskExecutor();
  try (var server = SseServer.builder().port(port).settings(settings).build()) {
    var sources = server.eventSources();
    server.get("/numbers", request -> {
      try (var sse = request.getEventSource(request.query("reader").orElseThrow())) {
        sse.keepAlive();
      }
    });
    server.get("/job", request -> {
      try (var sse = request.getEventSource()) {
        for (int step = 1; step <= 20; step++) {
          Thread.sleep(100); // the work
          if (!sse.send("step", step + "/20")) {
            return; // the client is gone
          }
        }
        sse.send("done", sse.isStopping() ? "in time" : "without haste");
      }
    });
    server.post("/stop", request -> {
      request.respond(202);
      server.stop(Duration.ofSeconds(10)); // goes on behind this handler's back
    });
    // @start region="stop"
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.stop(Duration.ofSeconds(10)); // so long, a job may still work
      readers.close();
      IO.println(accepted + " accepted, " + read + " read, " + server.eventSources().ended());
    }));
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
    sources.all().forEach(EventSource::close); // nothing more comes, so they need not wait
    // @end
    server.join();
  }
}

static Void count(URI numbers, LongAdder read) throws IOException {
  try (var lines = new BufferedReader(new InputStreamReader(numbers.toURL().openStream()))) {
    lines.lines().filter(line -> line.startsWith("data: n")).forEach(line -> read.increment());
  }
  return null;
}
