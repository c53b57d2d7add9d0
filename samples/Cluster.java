// mvn -q -f src/redis compile exec:exec    with a Redis at localhost:6379; to start one: redis-server --save ''
import dev.tidings.Channels;
import dev.tidings.Cors;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseServer;
import dev.tidings.redis.RedisLogs;

/** A chat on two nodes that share its history. Kill one of them: its pages continue on the other one. */
void main(String... args) throws Exception {
  var redis = args.length > 0 ? args[0] : "redis://localhost:6379";
  if (args.length > 2) {
    node(redis, Integer.parseInt(args[1]), Integer.parseInt(args[2]));
  } else {
    start(redis, 8081, 8082);
  }
}

/** Runs one node. The other one is where its pages go when this one does not answer. */
void node(String redis, int port, int other) throws Exception {
  // @start region="cluster"
  try (var logs = RedisLogs.connect(redis);
      var rooms = Channels.create(logs::log);  // the same channels on every node
      var server = SseServer.create(port)) {
    server.stream("/events", sse -> {
      rooms.join(sse, From.last(50), "chat");
      sse.keepAlive();
    });
    server.post("/say", request -> {
      // A page that got no answer repeats its request at the other node; the key prevents a second event.
      rooms.publish("chat", Event.of(request.text()), request.require("key"));
      request.respond(204);
    });
    // @end
    server.context().getFilters().add(Cors.origins("http://localhost:" + other));
    server.get("/", request -> request.respond(200, "text/html", PAGE.replace("NODES", port + ", " + other)));
    server.start();
    IO.println("node http://localhost:" + port + " is process " + ProcessHandle.current().pid());
    server.join();
  }
}

/** Runs both nodes, each in a process of its own, until this process or both of them are ended. */
void start(String redis, int... ports) throws Exception {
  var own = ProcessHandle.current().info();
  var nodes = new ArrayList<Process>();
  for (int i = 0; i < 2; i++) {
    var command = new ArrayList<String>();
    command.add(own.command().orElseThrow());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "samples/Cluster.java"));
    command.addAll(List.of(redis, Integer.toString(ports[i]), Integer.toString(ports[1 - i])));
    nodes.add(new ProcessBuilder(command).inheritIO().start());
  }
  Runtime.getRuntime().addShutdownHook(new Thread(() -> nodes.forEach(Process::destroy)));
  for (Process node : nodes) {
    node.waitFor();
    IO.println("process " + node.pid() + " has ended");
  }
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Chat on two nodes</title>
    <style>
      :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
      body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box;
             height: 100dvh; max-width: 40rem; margin: 0 auto; padding: 1rem;
             font: 1rem/1.5 system-ui, sans-serif }
      form { display: flex; gap: .6rem }
      ol { flex: 1; overflow: auto; margin: 0; padding: 1rem 0; list-style: none;
           border-block: 1px solid var(--line) }
      li { overflow-wrap: anywhere }
      .gap { margin: .4rem 0; padding: .4rem .6rem; border-left: .25rem solid #c60;
             background: color-mix(in srgb, #c60 12%, transparent) }
      .node { float: right; opacity: .6 }
      input, button { font: inherit; padding: .4rem .8rem }
      input { flex: 1; min-width: 0; border: 1px solid var(--line); border-radius: .3rem }
    </style>
    <output role="status">connecting</output>
    <ol aria-live="polite" aria-label="Messages"></ol>
    <form>
      <input name="text" aria-label="Your message" autocomplete="off" required>
      <button>Say</button>
    </form>
    <script>
      const nodes = [NODES];
      const list = document.querySelector("ol");
      const state = document.querySelector("output");
      const form = document.querySelector("form");
      let at = 0, lastEventId = "";

      function show(event, text) {
        lastEventId = event.lastEventId;
        const line = document.createElement("li");
        const node = document.createElement("span");
        line.className = event.type;
        node.className = "node";
        node.textContent = "by node " + nodes[at];
        line.append(text, node);
        list.append(line);
        line.scrollIntoView();
      }
      function listen() {
        const node = nodes[at];
        const events = new EventSource(
            `http://localhost:${node}/events?lastEventId=${encodeURIComponent(lastEventId)}`);
        events.onopen = () => state.value = "on node " + node;
        events.onmessage = event => show(event, event.data);
        events.addEventListener("tidings:position", event => lastEventId = event.lastEventId);
        events.addEventListener("gap", event => {
          const { missed } = JSON.parse(event.data);
          show(event, missed ? `${missed} messages are missing` : "Redis has lost messages");
        });
        events.onerror = () => {
          events.close();  // an EventSource would only try the same node again
          state.value = `node ${node} is gone`;
          at = 1 - at;
          setTimeout(listen, 500);
        };
      }
      async function say(text, key) {
        for (let attempt = 0; attempt < 6; attempt++) {
          try {
            const answer = await fetch(`http://localhost:${nodes[(at + attempt) % 2]}/say?key=${key}`,
                { method: "POST", body: text });
            if (answer.ok) return true;
          } catch (e) { }  // no answer: perhaps it was said, perhaps not
          await new Promise(resolve => setTimeout(resolve, 500));
        }
        return false;
      }
      form.onsubmit = async event => {
        event.preventDefault();
        const input = form.elements.text;
        if (await say(input.value, crypto.randomUUID())) input.value = "";
        else state.value = "the message could not be sent";
      };
      listen();
    </script>
    """;
