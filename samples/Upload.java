// java -cp target/classes samples/Upload.java 8080    then open http://localhost:8080
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.From;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.StatusException;

/**
 * The progress of an upload, as the server sees it. A browser receives no part of a response before it has sent the
 * whole request, so the progress has a stream of its own. The page chooses a random id for both. An upload may take
 * ten minutes (the system property sun.net.httpserver.maxReqTime), and needs one buffer of memory, whatever its size.
 * At most 1000 uploads have begun within five minutes; more are refused, so limit those of each user if there are users.
 */
void main(String... args) throws Exception {
  try (var uploads = Channels.create(name -> EventLog.inMemory(1000, 200_000, Duration.ofMinutes(5)), 1000);
      var server = SseServer.create(Integer.parseInt(args[0]))) {
    // @start region="progress"
    server.stream("/progress", (request, sse) -> {
      uploads.join(sse, From.start(), id(request));  // a page that reconnects continues where it was
      sse.keepAlive();
    });
    server.post("/upload", request -> {
      String id = id(request);
      try {
        uploads.publish(id, Event.of("progress", "0"));
      } catch (IllegalStateException e) {
        throw new StatusException(409, "this id has been used");
      }
      try {
        String hash = receive(request, read -> uploads.publish(id, Event.of("progress", Long.toString(read))));
        uploads.publish(id, Event.of("done", hash));
        request.respond(200, "text/plain", hash);
      } catch (IOException | StatusException e) {
        uploads.publish(id, Event.of("failed", "the upload was not complete, or larger than " + MOST + " bytes"));
        throw e;
      } finally {
        uploads.complete(id);  // the streams receive the rest, and are completed
      }
    });
    // @end
    serve(server, "/", "text/html", PAGE);
    serve(server, "/upload.css", "text/css", STYLE);
    serve(server, "/upload.js", "text/javascript", SCRIPT);
    IO.println(server.start().uri());
    server.join();
  }
}

static final long MOST = 10_000_000_000L;

/** Reads the body, which the network slows down to the speed of this loop, and reports at most ten times a second. */
static String receive(SseRequest request, LongConsumer progress) throws Exception {
  long expected = request.header("Content-Length").map(Long::parseLong).orElse(-1L);  // -1: known at the end
  if (expected > MOST) {
    throw new StatusException(413, "at most " + MOST + " bytes");
  }
  var hash = MessageDigest.getInstance("SHA-256");
  var body = request.exchange().getRequestBody();
  byte[] buffer = new byte[64 * 1024];
  long read = 0;
  long reported = System.nanoTime();
  for (int count; (count = body.read(buffer)) >= 0; ) {
    read += count;
    if (read > MOST) {
      throw new StatusException(413, "at most " + MOST + " bytes");
    }
    hash.update(buffer, 0, count);  // the work; or write the bytes to a file
    if (System.nanoTime() - reported > 100_000_000) {
      progress.accept(read);
      reported = System.nanoTime();
    }
  }
  if (read < expected) {
    throw new EOFException(read + " of " + expected + " bytes");
  }
  progress.accept(read);
  return HexFormat.of().formatHex(hash.digest());
}

/** Returns the id of an upload. Only the page that chose it knows it, so only that page sees the progress. */
static String id(SseRequest request) {
  String id = request.require("id");
  if (!id.matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")) {
    throw new StatusException(400, "the id must be a UUID");
  }
  return id;
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
    <title>Upload</title>
    <link rel="stylesheet" href="upload.css">
    <h1>Upload</h1>
    <form>
      <label>File <input name="file" type="file" required></label>
      <button>Upload</button>
      <button type="button" name="cancel" disabled>Cancel</button>
    </form>
    <progress aria-label="Progress" max="1" value="0"></progress>
    <output role="status">Choose a file. The server computes its hash, and keeps nothing.</output>
    <script src="upload.js"></script>
    """;

static final String STYLE = """
    :root { color-scheme: light dark }
    body { display: flex; flex-direction: column; gap: 1rem; max-width: 40rem; margin: 0 auto; padding: 1rem;
           font: 1rem/1.5 system-ui, sans-serif }
    h1 { font-size: 1.3rem; margin: 0 }
    form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center }
    label { flex: 1; min-width: 16rem }
    input { font: inherit; max-width: 100% }
    button { font: inherit; padding: .4rem 1rem }
    progress { width: 100%; height: 1.2rem }
    output { overflow-wrap: anywhere; font-variant-numeric: tabular-nums }
    """;

static final String SCRIPT = """
    const form = document.querySelector("form");
    const { file, cancel } = form.elements;
    const start = form.querySelector("button");
    const bar = document.querySelector("progress");
    const state = document.querySelector("output");
    const megabytes = bytes => (bytes / 1e6).toFixed(1) + " MB";

    form.onsubmit = event => {
      event.preventDefault();
      const body = file.files[0], id = crypto.randomUUID(), abort = new AbortController();
      const events = new EventSource("progress?id=" + id);
      const end = text => {
        events.close();
        state.value = text;
        start.disabled = false;
        cancel.disabled = true;
      };
      events.addEventListener("progress", event => {
        const read = Number(event.data);
        bar.value = body.size > 0 ? read / body.size : 1;
        state.value = `${megabytes(read)} of ${megabytes(body.size)}`;
      });
      const done = hash => end(`${megabytes(body.size)}, SHA-256 ${hash}`);
      events.addEventListener("done", event => done(event.data));
      events.addEventListener("failed", event => end(event.data));
      fetch("upload?id=" + id, { method: "POST", body, signal: abort.signal })
          .then(async response => (response.ok ? done : end)(await response.text()))  // also if the stream is lost
          .catch(() => end(abort.signal.aborted ? "canceled" : "connection lost"));
      cancel.onclick = () => abort.abort();
      bar.value = 0;
      start.disabled = true;
      cancel.disabled = false;
    };
    """;
