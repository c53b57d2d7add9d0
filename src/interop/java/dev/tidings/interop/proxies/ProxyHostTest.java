package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.SseServer;
import dev.tidings.interop.Child;
import dev.tidings.interop.proxies.ProxyFront.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests which hosts and origins a server receives through proxies, and when its host guard has to be told of them. */
@Timeout(60)
class ProxyHostTest {
  private static final String NAME = "news.example"; // the public name of the site

  private static SseServer server(SseServer.Builder builder) throws IOException {
    var server = builder.build();
    server.stream("/events", sse -> sse.send("hello"));
    server.post("/events", request -> request.respond(200, "text/plain", "said " + request.text()));
    return server.start();
  }

  /** Sends a request for the public name, and returns the text of the response and its status. */
  private static String ask(Proxy proxy, String... arguments) throws Exception {
    var command = new ArrayList<>(List.of(Child.find("curl"), "-s", "--max-time", "10", "-w", "%{http_code}", "-H", "Host: " + NAME));
    command.addAll(List.of(arguments));
    command.add(proxy.uri("/events").toString());
    return Child.run(Duration.ofSeconds(20), command.toArray(String[]::new)).replace("\n", " ").strip();
  }

  private static String post(Proxy proxy, String origin) throws Exception {
    return ask(proxy, "-d", "hello", "-H", "Origin: " + origin, "-H", "Sec-Fetch-Site: same-origin");
  }

  @Test
  void theHostGuardBehindAProxy() throws Exception {
    try (var bare = server(SseServer.builder()); var named = server(SseServer.builder().hosts(NAME))) {
      for (ProxyFront front : ProxyFront.README) {
        boolean passesHost = front.kind() == ProxyKind.HAPROXY;
        try (var proxy = Proxy.start(front.kind(), front.configuration(), bare.port())) {
          String answer = ask(proxy);
          assertTrue(passesHost ? answer.startsWith("Host is not allowed: \"" + NAME) : answer.endsWith("data: hello  200"), answer);
          String posted = post(proxy, "https://" + NAME);
          assertTrue(posted.startsWith(passesHost ? "Host is not allowed" : "Origin is not allowed: \"https://" + NAME), posted);
          assertTrue(posted.endsWith(" 403"), posted);
        }
        try (var proxy = Proxy.start(front.kind(), front.configuration(), named.port())) {
          assertEquals("data: hello  200", ask(proxy));
          assertEquals("said hello200", post(proxy, "https://" + NAME));
          assertTrue(post(proxy, "https://foreign.test").startsWith("Origin is not allowed"));
        }
        front.passed(
            "host guard: " + (passesHost ? "Host is the public name, so every request" : "Host is that of the server, but a POST of the own page")
                + " is refused without hosts(…), and accepted with it; a POST of another page is refused",
            Outcome.AS_EXPECTED);
      }
    }
  }
}
