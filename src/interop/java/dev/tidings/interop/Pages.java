package dev.tidings.interop;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import dev.tidings.SseServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What pages are made of, served by the server that they talk to. */
final class Pages {
  private static final Path MODULES = Path.of("node_modules");

  private Pages() {}

  static void html(SseServer server, String path, Path file) {
    html(server, path, read(file));
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
    String text = read(MODULES.resolve(file));
    server.get(path, request -> request.respond(200, "text/javascript", text));
  }

  static String npmVersion(String name) {
    return new Gson().fromJson(read(MODULES.resolve(name).resolve("package.json")), JsonObject.class).get("version").getAsString();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
