// java -cp target/classes samples/Answers.java 8080    then: curl -N -d "to be or not" localhost:8080/answers
// and, with the last id: curl -N -H "Last-Event-ID: @…" localhost:8080/answers
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseServer;
import dev.tidings.StatusException;

/** A POST starts a job and streams its results. After a lost connection, a GET with the last id receives the rest. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0])); var jobs = Channels.create()) {
    var names = ConcurrentHashMap.<String>newKeySet();
    server.stream("POST", "/answers", (request, sse) -> {
      String job = UUID.randomUUID().toString();
      String[] words = request.text(1500).strip().split("\\s+");  // at most 750, which the history holds
      names.add(job);
      Thread.startVirtualThread(() -> {
        try {
          for (String word : words) {
            LockSupport.parkNanos(200_000_000);  // the work
            jobs.publish(job, Event.of("word", word.toUpperCase(Locale.ROOT)));
          }
        } finally {
          CompletableFuture.delayedExecutor(30, TimeUnit.MINUTES).execute(() -> names.remove(job));  // before its history
          jobs.complete(job);                  // ends the streams
        }
      });
      jobs.joinNamed(sse, From.start(), job);  // with ids that contain the name
      sse.keepAlive();
    });
    server.stream("/answers", sse -> {
      // @start region="resume"
      jobs.resume(sse, names::contains).orElseThrow(() -> new StatusException(404, "no such job"));
      // @end
      sse.keepAlive();
    });
    IO.println(server.start().uri());
    server.join();
  }
}
