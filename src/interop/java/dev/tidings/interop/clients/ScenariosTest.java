package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import java.time.Duration;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the scenarios themselves, with the simplest client. */
@Timeout(60)
class ScenariosTest {
  @Test
  void resumeBringsEveryNumberOnceOverItsVisits() throws Exception {
    try (var scenarios = new Scenarios()) {
      var curl = Child.find("curl");
      var data = new StringBuilder();
      String id = "";
      for (int visit = 1; visit <= 4; visit++) {
        var body = Child.run(Duration.ofSeconds(10), curl, "-sN", "-H", "Last-Event-ID: " + id, scenarios.uri("/resume", "curl").toString());
        data.append(body.lines().filter(line -> line.matches("data: .+")).map(line -> line.substring(6) + "\n").collect(Collectors.joining()));
        id = body.lines().filter(line -> line.startsWith("id: ")).map(line -> line.substring(4)).reduce((a, b) -> b).orElseThrow();
      }
      assertEquals(IntStream.rangeClosed(1, Scenarios.RESUMED).mapToObj(i -> i + "\n").collect(Collectors.joining()), data.toString());
      assertEquals(4, scenarios.visits("curl").size());
      assertEquals("CLOSED", scenarios.visits("curl").getFirst().ending);
      assertEquals("COMPLETED", scenarios.visits("curl").getLast().ending);
      var status = Child.run(Duration.ofSeconds(10), curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Last-Event-ID: " + id, scenarios.uri("/resume", "curl").toString());
      assertEquals("204", status.strip());
      assertTrue(scenarios.visits("curl").getLast().answered204);
    }
  }
}
