package dev.tidings.interop.clients;

import static java.util.stream.Collectors.joining;

import dev.tidings.interop.Results.Part;
import dev.tidings.interop.browsers.Browser;
import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** The clients, and where they do otherwise than the standard, which is checked too. */
enum Clients {
  EVENTSOURCE(
      "npm eventsource",
      new NodeClient("eventsource", Optional.empty()),
      Habit.TELLS_OWN_IDS,
      Habit.TRIES_IN_VAIN),
  UNDICI("npm undici", new NodeClient("undici", Optional.empty()), Habit.TRIES_IN_VAIN),
  EVENTSOURCE_CLIENT(
      "npm eventsource-client",
      new NodeClient("eventsource-client", Optional.empty()),
      Habit.TELLS_OWN_IDS,
      Habit.TRIES_IN_VAIN,
      Habit.TELLS_COMPLETION),
  OKHTTP_EVENTSOURCE(
      "com.launchdarkly:okhttp-eventsource",
      new OkHttpEventSource(),
      Habit.TELLS_COMPLETION,
      Habit.THROWS,
      Habit.RETURNS_AFTER_204,
      Habit.WAITS_5_S,
      Habit.JITTER),
  OKHTTP_SSE(
      "com.squareup.okhttp3:okhttp-sse",
      new OkHttpSse(),
      Habit.TELLS_COMPLETION,
      Habit.THROWS,
      Habit.DOES_NOT_RETURN,
      Habit.WAITS_10_S),
  JERSEY(
      "Jersey's SseEventSource",
      new JerseyClient(),
      Habit.TELLS_OWN_IDS,
      Habit.TRIMS,
      Habit.RETURNS_AFTER_204,
      Habit.CLOSES_LATE),
  JDK(
      "java.net.http.HttpClient",
      new JdkClient(Optional.empty()),
      Habit.THROWS,
      Habit.TELLS_COMPLETION,
      Habit.DOES_NOT_RETURN),
  CURL("curl -N", new Curl(), Habit.TELLS_COMPLETION, Habit.DOES_NOT_RETURN),
  CURL_1_0("curl -N --http1.0", new Curl("--http1.0"), Habit.TELLS_COMPLETION, Habit.DOES_NOT_RETURN),
  FETCH_EVENT_SOURCE(
      "npm @microsoft/fetch-event-source",
      new BrowserClient(Browser.CHROMIUM, "fetch-event-source"),
      Habit.TELLS_OWN_IDS,
      Habit.LOSES_EMPTY_LINES,
      Habit.TELLS_COMPLETION,
      Habit.TRIES_IN_VAIN,
      Habit.FAILS_AT_204),
  CHROMIUM(Browser.CHROMIUM),
  FIREFOX(Browser.FIREFOX, Habit.WAITS_500_MS, Habit.READS_AHEAD);

  /** What a client does otherwise than the standard's EventSource. */
  enum Habit {
    TELLS_OWN_IDS("an event has its own id and not the last one"),
    TRIMS("it takes all spaces away from the beginning of a line of data, where one would be right"),
    TELLS_COMPLETION("it hands on the event that says so, of the type tidings:completed and without text"),
    TELLS_POSITION("it hands on the events that tell its position, of the type tidings:position and without text"),
    RETURNS_AFTER_204("it takes 204 for the end of a stream, and comes back for ever"),
    TRIES_IN_VAIN("it cannot put such an id into a header: it tries for ever, and no request comes"),
    THROWS("it does not take such an id for a header: IllegalArgumentException"),
    CLOSES_LATE("it lets its connection go only when the next event or heartbeat comes"),
    DOES_NOT_RETURN("it does not reconnect; the test does, with the last event id that it has"),
    WAITS_5_S("5 s without a byte, and it reconnects: set readTimeout, or a heartbeat under 5 s"),
    WAITS_10_S("10 s without a byte, and OkHttp fails: set readTimeout, or a heartbeat under 10 s"),
    LOSES_EMPTY_LINES(
        "it forgets line breaks that data begins with, and hands on blocks without data,"
            + " a heartbeat or a reconnection time, as empty messages"),
    FAILS_AT_204("it takes 204 for a failure, and comes back for ever"),
    WAITS_500_MS("it waits no less than 500 ms, whatever `retry:` says"),
    READS_AHEAD("it reads on while its page is busy, and keeps what comes: the server does not have to wait"),
    JITTER("it takes up to half of the reconnection time away, at random");

    final String text;

    Habit(String text) {
      this.text = text;
    }
  }

  final Part part;
  final String who;
  final SseClient client;
  private final Set<Habit> habits;
  private Optional<String> version = Optional.empty(); // guarded by this

  Clients(String who, SseClient client, Habit... habits) {
    this(Part.CLIENTS, who, client, habits);
  }

  /** The one that is built into a browser. */
  Clients(Browser browser, Habit... habits) {
    this(Part.BROWSERS, browser.toString(), new BrowserClient(browser, "EventSource"), habits);
  }

  Clients(Part part, String who, SseClient client, Habit... habits) {
    this.part = part;
    this.who = who;
    this.client = client;
    this.habits = habits.length == 0 ? Set.of() : EnumSet.copyOf(List.of(habits));
  }

  synchronized String version() throws IOException, InterruptedException {
    if (version.isEmpty()) {
      version = Optional.of(client.version());
    }
    return version.get();
  }

  boolean has(Habit habit) {
    return habits.contains(habit) || habit == Habit.TELLS_POSITION && has(Habit.TELLS_COMPLETION);
  }

  /** Those of these habits that it has, in words. */
  String deviation(Set<Habit> those) {
    return those.stream().filter(this::has).map(habit -> habit.text).collect(joining("; "));
  }

  /** How this client tells what the server sends. */
  List<Message> asTold(List<Message> standard) {
    var told = Stream.<Message>builder();
    String last = "";
    for (Message message : standard) {
      String id = has(Habit.TELLS_OWN_IDS) && message.lastEventId().equals(last) ? "" : message.lastEventId();
      String data = has(Habit.TRIMS) ? message.data().replaceAll("(?m)^ +", "") : message.data();
      data = has(Habit.LOSES_EMPTY_LINES) ? data.replaceAll("^\n+", "") : data;
      if (!data.isEmpty()) {
        told.add(new Message(message.type(), data, id));
      }
      last = message.lastEventId();
    }
    return told.build().toList();
  }

  @Override
  public String toString() {
    return who;
  }
}
