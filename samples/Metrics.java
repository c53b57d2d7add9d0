// java -cp target/classes samples/Metrics.java 8080    then open http://localhost:8080, or: curl localhost:8080/metrics
import com.sun.management.OperatingSystemMXBean;
import dev.tidings.Channel;
import dev.tidings.Ending;
import dev.tidings.EventLog;
import dev.tidings.From;
import dev.tidings.SseServer;
import dev.tidings.Stats;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

/** Figures of the streams and of the JVM: as text for Prometheus, and live on a page. */
void main(String... args) throws Exception {
  try (var live = Channel.create("live", EventLog.inMemory(SECONDS, 1_000_000, Duration.ofMinutes(5)));
      var server = SseServer.create(Integer.parseInt(args[0]))) {
    var sources = server.eventSources();
    // @start region="metrics"
    server.get("/metrics", request ->
        request.respond(200, "text/plain; version=0.0.4", text(metrics(sources.stats()))));
    // @end
    server.stream("/live", sse -> {
      live.join(sse, From.last(SECONDS));  // a new page starts with the last two minutes
      sse.keepAlive();
    });
    serve(server, "/", "text/html", PAGE);
    serve(server, "/metrics.css", "text/css", STYLE);
    serve(server, "/metrics.js", "text/javascript", SCRIPT);
    IO.println(server.start().uri());
    while (true) {
      live.publish("figures", json(sources.stats()));
      Thread.sleep(1000);
    }
  }
}

static final int SECONDS = 120;
static final OperatingSystemMXBean SYSTEM = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

/** A metric with one value for each value of its label. The name of a counter ends in _total, after the unit. */
record Metric(String name, String type, String help, String label, Map<String, ? extends Number> values) {}

static Metric counter(String name, String help, Number value) {
  return new Metric(name, "counter", help, "", Map.of("", value));
}

static Metric gauge(String name, String help, Number value) {
  return new Metric(name, "gauge", help, "", Map.of("", value));
}

static List<Metric> metrics(Stats streams) {
  var ended = new TreeMap<String, Long>();  // also the reasons without a stream, so that each rate starts at zero
  for (Ending reason : Ending.values()) {
    ended.put(reason.name().toLowerCase(Locale.ROOT), streams.ended().getOrDefault(reason, 0L));
  }
  var memory = ManagementFactory.getMemoryMXBean();
  var used = Map.of("heap", memory.getHeapMemoryUsage().getUsed(),
      "nonheap", memory.getNonHeapMemoryUsage().getUsed());
  var collectors = ManagementFactory.getGarbageCollectorMXBeans();
  var collections = collectors.stream().collect(Collectors.toMap(
      GarbageCollectorMXBean::getName, GarbageCollectorMXBean::getCollectionCount));
  var collecting = collectors.stream().collect(Collectors.toMap(
      GarbageCollectorMXBean::getName, collector -> collector.getCollectionTime() / 1e3));
  return List.of(
      gauge("tidings_streams_open", "Open streams.", streams.open()),
      counter("tidings_streams_opened_total", "Streams that have been opened.", streams.opened()),
      counter("tidings_requests_refused_total", "Requests that were refused.", streams.refused()),
      new Metric("tidings_streams_ended_total", "counter", "Ended streams by reason.", "reason", ended),
      counter("tidings_events_written_total", "Events written, including pings.", streams.events()),
      counter("tidings_events_written_bytes_total", "Size of the events written.", streams.bytes()),
      counter("tidings_events_dropped_total", "Events dropped for slow clients.", streams.dropped()),
      gauge("tidings_events_waiting", "Events not written yet.", streams.waiting()),
      new Metric("jvm_memory_used_bytes", "gauge", "Memory used.", "area", used),
      gauge("jvm_memory_heap_max_bytes", "The largest size of the heap.", Runtime.getRuntime().maxMemory()),
      gauge("jvm_threads", "Platform threads.", ManagementFactory.getThreadMXBean().getThreadCount()),
      new Metric("jvm_gc_collections_total", "counter", "Garbage collections.", "gc", collections),
      new Metric("jvm_gc_seconds_total", "counter", "Time of garbage collections.", "gc", collecting),
      new Metric("jvm_info", "gauge", "The version of Java.", "version", Map.of(Runtime.version().toString(), 1)),
      counter("process_cpu_seconds_total", "Processor time.", SYSTEM.getProcessCpuTime() / 1e9),
      gauge("process_start_time_seconds", "Start, in seconds since 1970.",
          ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3));
}

/** Returns the metrics in the text format of Prometheus, version 0.0.4. */
static String text(List<Metric> metrics) {
  var text = new StringBuilder();
  for (Metric metric : metrics) {
    text.append("# HELP ").append(metric.name()).append(' ').append(escape(metric.help())).append('\n');
    text.append("# TYPE ").append(metric.name()).append(' ').append(metric.type()).append('\n');
    metric.values().forEach((label, value) -> {
      text.append(metric.name());
      if (!metric.label().isEmpty()) {
        text.append('{').append(metric.label()).append("=\"").append(escape(label).replace("\"", "\\\"")).append("\"}");
      }
      text.append(' ').append(value).append('\n');
    });
  }
  return text.toString();
}

static String escape(String text) {
  return text.replace("\\", "\\\\").replace("\n", "\\n");
}

/** Returns the figures that the page draws: numbers only, so nothing needs escaping. The page computes the rates. */
static String json(Stats streams) {
  return new StringJoiner(",", "{", "}")
      .add("\"time\":" + System.nanoTime() / 1e9)
      .add("\"open\":" + streams.open())
      .add("\"events\":" + streams.events())
      .add("\"bytes\":" + streams.bytes())
      .add("\"heap\":" + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed())
      .add("\"threads\":" + ManagementFactory.getThreadMXBean().getThreadCount())
      .add("\"cpu\":" + SYSTEM.getProcessCpuTime() / 1e9)
      .toString();
}

static void serve(SseServer server, String path, String type, String text) {
  server.get(path, request -> request
      .appendHeader("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
      .appendHeader("X-Content-Type-Options", "nosniff")
      .respond(200, type, text));
}

static final String PAGE = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Metrics</title>
    <link rel="stylesheet" href="metrics.css">
    <header>
      <h1>Metrics</h1>
      <output role="status">connecting</output>
      <button id="pause" aria-pressed="false">Pause</button>
      <a href="metrics">As text</a>
    </header>
    <main></main>
    <script src="metrics.js"></script>
    """;

static final String STYLE = """
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent);
            --ink: light-dark(#0b57d0, #8ab4f8) }
    body { max-width: 64rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif }
    header { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: baseline }
    h1 { font-size: 1.3rem; margin: 0 }
    output { flex: 1 }
    a { color: var(--ink) }
    button { font: inherit; padding: .3rem 1rem }
    main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr));
           gap: 1rem; margin-top: 1rem }
    section { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem }
    h2 { font-size: 1rem; font-weight: normal; margin: 0 }
    p { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums }
    small { display: block; opacity: .75 }
    svg { display: block; width: 100%; height: 4rem; margin-top: .4rem }
    polyline { fill: none; stroke: var(--ink); stroke-width: 2; vector-effect: non-scaling-stroke }
    """;

static final String SCRIPT = """
    const SECONDS = 120;
    const rate = name => (now, before) => (now[name] - before[name]) / (now.time - before.time);
    const charts = [
      ["Open streams", now => now.open, value => value.toFixed()],
      ["Events per second", rate("events"), value => value.toFixed(1)],
      ["Kilobytes per second", rate("bytes"), value => (value / 1000).toFixed(1)],
      ["Heap", now => now.heap, value => (value / 1e6).toFixed(1) + " MB"],
      ["Platform threads", now => now.threads, value => value.toFixed()],
      ["Processor time", rate("cpu"), value => (value * 100).toFixed(1) + " % of a core"],
    ].map(([title, value, format]) => {
      const section = document.createElement("section");
      section.innerHTML =  // constant text only
          `<h2>${title}</h2><p>–</p><small></small>
           <svg viewBox="0 0 ${SECONDS - 1} 40" preserveAspectRatio="none" aria-hidden="true"><polyline/></svg>`;
      document.querySelector("main").append(section);
      return { section, value, format };
    });
    const state = document.querySelector("output");
    const pause = document.querySelector("#pause");
    let rows = [], paused = false, waiting = false;

    function draw() {
      waiting = false;
      if (paused) return;
      for (const { section, value, format } of charts) {
        const values = rows.slice(1).map((row, i) => value(row, rows[i]));
        if (values.length === 0) continue;
        const least = Math.min(...values), most = Math.max(...values);
        section.querySelector("p").textContent = format(values.at(-1));
        section.querySelector("small").textContent =
            `${format(least)} to ${format(most)} in ${values.length} s`;
        section.querySelector("polyline").setAttribute("points", values.map((one, i) =>
            `${SECONDS - values.length + i},${38 - 36 * (most > least ? (one - least) / (most - least) : .5)}`
        ).join(" "));
      }
    }
    const events = new EventSource("live");
    events.onopen = () => state.value = "live";
    events.onerror = () => state.value = "connection lost";
    events.addEventListener("figures", event => {
      const row = JSON.parse(event.data);
      if (rows.length > 0 && row.time <= rows.at(-1).time) rows = [];  // the server was started again
      rows = [...rows, row].slice(-SECONDS - 1);
      if (!waiting) requestAnimationFrame(draw);  // once for all events that have arrived
      waiting = true;
    });
    events.addEventListener("gap", () => rows = []);
    pause.onclick = () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", paused);
      draw();
    };
    """;
