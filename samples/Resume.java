// java -cp target/classes samples/Resume.java 8080    then open http://localhost:8080
import dev.tidings.Channel;
import dev.tidings.EventLog;
import dev.tidings.From;
import dev.tidings.SseServer;
import java.util.concurrent.atomic.AtomicInteger;

/** Two channels with a history, and a page that shows the events that it missed while it was asleep. */
void main(String... args) throws Exception {
  try (var news = Channel.create("news", EventLog.inMemory(20, 1_000_000, Duration.ofHours(1)));
      var notes = Channel.create("notes", EventLog.inMemory());
      var server = SseServer.create(Integer.parseInt(args[0]))) {
    // @start region="channel"
    server.stream("/news", sse -> {
      news.join(sse);  // events after the client's last event id, then new ones
      sse.keepAlive();
    });
    // @end
    server.stream("/both", sse -> {
      // @start region="several"
      Channel.joinAll(sse, news, notes);
      // @end
      sse.keepAlive();
    });
    server.stream("/recent", sse -> {
      // @start region="subscriptions"
      Channel.joinAll(sse,
          news.subscription().withFrom(From.last(5)),
          notes.subscription().withFilter(note -> !note.data().get().isBlank()));
      // @end
      sse.keepAlive();
    });
    var number = new AtomicInteger();
    server.stream("/state", sse -> {
      // @start region="state"
      String position = news.position();  // first, so that no change is missed
      sse.send("state", "the last number is " + number.get());
      news.join(sse, From.exactly(position));
      // @end
      sse.keepAlive();
    });
    server.post("/notes", request -> {
      notes.publish("note", request.text());
      request.respond(204);
    });
    server.post("/cut", request -> {
      server.eventSources().dropAll();
      request.respond(204);
    });
    server.get("/", request -> request.respond(200, "text/html", PAGE));

    IO.println(server.start().uri());
    while (true) {
      news.publish("news", Integer.toString(number.incrementAndGet()));
      Thread.sleep(1000);
    }
  }
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Resume</title>
    <style>
      :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
      body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box;
             height: 100dvh; max-width: 40rem; margin: 0 auto; padding: 1rem;
             font: 1rem/1.5 system-ui, sans-serif }
      header, form { display: flex; flex-wrap: wrap; gap: .6rem; align-items: baseline }
      output { flex: 1 }
      ol { flex: 1; overflow: auto; margin: 0; padding: 1rem 0; list-style: none;
           border-block: 1px solid var(--line) }
      li { overflow-wrap: anywhere }
      .note { font-style: italic }
      .gap { margin: .4rem 0; padding: .4rem .6rem; border-left: .25rem solid #c60;
             background: color-mix(in srgb, #c60 12%, transparent) }
      input, button { font: inherit; padding: .4rem .8rem }
      input { flex: 1; min-width: 0; border: 1px solid var(--line); border-radius: .3rem }
    </style>
    <header>
      <output role="status">connecting</output>
      <button id="sleep">Sleep</button>
      <button id="cut">Cut all connections</button>
    </header>
    <p>One number per second. The server keeps the last twenty: after a longer sleep, some are lost.</p>
    <ol aria-live="polite" aria-label="Events"></ol>
    <form>
      <input name="text" aria-label="Your note" autocomplete="off" required>
      <button>Note</button>
    </form>
    <script>
      const list = document.querySelector("ol");
      const state = document.querySelector("output");
      const sleep = document.querySelector("#sleep");
      const form = document.querySelector("form");
      let events, lastEventId = "";

      function show(event, text) {
        lastEventId = event.lastEventId;
        list.append(Object.assign(document.createElement("li"),
            { className: event.type, textContent: text }));
        list.lastChild.scrollIntoView();
      }
      function wake() {
        // After a lost connection the browser sends the id itself; a new EventSource does not.
        events = new EventSource("/both?lastEventId=" + encodeURIComponent(lastEventId));
        events.onopen = () => state.value = "awake";
        events.onerror = () => state.value = "connection lost, reconnecting";
        events.addEventListener("tidings:position", event => lastEventId = event.lastEventId);
        events.addEventListener("news", event => show(event, "News " + event.data));
        events.addEventListener("note", event => show(event, event.data));
        events.addEventListener("gap", event => {
          const { channel, missed } = JSON.parse(event.data);
          show(event, `${missed ?? "Some"} events of ${channel} were lost while you were asleep.`);
        });
        sleep.textContent = "Sleep";
      }
      sleep.onclick = () => {
        if (events.readyState === EventSource.CLOSED) return wake();
        events.close();
        state.value = "asleep";
        sleep.textContent = "Wake up";
      };
      document.querySelector("#cut").onclick = () => fetch("/cut", { method: "POST" });
      form.onsubmit = async event => {
        event.preventDefault();
        const text = form.elements.text;
        const noted = await fetch("/notes", { method: "POST", body: text.value });
        if (noted.ok) text.value = "";
      };
      wake();
    </script>
    """;
