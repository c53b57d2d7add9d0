// java -cp target/classes samples/FanOut.java 8080    then open http://localhost:8080 in several windows
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.SseServer;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.ThreadLocalRandom;

/** One publisher of temperatures, for any number of pages that show them. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]));
      var temperatures = Channel.create();
      var sensor = new SubmissionPublisher<Event>()) {
    // @start region="publish"
    Thread.startVirtualThread(() -> temperatures.publishAll(sensor));  // until the sensor or the channel is closed
    // @end
    server.stream("/temperatures", sse -> {
      temperatures.join(sse);
      sse.keepAlive();
    });
    // @start region="send"
    server.stream("/raw", sse -> sse.sendAll(sensor));  // a subscription for each stream, without history
    // @end
    server.get("/", request -> request.respond(200, "text/html", PAGE));
    IO.println(server.start().uri());

    for (int tenths = 200; true; tenths += ThreadLocalRandom.current().nextInt(-3, 4)) {
      var temperature = Event.of(Double.toString(tenths / 10.0));
      sensor.offer(temperature, (subscriber, event) -> false);  // a stream that is too slow misses it
      Thread.sleep(500);
    }
  }
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Temperature</title>
    <style>
      :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
      body { display: grid; place-content: center; min-height: 100dvh; margin: 0; text-align: center }
      output { font-size: 4rem; font-variant-numeric: tabular-nums }
    </style>
    <main>
      <output aria-label="Temperature" aria-live="off">–</output>
      <p role="status">connecting</p>
    </main>
    <script>
      const state = document.querySelector("[role=status]");
      const events = new EventSource("/temperatures");
      events.onopen = () => state.textContent = "live";
      events.onerror = () => state.textContent = "connection lost, reconnecting";
      events.onmessage = event => document.querySelector("output").value = event.data + " °C";
    </script>
    """;
