package dev.tidings.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import dev.tidings.EventSource;
import dev.tidings.EventSources;
import dev.tidings.SseHandler;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The program that {@code java -jar tidings-<version>.jar [port]} runs: a server with a page that opens streams and
 * sends events to them, which is also possible with curl. The server listens on loopback only.
 */
public final class Demo {
  private static final int DEFAULT_PORT = 8080;
  private static final int TEXT_LIMIT = 64 * 1024; // bytes of one message
  private static final int MOST_TIMES = 1000; // with MOST_BYTES, less than an outbox holds
  private static final int MOST_BYTES = 512 * 1024; // of all events of a burst
  private static final int LONGEST_IDENTIFIER = 200; // the feed sends each one repeatedly

  private final EventSources sources;
  private final DemoFeed feed;

  private Demo(EventSources sources) {
    this.sources = sources;
    this.feed = new DemoFeed(sources, Thread.ofVirtual().name("tidings-demo-feed").factory());
  }

  /**
   * Runs the demo until the process ends. The exit status is 2 for invalid arguments, and 1 if the port cannot be
   * bound.
   *
   * @param args the port (default: 8080; 0 for any free port), or nothing
   * @throws InterruptedException if this thread is interrupted
   */
  public static void main(String[] args) throws InterruptedException {
    int port = 0;
    try {
      port = port(args);
      var server = start(port);
      var end = Thread.ofPlatform().name("tidings-demo-end").unstarted(server::close);
      Runtime.getRuntime().addShutdownHook(end);
      System.out.print(greeting(server.port()));
      server.join();
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    } catch (IOException e) {
      System.err.println("cannot listen on port " + port + ": " + e.getMessage());
      System.exit(1);
    }
  }

  private static int port(String[] args) {
    if (args.length > 1) {
      throw new IllegalArgumentException(
          "at most one argument, the port: " + String.join(" ", args));
    }
    String text = args.length == 0 ? Integer.toString(DEFAULT_PORT) : args[0];
    if (!text.matches("[0-9]{1,5}") || Integer.parseInt(text) > 65535) {
      throw new IllegalArgumentException(
          "port must be a number from 0 to 65535: " + Quote.java(text));
    }
    return Integer.parseInt(text);
  }

  private static String greeting(int port) {
    String text =
        """
        Tidings demo at http://localhost:%1$d/ until Ctrl-C
          open a stream:  curl -N 'localhost:%1$d/events?id=me'
          send to it:     curl -d 'Hello' 'localhost:%1$d/send?id=me'
        """;
    return String.format(Locale.ROOT, text, port);
  }

  /**
   * Starts the demo on loopback.
   *
   * @param port the port; 0 for any free port
   * @return the server, which the caller must close
   * @throws IOException if the port cannot be bound
   */
  public static SseServer start(int port) throws IOException {
    var page = DemoPage.load();
    var server = SseServer.create(port);
    var demo = new Demo(server.eventSources());
    return server
        .get("/", page::answer)
        .get("/live", demo::live)
        .get("/events", answering(demo::events))
        .post("/send", answering(demo::send))
        .post("/drop", answering(demo::drop))
        .start();
  }

  /** Responds to a {@link BadRequest} with 400 and its message. */
  private static SseHandler answering(SseHandler handler) {
    return request -> {
      try {
        handler.handle(request);
      } catch (BadRequest e) {
        say(request, 400, e.getMessage());
      }
    };
  }

  // The routes.

  private void live(SseRequest request) {
    try (var sse = request.getEventSource()) {
      feed.serve(sse);
    }
  }

  /** {@code GET /events?id=&ping=&text=&event=}: opens a stream; the last three parameters configure its pings. */
  private void events(SseRequest request) throws IOException, BadRequest {
    allow(request, "id", "ping", "text", "event");
    var identifier = request.query("id");
    if (identifier.orElse("").length() > LONGEST_IDENTIFIER) {
      throw new BadRequest(
          "id must have at most " + LONGEST_IDENTIFIER + " characters: "
              + Quote.java(identifier.get()));
    }
    var interval = seconds(request, "ping");
    var text = request.query("text");
    var name = request.query("event");
    event(name, ""); // rejects an invalid name before the stream is opened
    try (var sse =
        identifier.isPresent()
            ? request.getEventSource(identifier.get())
            : request.getEventSource()) {
      sse.withPing(
          ping -> {
            interval.ifPresent(ping::interval);
            text.ifPresent(ping::dataMessage);
            name.ifPresent(ping::asEvent);
            ping.start();
          });
      sse.send("opened", identifier.orElse("without an identifier"));
      sse.keepAlive();
    }
  }

  /** {@code POST /send?id=|prefix=&event=&times=}: the body is the message. */
  private void send(SseRequest request) throws IOException, BadRequest {
    allow(request, "id", "prefix", "event", "times");
    var to = recipients(request);
    int times = times(request);
    var event = event(request.query("event"), request.text(TEXT_LIMIT));
    long bytes = (long) times * event.encode().getBytes(UTF_8).length;
    if (times > 1 && bytes > MOST_BYTES) { // a larger one would end the streams that receive it
      throw new BadRequest("a burst must have at most " + MOST_BYTES + " bytes: " + bytes);
    }
    int streams = 0;
    int events = 0;
    for (int i = 0; i < times; i++) {
      int took = sources.broadcast(event, to);
      streams = Math.max(streams, took);
      events += took;
    }
    var identifier = request.query("id");
    if (identifier.isPresent() && streams == 0) {
      say(request, 404, "no open stream has the identifier " + Quote.java(identifier.get()));
      return;
    }
    say(request, 200, "sent " + count(events, "event") + " to " + count(streams, "stream"));
  }

  private void drop(SseRequest request) throws IOException, BadRequest {
    allow(request);
    say(request, 200, "ended " + count(sources.dropAll(), "stream"));
  }

  // Parameters.

  private Predicate<EventSource> recipients(SseRequest request) throws IOException, BadRequest {
    var identifier = request.query("id");
    var prefix = request.query("prefix");
    if (identifier.isPresent() && prefix.isPresent()) {
      throw new BadRequest("give id or prefix, not both");
    }
    if (identifier.isPresent()) {
      return stream -> stream.identifier().equals(identifier);
    }
    if (prefix.isPresent()) {
      return stream -> stream.identifier().filter(id -> id.startsWith(prefix.get())).isPresent();
    }
    return stream -> !feed.isWatcher(stream);
  }

  private static void allow(SseRequest request, String... names) throws IOException, BadRequest {
    for (String name : request.query().keySet()) {
      if (!List.of(names).contains(name)) {
        String known = names.length == 0 ? "none" : String.join(", ", names);
        throw new BadRequest("unknown parameter " + Quote.java(name) + "; known here: " + known);
      }
    }
  }

  private static Optional<Duration> seconds(SseRequest request, String name) throws IOException, BadRequest {
    var text = request.query(name);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    double seconds = text.get().matches("[0-9]{1,4}(\\.[0-9]{1,3})?")
        ? Double.parseDouble(text.get())
        : -1;
    if (seconds < 0.1 || seconds > 3600) {
      throw new BadRequest(name + " must be 0.1 to 3600 seconds: " + Quote.java(text.get()));
    }
    return Optional.of(Duration.ofMillis(Math.round(seconds * 1000)));
  }

  private static int times(SseRequest request) throws IOException, BadRequest {
    String text = request.query("times").orElse("1");
    int times = text.matches("[0-9]{1,4}") ? Integer.parseInt(text) : 0;
    if (times < 1 || times > MOST_TIMES) {
      throw new BadRequest("times must be 1 to " + MOST_TIMES + ": " + Quote.java(text));
    }
    return times;
  }

  private static Event event(Optional<String> name, String text) throws BadRequest {
    try {
      return name.map(type -> Event.of(type, text)).orElseGet(() -> Event.of(text));
    } catch (IllegalArgumentException e) {
      throw new BadRequest(e);
    }
  }

  private static void say(SseRequest request, int status, String text) throws IOException {
    request.respond(status, "text/plain", text + "\n");
  }

  private static String count(int number, String noun) {
    return number + " " + noun + (number == 1 ? "" : "s");
  }
}
