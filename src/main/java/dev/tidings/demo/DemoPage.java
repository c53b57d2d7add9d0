package dev.tidings.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.SseRequest;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Locale;
import java.util.Objects;

/**
 * The page of the demo.
 *
 * @param html the page, with inline script and style
 * @param policy the Content-Security-Policy, which allows only this script and style, by their hashes, images in data
 *     URLs, and requests to this server
 */
record DemoPage(String html, String policy) {

  static DemoPage load() throws IOException {
    try (var file = Demo.class.getResourceAsStream("demo.html")) {
      byte[] bytes = Objects.requireNonNull(file, "demo.html").readAllBytes();
      // The browser hashes the parsed text, whose line breaks are LF.
      String html = new String(bytes, UTF_8).replace("\r\n", "\n");
      String policy =
          "default-src 'none'; script-src %s; style-src %s; connect-src 'self'; img-src data:; "
              + "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
      return new DemoPage(html, String.format(Locale.ROOT, policy, hash(html, "script"), hash(html, "style")));
    }
  }

  private static String hash(String html, String element) {
    String start = "<" + element + ">";
    int from = html.indexOf(start) + start.length();
    String content = html.substring(from, html.indexOf("</" + element + ">", from));
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(content.getBytes(UTF_8));
      return "'sha256-" + Base64.getEncoder().encodeToString(hash) + "'";
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  void answer(SseRequest request) throws IOException {
    var headers = request.exchange().getResponseHeaders();
    headers.set("Content-Security-Policy", policy);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cache-Control", "no-store");
    request.respond(200, "text/html", html);
  }
}
