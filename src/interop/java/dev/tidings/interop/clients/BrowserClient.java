package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.Gson;
import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import dev.tidings.interop.browsers.Browser;
import dev.tidings.interop.browsers.Pages;
import dev.tidings.interop.browsers.Tab;
import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A client in a page, {@code js/client.html}, in its own tab. */
final class BrowserClient implements SseClient {
  private static final Gson GSON = new Gson();

  /** A report of the page. Missing values are null. */
  private record Told(Message message, boolean over, boolean empty) {}

  private final Browser browser;
  private final String name;

  /** Creates the client with this name in the page: EventSource or fetch-event-source. */
  BrowserClient(Browser browser, String name) {
    this.browser = browser;
    this.name = name;
  }

  /** Serves the page and its modules. */
  static void serve(SseServer server) {
    Pages.html(server, "/client", Path.of("js", "client.html"));
    Pages.fetchEventSource(server);
  }

  @Override
  public String version() throws IOException, InterruptedException {
    String itself = browser.version();
    return name.equals("EventSource") ? itself : Npm.version("@microsoft/" + name) + " in " + browser + " " + itself;
  }

  @Override
  public Connection open(URI uri, Inbox inbox) throws IOException {
    try {
      var tab = browser.open();
      String url = URLEncoder.encode(uri.toString(), StandardCharsets.UTF_8);
      tab.go(uri.resolve("/client?client=" + name + "&url=" + url + (inbox.isSlow() ? "&slow" : "")));
      tab.await("window.ready");
      var reader = Thread.ofVirtual().name(browser.toString()).start(() -> read(tab, inbox));
      return () -> {
        tab.evaluate("window.leave()");
        reader.interrupt();
        if (!reader.join(Duration.ofSeconds(10))) {
          fail("the reader of " + browser + " did not end");
        }
        tab.close();
      };
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static void read(Tab tab, Inbox inbox) {
    try {
      while (true) {
        var told = GSON.fromJson(tab.allTold().poll(1, TimeUnit.HOURS), Told.class);
        if (told.message() != null) {
          inbox.got(told.message());
        }
        if (told.empty()) {
          inbox.gotEmpty();
        }
        if (told.over()) {
          inbox.over();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the connection is closed
    }
  }
}
