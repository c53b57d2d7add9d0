// java -cp target/classes samples/Progress.java 8080    then: curl -N -d "to be or not" localhost:8080
import dev.tidings.Event;
import dev.tidings.SseServer;
import java.util.Locale;

/** One POST, answered by a stream of what is done so far, and an end: the shape of token streaming. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.eventSources().onEnd((sse, why) -> IO.println(why));
    // @start region="progress"
    server.post("/", request -> {
      String[] words = request.text().strip().split("\\s+");
      try (var sse = request.getEventSource()) {
        for (int i = 0; i < words.length; i++) {
          Thread.sleep(200); // the work
          var step = Event.of("word", words[i].toUpperCase(Locale.ROOT)).withId((i + 1) + "/" + words.length);
          if (!sse.send(step)) {
            return; // the client is gone, and nobody wants the rest
          }
        }
        sse.send("done", words.length + " words");
      }
    });
    // @end
    IO.println(server.start().uri());
    server.join();
  }
}
