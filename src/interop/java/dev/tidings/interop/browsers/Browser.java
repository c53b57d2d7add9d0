package dev.tidings.interop.browsers;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import dev.tidings.interop.Child;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The browsers. {@code js/browser.mjs} starts each one on first use; it ends with this JVM. */
public enum Browser {
  CHROMIUM("Chromium", "chrome", "chromium", "chromium-browser", "google-chrome"),
  FIREFOX("Firefox", "firefox", "firefox-esr", "firefox");

  static final Duration BOUND = Duration.ofSeconds(30);
  private static final Gson GSON = new Gson();

  /** A line of the driver. Missing values are null. */
  private record Line(String version, Integer call, JsonElement value, String error, String tab, String told, String complaint) {}

  private record Command(int call, String tab, String method, List<?> args) {}

  private final String who;
  private final String product;
  private final String[] executables;
  private final AtomicInteger calls = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonElement>> answers = new ConcurrentHashMap<>();
  private final Map<String, Tab> tabs = new ConcurrentHashMap<>();
  private Optional<Child> driver = Optional.empty(); // guarded by this
  private String version; // guarded by this

  Browser(String who, String product, String... executables) {
    this.who = who;
    this.product = product;
    this.executables = executables;
  }

  /** Returns the version number, without the name of the browser. */
  public synchronized String version() throws IOException, InterruptedException {
    driver();
    return version;
  }

  private synchronized Child driver() throws IOException, InterruptedException {
    if (driver.isEmpty()) {
      var child = Child.start(Child.find("node"), "js/browser.mjs", product, Child.find(executables));
      var first = child.await("\"version\"", BOUND);
      version = GSON.fromJson(first, Line.class).version().replaceAll(".*/", "");
      driver = Optional.of(child);
      Thread.ofVirtual().name(who).start(() -> read(child));
    }
    return driver.get();
  }

  private void read(Child child) {
    try {
      for (Optional<String> line; (line = child.next(Duration.ofHours(1))).isPresent(); ) {
        if (line.get().startsWith("{")) {
          take(GSON.fromJson(line.get(), Line.class));
        } else {
          System.out.println(who + ": " + line.get());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    answers.values().forEach(answer -> answer.completeExceptionally(new IOException(who + " has ended")));
  }

  private void take(Line line) {
    if (line.call() != null) {
      var answer = answers.remove(line.call());
      if (line.error() == null) {
        answer.complete(line.value());
      } else {
        answer.completeExceptionally(new IOException(line.error()));
      }
    } else {
      Optional.ofNullable(tabs.get(line.tab())).ifPresent(tab -> tab.take(line.told(), line.complaint()));
    }
  }

  /** Opens a new, empty tab in front of the others. */
  public Tab open() throws IOException, InterruptedException {
    var tab = new Tab(this, "tab " + calls.incrementAndGet());
    tabs.put(tab.name(), tab);
    tab.call("open");
    return tab;
  }

  void forget(Tab tab) {
    tabs.remove(tab.name());
  }

  CompletableFuture<JsonElement> begin(String tab, String method, List<?> args) throws IOException, InterruptedException {
    var command = new Command(calls.incrementAndGet(), tab, method, args);
    var answer = new CompletableFuture<JsonElement>();
    answers.put(command.call(), answer);
    var child = driver();
    synchronized (this) {
      child.say(GSON.toJson(command));
    }
    return answer;
  }

  void passed(String check) throws IOException, InterruptedException {
    passed(check, "", "");
  }

  void passed(String check, String measured, String deviation) throws IOException, InterruptedException {
    Results.passed(Part.BROWSERS, who, version(), check, measured, deviation);
  }

  @Override
  public String toString() {
    return who;
  }
}
