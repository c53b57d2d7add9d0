// java -cp target/classes samples/Tickets.java 8080    then open http://localhost:8080 and log in as ann, password: tea
// A new line for USERS: java -cp target/classes samples/Tickets.java hash
import com.sun.net.httpserver.Filter;
import dev.tidings.Channels;
import dev.tidings.Duplicates;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.Settings;
import dev.tidings.SseRequest;
import dev.tidings.SseServer;
import dev.tidings.StatusException;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/**
 * Notifications for each user, behind a login. An EventSource cannot send an Authorization header, and a token in its
 * URL is written to the logs of servers and proxies. So the page requests a ticket, and opens the stream with that. A
 * ticket is random, valid for 30 seconds, and used at most once, so it is worthless in a log.
 *
 * <p>An EventSource that reconnects repeats its URL, with the ticket that it has used. Allowing that would make the
 * ticket a lasting token again. So the page closes it, and opens a new one with a new ticket and its last event id.
 * A cookie for the stream instead of tickets is simpler, if the page and the stream have the same origin, since the
 * browser sends the cookie with each reconnect. Tickets also work if the stream has another host, or if the page logs in
 * by other means than a cookie.
 */
void main(String... args) throws Exception {
  if (args[0].equals("hash")) {
    IO.println(hash(IO.readln("Password: ")));
    return;
  }
  var sessions = new Sessions();
  var settings = Settings.defaults()
      .withDuplicates(Duplicates.COEXIST)  // the identifier is the user, with one or more tabs
      .withRecheck(sse -> !(sse.attributes().get("session") instanceof Session session)
          || sessions.isValid(session));   // ends the streams of a session that has expired
  try (var users = Channels.create();
      var logins = new Logins();
      var server = SseServer.builder().port(Integer.parseInt(args[0])).settings(settings).build()) {
    // The access log. The raw path has no query, and so no ticket; it is still encoded. A method can be any text.
    server.context().getFilters().add(Filter.afterHandler("access log", exchange -> IO.println(
        exchange.getRequestMethod().replaceAll("[^A-Z]", "?") + " " + exchange.getRequestURI().getRawPath() + " "
            + exchange.getResponseCode())));

    server.post("/login", request -> {
      requireOwnPage(request);
      var form = form(request);
      String user = form.getOrDefault("name", "");
      logins.check(user, form.getOrDefault("password", ""));
      request.appendHeader("Set-Cookie", cookie(sessions.create(user).token(), Sessions.LIFETIME));
      request.respond(204);
    });
    server.post("/logout", request -> {
      requireOwnPage(request);
      var session = sessions.require(request);
      sessions.remove(session);  // before drop, so that no stream of this session opens after it
      server.eventSources().drop(sse -> session.equals(sse.attributes().get("session")));
      request.appendHeader("Set-Cookie", cookie("", Duration.ZERO)).respond(204);
    });
    // @start region="ticket"
    var tickets = new Tickets(Duration.ofSeconds(30));
    server.post("/tickets", request -> {
      requireOwnPage(request);
      String ticket = tickets.create(sessions.require(request));
      request.appendHeader("Cache-Control", "no-store").respond(201, "text/plain", ticket);
    });
    server.get("/events", request -> {
      var session = sessions.requireValid(tickets.redeem(request.require("ticket")));
      try (var sse = request.getEventSource(session.user())) {
        sse.attributes().put("session", session);
        if (sessions.isValid(session)) {  // again, in case of a logout before the session was an attribute
          sse.send("user", session.user());
          users.joinNamed(sse, From.last(10), "user:" + session.user());  // so an id of another user is not used
          sse.keepAlive();
        }
      }
    });
    // @end
    server.post("/notify", request -> {
      requireOwnPage(request);
      var session = sessions.require(request);
      var form = form(request);
      String to = form.getOrDefault("to", "");
      if (!USERS.containsKey(to)) {
        throw new StatusException(404, "no such user");
      }
      users.publish("user:" + to, Event.of("notification", session.user() + ": " + form.getOrDefault("text", "")));
      request.respond(204);
    });
    serve(server, "/", "text/html", PAGE);
    serve(server, "/tickets.css", "text/css", STYLE);
    serve(server, "/tickets.js", "text/javascript", SCRIPT);
    IO.println(server.start().uri());
    server.join();
  }
}

/** The users, with the hashes of their passwords, which are tea and coffee. */
static final Map<String, String> USERS = Map.of(
    "ann", "210000:A1neI/qqS5HQGcbczFX6AA==:P85+nDno+DqgRPF4nucafTcsJn5GYVuH8DIn0dcylwU=",
    "ben", "210000:KLPyhf72959jMBZDRpYsXA==:h5o6QzTbNcN69mEszY8VL7jKxs2E4GYjL5ydW0RaVE0=");

record Session(String token, String user, Instant end) {}

/** The sessions of logged-in users. */
static class Sessions {
  static final Duration LIFETIME = Duration.ofHours(8);
  private static final Pattern COOKIE = Pattern.compile("(?:^|; *)session=([\\w-]{22})(?:;|$)");

  private final Map<String, Session> sessions = new ConcurrentHashMap<>();

  Session create(String user) {
    sessions.values().removeIf(session -> !isValid(session));
    var session = new Session(randomToken(), user, Instant.now().plus(LIFETIME));
    sessions.put(session.token(), session);
    return session;
  }

  /** Returns the session of the cookie, or throws a 403. */
  Session require(SseRequest request) {
    var cookie = COOKIE.matcher(request.header("Cookie").orElse(""));
    return requireValid(cookie.find() ? sessions.get(cookie.group(1)) : null);
  }

  Session requireValid(Session session) {
    if (session == null || !isValid(session)) {
      throw new StatusException(403, "not logged in");
    }
    return session;
  }

  boolean isValid(Session session) {
    return session.end().isAfter(Instant.now()) && sessions.containsKey(session.token());
  }

  void remove(Session session) {
    sessions.remove(session.token());
  }
}

/** Tickets that have not been used, in the order of their creation, which is also that of their end. */
static class Tickets {
  private static final int MOST = 10_000;

  private record Ticket(Session session, Instant end) {}

  private final SequencedMap<String, Ticket> tickets = new LinkedHashMap<>();
  private final Duration lifetime;

  Tickets(Duration lifetime) {
    this.lifetime = lifetime;
  }

  synchronized String create(Session session) {
    while (!tickets.isEmpty()
        && (tickets.size() >= MOST || tickets.firstEntry().getValue().end().isBefore(Instant.now()))) {
      tickets.pollFirstEntry();
    }
    String ticket = randomToken();
    tickets.put(ticket, new Ticket(session, Instant.now().plus(lifetime)));
    return ticket;
  }

  /** Returns the session of a ticket, and removes the ticket, so that it is used at most once. */
  synchronized Session redeem(String text) {
    var ticket = tickets.remove(text);
    if (ticket == null || ticket.end().isBefore(Instant.now())) {
      throw new StatusException(403, "the ticket is unknown, used or expired; POST /tickets returns a new one");
    }
    return ticket.session();
  }
}

/** Checks passwords, one at a time, because each check computes for a while: on a platform thread, not in a handler. */
static class Logins implements AutoCloseable {
  private static final int FAILURES = 5;  // of a name per minute

  private final ThreadPoolExecutor worker =
      new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(20));  // more are refused
  private final Map<String, Integer> failures = new HashMap<>();  // for the worker; each costs the time of a check
  private Instant cleared = Instant.now();

  /** Returns if the password is right. Otherwise throws a 403, a 429 after too many failures, or a 503. */
  void check(String user, String password) throws Exception {
    try {
      int status = worker.submit(() -> status(user, password)).get();
      if (status != 200) {
        throw new StatusException(status, status == 429 ? "too many failed logins, wait a minute" : "wrong name or password");
      }
    } catch (RejectedExecutionException e) {
      throw new StatusException(503, "too many logins at the same time");
    }
  }

  /** An attacker who knows a name can keep its user from logging in. To prevent that, count by address as well. */
  private int status(String user, String password) throws Exception {
    if (cleared.plusSeconds(60).isBefore(Instant.now())) {
      failures.clear();
      cleared = Instant.now();
    }
    if (failures.getOrDefault(user, 0) >= FAILURES) {
      return 429;
    }
    // For an unknown name, the check takes as long as for a known one.
    boolean right = matches(password, USERS.getOrDefault(user, USERS.get("ann"))) && USERS.containsKey(user);
    if (!right) {
      failures.merge(user, 1, Integer::sum);
    }
    return right ? 200 : 403;
  }

  @Override
  public void close() {
    worker.shutdownNow();
  }
}

static final int ITERATIONS = 210_000;

static String hash(String password) throws Exception {
  byte[] salt = randomBytes();
  var base64 = Base64.getEncoder();
  return ITERATIONS + ":" + base64.encodeToString(salt) + ":"
      + base64.encodeToString(pbkdf2(password, salt, ITERATIONS));
}

static boolean matches(String password, String hash) throws Exception {
  String[] parts = hash.split(":");
  var base64 = Base64.getDecoder();
  byte[] computed = pbkdf2(password, base64.decode(parts[1]), Integer.parseInt(parts[0]));
  return MessageDigest.isEqual(base64.decode(parts[2]), computed);  // takes the same time wherever they differ
}

static byte[] pbkdf2(String password, byte[] salt, int iterations) throws Exception {
  var spec = new PBEKeySpec(password.toCharArray(), salt, iterations, 256);
  return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA512").generateSecret(spec).getEncoded();
}

static final SecureRandom RANDOM = new SecureRandom();

static byte[] randomBytes() {
  byte[] bytes = new byte[16];
  RANDOM.nextBytes(bytes);
  return bytes;
}

/** Returns 128 random bits, as 22 characters that need no encoding in a URL or a cookie. */
static String randomToken() {
  return Base64.getUrlEncoder().withoutPadding().encodeToString(randomBytes());
}

/** Scripts cannot read the cookie, and pages of other sites cannot send it. Behind TLS, add "; Secure". */
static String cookie(String token, Duration lifetime) {
  return "session=" + token + "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + lifetime.toSeconds();
}

/** Refuses requests of pages of other origins. Another port of this host is another origin, but the same site. */
static void requireOwnPage(SseRequest request) {
  if (!request.header("Sec-Fetch-Site").orElse("same-origin").equals("same-origin")) {
    throw new StatusException(403, "the request was sent by a page of another origin");
  }
}

/** Returns the fields of a form in the body. */
static Map<String, String> form(SseRequest request) throws IOException {
  var fields = new HashMap<String, String>();
  for (String field : request.text(2000).split("&")) {
    String[] parts = field.split("=", 2);
    try {
      fields.put(URLDecoder.decode(parts[0], StandardCharsets.UTF_8), parts.length > 1 ? URLDecoder.decode(parts[1], StandardCharsets.UTF_8) : "");
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "not a form");
    }
  }
  return fields;
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
    <title>Notifications</title>
    <link rel="stylesheet" href="tickets.css">
    <header>
      <h1>Notifications</h1>
      <output role="status">connecting</output>
      <button id="logout" hidden>Log out</button>
    </header>
    <form id="login" hidden>
      <label>Name <input name="name" autocomplete="username" autocapitalize="none" required></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
      <button>Log in</button>
    </form>
    <ol aria-live="polite" aria-label="Notifications" hidden></ol>
    <form id="notify" hidden>
      <label>To <select name="to"><option>ann</option><option>ben</option></select></label>
      <label class="wide">Text <input name="text" maxlength="500" autocomplete="off" required></label>
      <button>Send</button>
    </form>
    <script src="tickets.js"></script>
    """;

static final String STYLE = """
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentcolor 20%, transparent) }
    [hidden] { display: none !important }
    body { display: flex; flex-direction: column; gap: 1rem; box-sizing: border-box;
           height: 100dvh; max-width: 40rem; margin: 0 auto; padding: 1rem;
           font: 1rem/1.5 system-ui, sans-serif }
    header, form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center }
    #login { flex-direction: column; align-items: start }
    h1 { font-size: 1.3rem; margin: 0 }
    output { flex: 1 }
    label { display: flex; flex-wrap: wrap; gap: .2rem .6rem; align-items: center }
    .wide { flex: 1 }
    .wide input { flex: 1; min-width: 8rem }
    ol { flex: 1; overflow: auto; margin: 0; padding: 1rem 0; list-style: none;
         border-block: 1px solid var(--line) }
    li { overflow-wrap: anywhere }
    .gap { padding-left: .6rem; border-left: .25rem solid #c60 }
    input, select, button { font: inherit; padding: .4rem .6rem; border: 1px solid var(--line); border-radius: .3rem }
    """;

static final String SCRIPT = """
    const [login, notify] = document.querySelectorAll("form");
    const list = document.querySelector("ol");
    const logout = document.querySelector("#logout");
    const state = document.querySelector("output");
    let events, timer, user, lastEventId = "", attempts = 0;

    function show(loggedIn) {
      login.hidden = loggedIn;
      logout.hidden = list.hidden = notify.hidden = !loggedIn;
      if (!loggedIn) {
        clearTimeout(timer);
        events?.close();
        list.replaceChildren();
        lastEventId = "";
      }
    }
    function add(event, text) {
      lastEventId = event.lastEventId;
      list.append(Object.assign(document.createElement("li"), { className: event.type, textContent: text }));
      list.lastChild.scrollIntoView();
    }
    async function listen() {
      const response = await post("tickets");
      if (response?.status === 403) {
        state.value = "not logged in";
        return show(false);
      }
      if (!response?.ok) return again();
      show(true);
      const ticket = await response.text();
      events = new EventSource(`events?ticket=${ticket}&lastEventId=${encodeURIComponent(lastEventId)}`);
      events.onopen = () => attempts = 0;
      events.onerror = again;
      events.addEventListener("user", event => {
        if (event.data !== user) list.replaceChildren();  // another tab has logged in as another user
        user = event.data;
        state.value = "logged in as " + user;
      });
      events.addEventListener("tidings:position", event => lastEventId = event.lastEventId);
      events.addEventListener("notification", event => add(event, event.data));
      events.addEventListener("gap", event => add(event, "Some notifications were lost."));
    }
    function again() {
      events?.close();  // it would repeat its ticket, which has been used
      state.value = "connection lost";
      const delay = Math.min(30_000, 1000 * 2 ** attempts++);
      timer = setTimeout(listen, delay * (0.5 + Math.random() / 2));
    }
    async function post(path, form) {
      try {
        return await fetch(path, { method: "POST", body: form && new URLSearchParams(new FormData(form)) });
      } catch {
        return null;  // no connection
      }
    }
    login.onsubmit = async event => {
      event.preventDefault();
      const response = await post("login", login);
      if (!response?.ok) return state.value = response ? await response.text() : "no connection";
      login.reset();
      await listen();
      notify.elements.text.focus();
    };
    notify.onsubmit = async event => {
      event.preventDefault();
      const response = await post("notify", notify);
      if (response?.ok) notify.elements.text.value = "";
      else state.value = response ? await response.text() : "no connection";
    };
    logout.onclick = async () => {
      const response = await post("logout");
      if (!response) return state.value = "no connection: still logged in";
      show(false);
      state.value = "logged out";
      login.elements.name.focus();
    };
    listen();
    """;
