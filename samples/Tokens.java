// java -cp target/classes samples/Tokens.java 8080    then: curl -N localhost:8080/v1/chat/completions -d
//   '{"model": "echo", "stream": true, "messages": [{"role": "user", "content": "to be or not"}]}'
import dev.tidings.Event;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.StatusException;

/**
 * Streams the tokens of a model in the formats of two vendors, so that their SDKs can be the clients:
 * {@code POST /v1/chat/completions} as OpenAI, and {@code POST /v1/messages} as Anthropic. The class is long because it
 * reads and writes JSON without a library.
 */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.post("/v1/chat/completions", request -> answer(request, new Completions()));
    server.post("/v1/messages", request -> answer(request, new Messages()));
    IO.println(server.start().uri());
    server.join();
  }
}

static void answer(SseRequest request, Format format) throws IOException {
  Prompt prompt;
  Model model;
  String start;
  try {
    prompt = Prompt.of(request.text());
    model = new Model(prompt.text());
    start = prompt.stream() ? model.next() : model.rest();
  } catch (StatusException e) { // nothing has been sent, so the response can be an error
    request.respond(e.status(), "application/json", format.error(e));
    return;
  }
  if (prompt.stream()) {
    stream(request, format, prompt, model, start);
  } else {
    request.respond(200, "application/json", format.whole(start, model));
  }
}

// @start region="stream"
static void stream(SseRequest request, Format format, Prompt prompt, Model model, String first) {
  try (var sse = request.getEventSource()) {
    sse.withPing(ping -> ping.interval(Duration.ofSeconds(1)).start());
    sse.onEnd(_ -> model.close());  // at once if the client disconnects, because tokens cost money
    format.begin(model).forEach(sse::send);
    try {
      for (String token = first; token != null; token = model.next()) {
        sse.send(format.token(token));
      }
    } catch (StatusException e) {
      sse.send(format.failure(e));
      sse.flush();
      throw e;  // aborts the response, so that no client takes a part for the complete answer
    } finally {
      IO.println("stopped after " + model.count());
    }
    format.end(model, prompt.usage()).forEach(sse::send);
  }
}
// @end

/** The request of a client. */
record Prompt(String text, boolean stream, boolean usage) {
  static Prompt of(String request) {
    if (!(Json.parse(request) instanceof Map<?, ?> body)
        || !(body.get("messages") instanceof List<?> messages)
        || messages.isEmpty()
        || !(messages.getLast() instanceof Map<?, ?> last)) {
      throw new StatusException(400, "'messages' must be an array of at least one message");
    }
    boolean usage = body.get("stream_options") instanceof Map<?, ?> options && isTrue(options.get("include_usage"));
    return new Prompt(text(last.get("content")), isTrue(body.get("stream")), usage);
  }

  private static boolean isTrue(Object value) {
    return Boolean.TRUE.equals(value);
  }

  /** Returns the text of a message, which is a string or an array of parts. */
  private static String text(Object content) {
    return switch (content) {
      case String text -> text;
      case List<?> parts -> parts.stream().map(Prompt::text).collect(Collectors.joining());
      case Map<?, ?> part when part.get("text") instanceof String text -> text;
      case null, default -> throw new StatusException(400, "'content' must be text");
    };
  }
}

/** A model that repeats its prompt. The word "fail" makes it fail, and at the word "think" it takes a minute. */
static final class Model implements AutoCloseable {
  private final Iterator<String> words;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile int count;

  Model(String prompt) {
    // Without white space at the end, where the pattern would try each of its characters as a start.
    words = Pattern.compile("\\s*\\S+").matcher(prompt.stripTrailing()).results().map(MatchResult::group).iterator();
  }

  /** Returns the next token, or null at the end, or after the model has been closed. */
  String next() {
    if (closed.getCount() == 0 || !words.hasNext()) {
      return null;
    }
    String token = words.next();
    if (token.strip().equals("fail")) {
      throw new StatusException(503, "the model has failed");
    }
    try {
      if (closed.await(token.strip().equals("think") ? 60_000 : 20, TimeUnit.MILLISECONDS)) {
        return null;
      }
    } catch (InterruptedException e) {
      throw new StatusException(503, "the server is stopping");
    }
    count++; // one thread calls this
    return token;
  }

  /** Returns all remaining tokens. */
  String rest() {
    var text = new StringBuilder();
    for (String token; (token = next()) != null; ) {
      text.append(token);
    }
    return text.toString();
  }

  int count() {
    return count;
  }

  /** Stops the model, also while it thinks. */
  @Override
  public void close() {
    closed.countDown();
  }
}

/** The format of a vendor. */
interface Format {
  /** Returns a complete answer. */
  String whole(String text, Model model);

  /** Returns the body of an error response. */
  String error(StatusException e);

  /** Returns the events before the first token. */
  List<Event> begin(Model model);

  Event token(String token);

  /** Returns the event that makes the SDK throw if the model fails after the first token. */
  Event failure(StatusException e);

  /** Returns the events after the last token. */
  List<Event> end(Model model, boolean usage);
}

/** The format of OpenAI: messages without names. */
record Completions(String id) implements Format {
  Completions() {
    this("chatcmpl-" + UUID.randomUUID());
  }

  @Override
  public String whole(String text, Model model) {
    String message = "\"message\": {\"role\": \"assistant\", \"content\": " + Json.quote(text) + ", \"refusal\": null}";
    return body("chat.completion", choice(message, "\"stop\"") + ", " + usage(model));
  }

  @Override
  public String error(StatusException e) {
    String type = e.status() < 500 ? "invalid_request_error" : "server_error";
    return "{\"error\": {\"message\": " + Json.quote(e.getMessage()) + ", \"type\": \"" + type
        + "\", \"param\": null, \"code\": null}}";
  }

  @Override
  public List<Event> begin(Model model) {
    return List.of(chunk(choice("\"delta\": {\"role\": \"assistant\", \"content\": \"\"}", "null")));
  }

  @Override
  public Event token(String token) {
    return chunk(choice("\"delta\": {\"content\": " + Json.quote(token) + "}", "null"));
  }

  @Override
  public Event failure(StatusException e) {
    return Event.of(error(e));
  }

  @Override
  public List<Event> end(Model model, boolean usage) {
    var stop = chunk(choice("\"delta\": {}", "\"stop\""));
    var done = Event.of("[DONE]");
    return usage ? List.of(stop, chunk("\"choices\": [], " + usage(model)), done) : List.of(stop, done);
  }

  private Event chunk(String members) {
    return Event.of(body("chat.completion.chunk", members));
  }

  private String body(String object, String members) {
    return "{\"id\": \"" + id + "\", \"object\": \"" + object + "\", \"created\": 1700000000, \"model\": \"echo\", "
        + members + "}";
  }

  private static String choice(String message, String why) {
    return "\"choices\": [{\"index\": 0, " + message + ", \"logprobs\": null, \"finish_reason\": " + why + "}]";
  }

  private static String usage(Model model) {
    int count = model.count();
    return "\"usage\": {\"prompt_tokens\": " + count + ", \"completion_tokens\": " + count + ", \"total_tokens\": "
        + 2 * count + "}";
  }
}

/** The format of Anthropic: events whose names repeat the types in their data. */
record Messages(String id) implements Format {
  Messages() {
    this("msg_" + UUID.randomUUID());
  }

  @Override
  public String whole(String text, Model model) {
    return message("[{\"type\": \"text\", \"text\": " + Json.quote(text) + "}]", "\"end_turn\"", model.count());
  }

  @Override
  public String error(StatusException e) {
    String type = e.status() < 500 ? "invalid_request_error" : "api_error";
    return "{\"type\": \"error\", \"error\": {\"type\": \"" + type + "\", \"message\": " + Json.quote(e.getMessage())
        + "}}";
  }

  @Override
  public List<Event> begin(Model model) {
    return List.of(
        event("message_start", "\"message\": " + message("[]", "null", 0)),
        event("content_block_start", "\"index\": 0, \"content_block\": {\"type\": \"text\", \"text\": \"\"}"),
        Event.of("ping", "{\"type\": \"ping\"}"));
  }

  @Override
  public Event token(String token) {
    return event(
        "content_block_delta", "\"index\": 0, \"delta\": {\"type\": \"text_delta\", \"text\": " + Json.quote(token) + "}");
  }

  @Override
  public Event failure(StatusException e) {
    return Event.of("error", error(e));
  }

  @Override
  public List<Event> end(Model model, boolean usage) {
    return List.of(
        event("content_block_stop", "\"index\": 0"),
        event(
            "message_delta",
            "\"delta\": {\"stop_reason\": \"end_turn\", \"stop_sequence\": null}, \"usage\": {\"output_tokens\": "
                + model.count() + "}"),
        Event.of("message_stop", "{\"type\": \"message_stop\"}"));
  }

  private static Event event(String type, String members) {
    return Event.of(type, "{\"type\": \"" + type + "\", " + members + "}");
  }

  private String message(String content, String why, int count) {
    return "{\"id\": \"" + id + "\", \"type\": \"message\", \"role\": \"assistant\", \"model\": \"echo\", \"content\": "
        + content + ", \"stop_reason\": " + why + ", \"stop_sequence\": null, \"usage\": {\"input_tokens\": " + count
        + ", \"output_tokens\": " + count + "}}";
  }
}

/** Reads and quotes JSON (RFC 8259). Objects are maps, arrays are lists, and numbers are doubles. */
static final class Json {
  private static final Pattern WORD =
      Pattern.compile("true|false|null|(-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?)");
  private static final int DEPTH = 100;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object parse(String text) {
    var json = new Json(text);
    Object value = json.value(0);
    json.require(json.peek() == '\0' && json.at == text.length());
    return value;
  }

  private Object value(int depth) {
    require(depth < DEPTH);
    return switch (peek()) {
      case '"' -> string();
      case '[' -> {
        var list = new ArrayList<>();
        for (boolean more = isBegun(']'); more; more = isContinued(']')) {
          list.add(value(depth + 1));
        }
        yield list;
      }
      case '{' -> {
        var map = new HashMap<String, Object>();
        for (boolean more = isBegun('}'); more; more = isContinued('}')) {
          require(peek() == '"');
          String name = string();
          require(skip(':'));
          map.put(name, value(depth + 1));
        }
        yield map;
      }
      default -> word();
    };
  }

  /** Skips the beginning of an array or an object, and returns whether it has elements. */
  private boolean isBegun(char end) {
    at++;
    return !skip(end);
  }

  private boolean isContinued(char end) {
    boolean more = skip(',');
    require(more || skip(end));
    return more;
  }

  private Object word() {
    var word = WORD.matcher(text).region(at, text.length());
    require(word.lookingAt());
    at = word.end();
    return switch (word.group()) {
      case "true" -> true;
      case "false" -> false;
      case "null" -> null;
      default -> Double.valueOf(word.group());
    };
  }

  private String string() {
    var string = new StringBuilder();
    for (at++; ; ) {
      char c = take();
      switch (c) {
        case '"' -> {
          return string.toString();
        }
        case '\\' -> string.append(escaped(take()));
        default -> {
          require(c >= ' ');
          string.append(c);
        }
      }
    }
  }

  private char escaped(char c) {
    int plain = "bfnrt".indexOf(c);
    if (c == 'u') {
      require(text.length() - at >= 4 && text.substring(at, at + 4).matches("[0-9a-fA-F]{4}"));
      at += 4;
      return (char) Integer.parseInt(text.substring(at - 4, at), 16);
    }
    require(plain >= 0 || "\"\\/".indexOf(c) >= 0);
    return plain >= 0 ? "\b\f\n\r\t".charAt(plain) : c;
  }

  private char take() {
    require(at < text.length());
    return text.charAt(at++);
  }

  /** Returns the next character that is not white space, or NUL at the end. */
  private char peek() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    return at < text.length() ? text.charAt(at) : '\0';
  }

  private boolean skip(char c) {
    boolean next = peek() == c;
    at += next ? 1 : 0;
    return next;
  }

  private void require(boolean valid) {
    if (!valid) {
      throw new StatusException(400, "the request is not JSON: see position " + at);
    }
  }

  static String quote(String text) {
    var quoted = new StringBuilder("\"");
    text.chars().forEach(c -> {
      if (c == '"' || c == '\\') {
        quoted.append('\\').append((char) c);
      } else if (c < ' ' || Character.isSurrogate((char) c)) { // surrogates may be unpaired
        quoted.append("\\u").append(HexFormat.of().toHexDigits((char) c));
      } else {
        quoted.append((char) c);
      }
    });
    return quoted.append('"').toString();
  }
}
