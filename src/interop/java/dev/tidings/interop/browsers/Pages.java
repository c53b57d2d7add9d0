package dev.tidings.interop.browsers;

import dev.tidings.SseServer;
import dev.tidings.interop.Npm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What pages are made of, served by the server that they talk to. */
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

  /** A page with this script, that has no icon to be asked for. */
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

  /** A script from an npm package. */
  static void npm(SseServer server, String path, String file) {
    String text = Npm.read(file);
    server.get(path, request -> request.respond(200, "text/javascript", text));
  }

  /** The modules of fetch-event-source, for pages that import them. */
  public static void fetchEventSource(SseServer server) {
    for (String module : new String[] {"fetch", "parse"}) {
      npm(server, "/fetch-event-source/" + module, "@microsoft/fetch-event-source/lib/esm/" + module + ".js");
    }
  }
}
