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

/** The clients and their deviations from the standard, which are tested too. */
enum Clients {
  TIDINGS(
      "Tidings' EventClient", new TidingsClient(Optional.empty()), Habit.ENDS_AT_COMPLETION, Habit.THROWS),
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
  CURL_1_0("curl -N --http1.0", new Curl("--http1.0"), Habit.TELLS_COMPLETION, Habit.DOES_NOT_RETURN, Habit.TAKES_A_FAILURE_FOR_THE_END),
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

  /** A deviation of a client from the EventSource of the standard. */
  enum Habit {
    TELLS_OWN_IDS("reports the id of each event, not the last event id"),
    TRIMS("removes all leading spaces from a line of data, instead of one"),
    TELLS_COMPLETION("also reports the event tidings:completed, with empty data"),
    TELLS_POSITION("also reports tidings:position events, with empty data"),
    ENDS_AT_COMPLETION("ends at the event tidings:completed, and sends no further request"),
    RETURNS_AFTER_204("treats 204 as the end of a stream, and reconnects without limit"),
    TRIES_IN_VAIN("cannot send such an id in a header: retries without limit, and no request reaches the server"),
    THROWS("rejects such an id as a header value, with an IllegalArgumentException"),
    CLOSES_LATE("closes its connection only when the next event or heartbeat arrives"),
    DOES_NOT_RETURN("does not reconnect by itself; the test does, with the last event id received"),
    TAKES_A_FAILURE_FOR_THE_END("over HTTP/1.0, treats a failure as the normal end of the response"),
    WAITS_5_S("reconnects after 5 s without a byte: set readTimeout, or a heartbeat under 5 s"),
    WAITS_10_S("fails after 10 s without a byte: set readTimeout, or a heartbeat under 10 s"),
    LOSES_EMPTY_LINES(
        "removes leading line breaks from data, and reports blocks without data"
            + " (a heartbeat or a reconnection time) as empty messages"),
    FAILS_AT_204("treats 204 as a failure, and reconnects without limit"),
    WAITS_500_MS("waits at least 500 ms, even if `retry:` is less"),
    READS_AHEAD("reads and buffers data while its page is busy, so the server does not have to wait"),
    JITTER("shortens the reconnection time at random, by up to a half");

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

  /** Describes the EventSource of a browser. */
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

  /** Returns a description of those of these habits that the client has. */
  String deviation(Set<Habit> those) {
    return those.stream().filter(this::has).map(habit -> habit.text).collect(joining("; "));
  }

  /** Returns the messages that this client reports for these messages of the standard. */
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
