// java -cp target/classes samples/Tabs.java 8080    then open http://localhost:8080 in ten tabs
import dev.tidings.Channel;
import dev.tidings.EventLog;
import dev.tidings.From;
import dev.tidings.SseServer;

/** A chat whose tabs share one stream: the script shared-events.js, beside this file, runs it in a SharedWorker. */
void main(String... args) throws Exception {
  var script = Files.readString(Path.of(args.length > 1 ? args[1] : "samples", "shared-events.js"));
  try (var chat = Channel.create("chat", EventLog.inMemory()); var server = SseServer.create(Integer.parseInt(args[0]))) {
    var sources = server.eventSources();
    // @start region="ping"
    server.stream("/events", sse -> {
      // An event, because scripts do not see comments. Without one for 12 s, the page opens the stream again.
      sse.withPing(ping -> ping.asEvent("ping").interval(Duration.ofSeconds(5)).start());
      chat.join(sse, From.last(50));
      sse.keepAlive();
    });
    // @end
    server.post("/say", request -> {
      chat.publish("said", request.text(2000));
      request.respond(204);
    });
    server.get("/streams", request -> request.respond(200, "text/plain", Integer.toString(sources.count())));
    serve(server, "/", "text/html", PAGE);
    serve(server, "/tabs.css", "text/css", STYLE);
    serve(server, "/tabs.js", "text/javascript", SCRIPT);
    serve(server, "/shared-events.js", "text/javascript", script);
    IO.println(server.start().uri());
    server.join();
  }
}

static void serve(SseServer server, String path, String type, String text) {
  server.get(path, request -> request
      .appendHeader("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
      .appendHeader("X-Content-Type-Options", "nosniff")
      .appendHeader("Cache-Control", "no-cache")
      .respond(200, type, text));
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tabs</title>
    <link rel="stylesheet" href="tabs.css">
    <header>
      <h1>Tabs</h1>
      <output role="status">connecting</output>
      <a href="./" target="_blank">Another tab</a>
    </header>
    <ol aria-live="polite" aria-label="Messages"></ol>
    <form>
      <input name="text" aria-label="Your message" maxlength="500" autocomplete="off" required autofocus>
      <button>Say</button>
    </form>
    <script src="shared-events.js"></script>
    <script src="tabs.js"></script>
    """;

static final String STYLE = """
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
    body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box;
           height: 100dvh; max-width: 40rem; margin: 0 auto; padding: 1rem;
           font: 1rem/1.5 system-ui, sans-serif }
    header, form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: baseline }
    h1 { font-size: 1.3rem; margin: 0 }
    output { flex: 1 }
    a { color: light-dark(#0b57d0, #8ab4f8) }
    ol { flex: 1; overflow: auto; margin: 0; padding: 1rem 0; list-style: none;
         border-block: 1px solid var(--line) }
    li { overflow-wrap: anywhere }
    .gap { padding-left: .6rem; border-left: .25rem solid #c60 }
    input, button { font: inherit; padding: .4rem .8rem }
    input { flex: 1; min-width: 0; border: 1px solid var(--line); border-radius: .3rem }
    """;

static final String SCRIPT = """
    const list = document.querySelector("ol");
    const state = document.querySelector("output");
    const form = document.querySelector("form");

    function show(event, text) {
      list.append(Object.assign(document.createElement("li"), { className: event.type, textContent: text }));
      list.lastChild.scrollIntoView();
    }
    const events = new SharedEvents("events", { names: ["said"], silence: 12_000, recent: 50 });
    events.addEventListener("said", event => show(event, event.data));
    events.addEventListener("gap", event => show(event, "Some messages are missing."));
    events.addEventListener("connection", async event => {
      state.value = event.data;
      if (event.data !== "open") return;
      const response = await fetch("streams");
      if (response.ok) state.value = `open; streams of all tabs: ${await response.text()}`;
    });
    form.onsubmit = async event => {
      event.preventDefault();
      const text = form.elements.text;
      const said = await fetch("say", { method: "POST", body: text.value });
      if (said.ok) text.value = "";
    };
    """;
