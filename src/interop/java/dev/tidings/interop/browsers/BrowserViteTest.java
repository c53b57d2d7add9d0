package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.SseServer;
import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests a page of Vite's development server, which forwards requests to the server under test. */
@Timeout(60)
class BrowserViteTest {
  private static final String PAGE = Pages.page("a page", """
      window.listen = () => {
        const source = new EventSource('/events');
        source.onmessage = event => { tell('got ' + event.data); source.close(); };
        source.onerror = () => tell('failed');
      };
      window.post = async () => tell(await (await fetch('/events', { method: 'POST', body: 'hello' })).text());
      """);

  @TempDir
  private static Path folder;

  @BeforeAll
  static void write() throws IOException {
    Files.writeString(folder.resolve("index.html"), PAGE);
  }

  private static void check(Tab tab, URI page) throws Exception {
    tab.go(page);
    tab.evaluate("listen()");
    tab.awaitTold("got hello");
    tab.evaluate("post()");
    tab.awaitTold("said hello");
  }

  @Test
  void aPageOfVitesDevelopmentServerWorks() throws Exception {
    try (var server = SseServer.create(0)) {
      server.stream("/events", sse -> {
        sse.send("hello");
        sse.keepAlive();
      });
      server.post("/events", request -> request.respond(200, "text/plain", "said " + request.text()));
      server.start();
      for (var options : List.of(List.<String>of(), List.of("change-origin"))) {
        var command =
            new ArrayList<>(List.of(Child.find("node"), "js/vite.mjs", folder.toString(), Integer.toString(server.port())));
        command.addAll(options);
        try (var vite = Child.start(command.toArray(String[]::new)); var tab = Browser.CHROMIUM.open()) {
          String port = vite.await("port ", Duration.ofSeconds(30)).replace("port ", "");
          for (String name : List.of("localhost", "127.0.0.1")) {
            check(tab, URI.create("http://" + name + ":" + port + "/"));
          }
        }
      }
      assertEquals(4, server.eventSources().stats().opened());
    }
    Results.passed(
        Results.Part.PROXIES, "Vite", Npm.versionOnNode("vite"),
        "`server.proxy`, with and without `changeOrigin`: a page of the development server receives the stream and posts in " + Browser.CHROMIUM);
  }
}
