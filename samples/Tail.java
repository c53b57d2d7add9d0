// java -cp target/classes samples/Tail.java 8080 /var/log/syslog    then open http://localhost:8080
import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.SseServer;

/**
 * Follows a log file like tail -F. The file is its own history: the id of an event is a position in it, so a client that
 * reconnects continues at the next line, also in a file that has since been renamed. Needs a file system with inodes.
 */
void main(String... args) throws Exception {
  var file = Path.of(args.length > 1 ? args[1] : "target/app.log").toAbsolutePath();
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    // @start region="tail"
    server.stream("/lines", sse -> {
      try (var follower = new Follower(file, sse)) {
        follower.run();
      }
    });
    // @end
    serve(server, "/", "text/html", PAGE);
    serve(server, "/tail.css", "text/css", STYLE);
    serve(server, "/tail.js", "text/javascript", SCRIPT);
    IO.println(server.start().uri());
    server.join();
  }
}

/**
 * A position in a file.
 *
 * @param check a checksum of the bytes before it: a file may have been truncated and have grown again, and the inode of
 *     a deleted file is used for another one
 */
record Position(long inode, long offset, int check) {
  private static final Pattern ID = Pattern.compile("(\\d{1,18})-(\\d{1,18})-([0-9a-f]{1,8})");

  static Position at(FileChannel in, long inode, long offset) throws IOException {
    var before = ByteBuffer.allocate((int) Math.min(64, offset));
    while (before.hasRemaining() && in.read(before, offset - before.remaining()) > 0) {}
    var crc = new CRC32();
    crc.update(before.flip());
    return new Position(inode, offset, (int) crc.getValue());
  }

  /** Returns whether the file still has the bytes before this position. */
  boolean isIn(FileChannel in) throws IOException {
    return in.size() >= offset && at(in, inode, offset).equals(this);
  }

  String id() {
    return inode + "-" + offset + "-" + Integer.toHexString(check);
  }

  /** Returns the position of an id from a client; empty if the id is not a position. */
  static Optional<Position> of(String id) {
    return Optional.of(ID.matcher(id)).filter(Matcher::matches).map(parts -> new Position(
        Long.parseLong(parts.group(1)), Long.parseLong(parts.group(2)), Integer.parseUnsignedInt(parts.group(3), 16)));
  }
}

/** Sends the lines of a file, and of those that replace it, to one stream. */
static class Follower implements AutoCloseable {
  private static final int MOST = 8192;  // bytes of a line; a longer one is sent in parts
  private static final int FIRST = 4096; // bytes before the end, where a new client begins

  private final Path file;
  private final EventSource sse;
  private final ByteBuffer buffer = ByteBuffer.allocate(MOST);
  private FileChannel in;
  private Position at;

  Follower(Path file, EventSource sse) {
    this.file = file;
    this.sse = sse;
  }

  void run() throws Exception {
    sse.sendHeaders();
    while (in == null && sse.isOpen()) {
      start();
    }
    while (sse.isOpen()) {
      boolean replaced = inode(file).filter(inode -> inode != at.inode()).isPresent();  // first, then read the rest
      while (sendLines(replaced)) {}
      if (replaced) {
        next();
      } else {
        Thread.sleep(200);
      }
    }
  }

  /** Opens the file of the client's position; without one, the file itself, near its end. */
  private void start() throws Exception {
    var last = sse.lastEventId();
    var position = last.flatMap(Position::of);
    var files = files();
    for (Path candidate : files) {
      if (position.isPresent() && open(candidate) && position.get().inode() == at.inode()) {
        if (position.get().isIn(in)) {
          at = position.get();
        } else {
          tell("truncated");
        }
        return;
      }
    }
    if (files.isEmpty() || !open(last.isPresent() ? files.getFirst() : file)) {
      close();
      Thread.sleep(200);  // there is no file yet
    } else if (last.isPresent()) {
      tell("gap");        // the client's file is gone; all remaining lines follow
    } else {
      skipTo(Math.max(0, in.size() - FIRST));
      tell("file");       // so that the client has a position before its first line
    }
  }

  /** Opens the next file after the one that has been renamed; the file itself, if that one is gone. */
  private void next() throws IOException {
    var files = files();
    var next = file;
    for (int i = 0; i < files.size() - 1; i++) {
      if (inode(files.get(i)).equals(Optional.of(at.inode()))) {
        next = files.get(i + 1);
      }
    }
    if (open(next)) {
      tell("rotated");
    }
  }

  /** Returns the file and those with its name and a suffix, such as app.log.1, but not compressed; the oldest first. */
  private List<Path> files() throws IOException {
    String name = file.getFileName().toString();
    var times = new HashMap<Path, FileTime>();
    try (var all = Files.newDirectoryStream(file.getParent(), path -> path.getFileName().toString().startsWith(name))) {
      for (Path path : all) {
        String suffix = path.getFileName().toString().substring(name.length());
        if (suffix.matches("[.-][\\d-]+") && Files.isRegularFile(path)) {
          times.put(path, Files.getLastModifiedTime(path));
        }
      }
    } catch (NoSuchFileException e) {
      return Files.isDirectory(file.getParent()) ? files() : List.of();  // renamed since; or no folder yet
    }
    var files = new ArrayList<>(times.keySet());
    files.sort(Comparator.comparing(times::get));
    if (Files.exists(file)) {
      files.add(file);
    }
    return files;
  }

  /** Opens a file at its beginning. Returns whether it is there. */
  private boolean open(Path path) throws IOException {
    var inode = inode(path);
    try {
      var opened = FileChannel.open(path);
      if (inode.isPresent() && inode.equals(inode(path))) {  // not renamed since
        close();
        in = opened;
        at = Position.at(in, inode.get(), 0);
        return true;
      }
      opened.close();
    } catch (NoSuchFileException e) {
      // like a file that is not there
    }
    return false;
  }

  private static Optional<Long> inode(Path path) throws IOException {
    try {
      return Optional.of((Long) Files.getAttribute(path, "unix:ino"));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  private void skipTo(long offset) throws IOException {
    in.read(buffer.clear(), offset);
    int line = 0;
    while (offset > 0 && line < buffer.position() && buffer.get(line++) != '\n') {}
    at = Position.at(in, at.inode(), offset + line);
  }

  /** Sends the bytes that have been read, and returns whether more may follow. Sends the last line even without an end. */
  private boolean sendLines(boolean last) throws IOException {
    long offset = at.offset();
    in.read(buffer.clear(), offset);
    if (!at.isIn(in)) {  // checked after the reading, because the file may be truncated at any time
      at = Position.at(in, at.inode(), 0);
      tell("truncated");
      return true;
    }
    int end = buffer.position();
    int from = 0;
    for (int i = 0; i < end; i++) {
      if (buffer.get(i) == '\n') {
        int line = i > from && buffer.get(i - 1) == '\r' ? i - 1 : i;
        if (!send("message", from, line, offset + i + 1)) {
          return false;
        }
        from = i + 1;
      }
    }
    if (from == 0 && end == MOST) {
      do {
        end--;
      } while (end > MOST - 4 && (buffer.get(end) & 0xC0) == 0x80);  // within the bytes of a character
      return send("part", 0, end, offset + end);
    }
    if (last && from == 0 && end > 0) {
      return send("message", 0, end, offset + end);
    }
    return from > 0;
  }

  /** Sends bytes as text; those that are not UTF-8 become U+FFFD. */
  private boolean send(String name, int from, int end, long next) throws IOException {
    at = Position.at(in, at.inode(), next);
    var text = new String(buffer.array(), from, end - from, StandardCharsets.UTF_8);
    return sse.send(Event.of(name, text).withId(at.id()));
  }

  private void tell(String name) {
    sse.send(Event.of(name, file.getFileName().toString()).withId(at.id()));
  }

  @Override
  public void close() throws IOException {
    if (in != null) {
      in.close();
      in = null;
    }
  }
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
    <title>Log</title>
    <link rel="stylesheet" href="tail.css">
    <header>
      <h1>Log</h1>
      <output role="status">connecting</output>
      <label><input type="checkbox" checked> Scroll to new lines</label>
    </header>
    <ol tabindex="0" aria-label="Lines"></ol>
    <script src="tail.js"></script>
    """;

static final String STYLE = """
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
    body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box; height: 100dvh;
           margin: 0; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif }
    header { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: baseline }
    h1 { font-size: 1.3rem; margin: 0 }
    output { flex: 1 }
    ol { flex: 1; overflow: auto; margin: 0; padding: .6rem 0; list-style: none; border-block: 1px solid var(--line);
         font: .85rem/1.4 ui-monospace, monospace }
    li { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.4em }
    .part::after { content: " …"; opacity: .6 }
    .note { margin: .3rem 0; padding-left: .6rem; border-left: .25rem solid #c60; font-family: system-ui, sans-serif }
    """;

static final String SCRIPT = """
    const list = document.querySelector("ol");
    const state = document.querySelector("output");
    const follow = document.querySelector("input");

    function show(className, textContent) {
      list.append(Object.assign(document.createElement("li"), { className, textContent }));
      if (list.childElementCount > 2000) list.firstChild.remove();
      if (follow.checked) list.scrollTop = list.scrollHeight;
    }
    const events = new EventSource("lines");
    events.onopen = () => state.value = "connected";
    events.onerror = () => state.value = "connection lost";
    events.onmessage = event => show("line", event.data);
    events.addEventListener("part", event => show("part", event.data));
    events.addEventListener("file", event => show("note", "The end of " + event.data));
    events.addEventListener("rotated", event => show("note", "A new file"));
    events.addEventListener("truncated", event => show("note", "The file was truncated"));
    events.addEventListener("gap", event => show("note", "Lines are missing"));
    """;
