// java -cp target/classes samples/Progress.java 8080    then: curl -N -d "to be or not" localhost:8080
import dev.tidings.Event;
import dev.tidings.SseServer;
import dev.tidings.StatusException;
import java.util.Locale;

/** Responds to a POST with a stream of progress events and a final event, as in token streaming. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.eventSources().onEnd((sse, why) -> IO.println(why));
    // @start region="progress"
    server.stream("POST", "/", (request, sse) -> {
      if (request.text().isBlank()) {
        throw new StatusException(400, "no words");  // nothing has been sent, so this is the response
      }
      String[] words = request.text().strip().split("\\s+");
      for (int i = 0; i < words.length; i++) {
        Thread.sleep(200);  // the work; if it throws, the response is aborted
        var step = Event.of("word", words[i].toUpperCase(Locale.ROOT)).withId((i + 1) + "/" + words.length);
        if (!sse.send(step)) {
          return;           // the client has disconnected
        }
      }
      sse.send("done", words.length + " words");
    });
    // @end
    IO.println(server.start().uri());
    server.join();
  }
}
