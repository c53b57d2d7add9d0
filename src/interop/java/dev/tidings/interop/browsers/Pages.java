package dev.tidings.interop.browsers;

import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Pages and scripts, served by the server under test. */
public final class Pages {
  private Pages() {}

  public static void html(SseServer server, String path, Path file) {
    try {
      html(server, path, Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void html(SseServer server, String path, String text) {
    server.get(path, request -> request.respond(200, "text/html", text));
  }

  /** Returns a page with this script. It has no icon, so the browser does not request one. */
  static String page(String title, String script) {
    return """
        <!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
        <title>%s</title>
        <script>
        const tell = text => console.debug('tell ' + text);
        %s
        </script>
        """.formatted(title, script);
  }

  /** Serves a script from an npm package. */
  public static void npm(SseServer server, String path, String file) {
    String text = Npm.read(file);
    server.get(path, request -> request.respond(200, "text/javascript", text));
  }

  /** Serves the modules of fetch-event-source, for pages that import them. */
  public static void fetchEventSource(SseServer server) {
    for (String module : new String[] {"fetch", "parse"}) {
      npm(server, "/fetch-event-source/" + module, "@microsoft/fetch-event-source/lib/esm/" + module + ".js");
    }
  }
}
