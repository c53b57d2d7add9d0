// java -cp target/classes samples/Jobs.java 8080    then: curl -i -d "to be or not" localhost:8080/jobs
// The response has the URL of the job: curl -N localhost:8080/jobs/… shows all of its progress, even if it comes late.
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseServer;
import dev.tidings.StatusException;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

final Set<String> jobs = ConcurrentHashMap.newKeySet();
final Channels progress = Channels.create();

/**
 * Jobs that outlive the connections of their clients. Each has a channel for its progress, which ends with the job. Any
 * client that knows the id of a job can watch it: if there are users, make the user a part of the id, and check it.
 */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0])); progress) {
    // @start region="start"
    server.post("/jobs", request -> {
      String id = request.header("Idempotency-Key").orElseGet(() -> UUID.randomUUID().toString());
      String words = request.text(1500);  // bytes, so at most 750 words, which the history holds
      if (!id.matches("[\\w-]{1,64}") || words.isBlank()) {
        throw new StatusException(400, "words are required, and a key has 1 to 64 letters, digits, _ and -");
      }
      if (jobs.add(id)) {  // a request that is repeated with the same key starts nothing
        Thread.startVirtualThread(() -> run(id, words.strip().split("\\s+")));
      }
      request.appendHeader("Location", "/jobs/" + id);
      request.respond(202);
    });
    // @end
    // @start region="watch"
    server.stream("/jobs/{id}", (request, sse) -> {
      String id = request.path("id");
      if (!jobs.contains(id)) {
        throw new StatusException(404, "no such job");
      }
      progress.join(sse, From.start(), id);  // all from the start, or after the client's last event id
      sse.keepAlive();                       // until the job ends, or the client leaves
    });
    // @end
    IO.println(server.start().uri());
    server.join();
  }
}

// @start region="run"
void run(String id, String[] words) {
  try {
    for (int i = 0; i < words.length; i++) {
      Thread.sleep(200);  // the work
      if (words[i].equals("fail")) {
        throw new IllegalArgumentException("cannot work on " + words[i]);
      }
      var step = Event.of("word", words[i].toUpperCase(Locale.ROOT));
      progress.publish(id, step, "step " + i);  // with a key, so it may be repeated after an outage of the log
    }
    progress.publish(id, Event.of("done", words.length + " words"), "end");
  } catch (Exception e) {
    progress.publish(id, Event.of("failed", String.valueOf(e.getMessage())), "end");
  } finally {
    CompletableFuture.delayedExecutor(30, TimeUnit.MINUTES).execute(() -> jobs.remove(id));  // before its history is dropped
    progress.complete(id);  // every client receives the rest, and does not reconnect
  }
}
// @end
