// java -cp target/classes samples/Broadcast.java 8080    then open http://localhost:8080 twice
import dev.tidings.Event;
import dev.tidings.EventSources;
import dev.tidings.Overflow;
import dev.tidings.Settings;
import dev.tidings.SseServer;

/** A chat. Messages go to the visitors of one room; the number of visitors goes to those of both rooms. */
void main(String... args) throws Exception {
  // @start region="settings"
  var settings = Settings.defaults()
      .withHeartbeat(Duration.ofSeconds(5))  // a disconnect is noticed within 5 s + 1 s
      .withQueueEvents(100)                  // at most 100 events queue for a slow client;
      .withOverflow(Overflow.dropOldest());  // beyond that the oldest are dropped
  // @end
  int port = Integer.parseInt(args[0]);
  try (var server = SseServer.builder().port(port).settings(settings).build()) {
    var sources = server.eventSources();
    var visitors = new AtomicInteger();
    sources.onOpen(sse -> sendCount(sources));
    sources.onEnd((sse, why) -> sendCount(sources));

    for (String room : List.of("tea", "coffee")) {
      server.get("/" + room, request -> request.respond(200, "text/html", PAGE));
      server.stream(
          "GET",
          "/" + room + "/events",
          request -> room + "/" + visitors.incrementAndGet(),
          (request, sse) -> sse.keepAlive());
      server.post("/" + room + "/say", request -> {
        var said = Event.of("said", request.text());
        // @start region="find"
        sources.broadcast(said, sources.find(id -> id.startsWith(room + "/")));
        // @end
        request.respond(204);
      });
    }
    server.get("/", request -> request.appendHeader("Location", "/tea").respond(303));
    IO.println(server.start().uri());
    server.join();
  }
}

/** Synchronized, so that counts are sent in order and the last one is correct. */
synchronized void sendCount(EventSources sources) {
  var all = sources.all();
  sources.broadcast(Event.of("count", Integer.toString(all.size())), all);
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Chat</title>
    <style>
      :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
      body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box;
             height: 100dvh; max-width: 40rem; margin: 0 auto; padding: 1rem;
             font: 1rem/1.5 system-ui, sans-serif }
      header, form { display: flex; gap: .6rem; align-items: baseline }
      nav { flex: 1; display: flex; gap: 1rem }
      [aria-current] { font-weight: bold; color: inherit; text-decoration: none }
      ol { flex: 1; overflow: auto; margin: 0; padding: 1rem 0; list-style: none;
           border-block: 1px solid var(--line) }
      li { white-space: pre-wrap; overflow-wrap: anywhere }
      input { font: inherit; padding: .4rem .6rem; border: 1px solid var(--line);
              border-radius: .3rem; width: 5rem }
      [name=text] { flex: 1; min-width: 0 }
      button { font: inherit; padding: .4rem 1rem }
    </style>
    <header>
      <nav><a href="tea">Tea</a> <a href="coffee">Coffee</a></nav>
      <output role="status">connecting</output>
    </header>
    <ol aria-live="polite" aria-label="Messages"></ol>
    <form>
      <input name="name" value="Guest" aria-label="Your name" required>
      <input name="text" aria-label="Your message" autocomplete="off" required autofocus>
      <button>Say</button>
    </form>
    <script>
      const room = location.pathname;
      const list = document.querySelector("ol");
      const state = document.querySelector("output");
      const form = document.querySelector("form");
      document.querySelector(`a[href="${room.slice(1)}"]`).setAttribute("aria-current", "page");

      const events = new EventSource(room + "/events");
      events.addEventListener("said", event => {
        list.append(Object.assign(document.createElement("li"), { textContent: event.data }));
        list.lastChild.scrollIntoView();
      });
      events.addEventListener("count", event => state.value = event.data + " here");
      events.onerror = () => state.value = "connection lost";

      form.onsubmit = async event => {
        event.preventDefault();
        const { name, text } = form.elements;
        const said = await fetch(room + "/say",
            { method: "POST", body: name.value + ": " + text.value });
        if (said.ok) text.value = "";
      };
    </script>
    """;
