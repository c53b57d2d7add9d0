package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Chromium's own EventSource, which is cut again and again, and comes back by itself. */
class ResumeInBrowserTest {
  private static final int EVENTS = 200;
  private static final String PAGE =
      """
      <!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
      <script>
      const seen = [];
      let ends = 0;
      const events = new EventSource('EVENTS');
      let opens = 0;
      events.onopen = () => opens++;
      events.onmessage = event => {
        seen.push(event.data);
        if (event.data === 'end' && ++ends === ENDS) fetch('/report', {method: 'POST', body: opens + '|' + seen.join('|')});
      };
      events.addEventListener('gap', event => seen.push('gap ' + event.data));
      </script>
      """;

  @Test
  void itComesBackWithTheLastEventIdAndGoesOnWithoutLoss() throws Exception {
    everythingArrives(false);
  }

  @Test
  void withSeveralChannelsToo() throws Exception {
    everythingArrives(true);
  }

  private static void everythingArrives(boolean several) throws Exception {
    var reports = new LinkedBlockingQueue<String>();
    var lastEventIds = new CopyOnWriteArrayList<String>();
    var joined = new CountDownLatch(1);
    var quick = Event.empty().withRetry(Duration.ofMillis(50));
    try (var first = Channel.create("first", EventLog.inMemory());
        var second = Channel.create("second", EventLog.inMemory());
        var server = SseServer.create(0)) {
      server.get("/", request -> request.respond(200, "text/html", PAGE.replace("EVENTS", "/events").replace("ENDS", several ? "2" : "1")));
      server.get("/events", request -> {
        try (var sse = request.getEventSource()) {
          lastEventIds.add(request.header("Last-Event-ID").orElse("none"));
          sse.send(quick);
          if (several) {
            Channel.joinAll(sse, first, second);
          } else {
            first.join(sse);
          }
          joined.countDown();
          sse.keepAlive();
        }
      });
      server.post("/report", request -> {
        reports.add(request.text());
        request.respond(204);
      });
      server.start();
      try (var browser = Chromium.start(server.uri())) {
        Await.latch("the browser", joined);
        for (int i = 0; i < EVENTS; i++) {
          var channel = several && i % 2 == 1 ? second : first;
          channel.publish(Integer.toString(i));
          if (i % 20 == 7) { // and it is back only some events later
            int times = lastEventIds.size();
            server.eventSources().dropAll();
            if (i % 40 == 7) {
              Await.until("it is back", () -> lastEventIds.size() > times);
            }
          }
        }
        Await.until("it is back", () -> first.count() == 1);
        first.publish("end");
        if (several) {
          second.publish("end");
        }
        String report = reports.poll(40, TimeUnit.SECONDS);
        assertNotNull(report, () -> "no report; console: " + browser.console() + ", ids " + lastEventIds);
        var seen = List.of(report.split("\\|"));
        assertTrue(Integer.parseInt(seen.getFirst()) > 4, "it was cut so often: " + seen.getFirst());
        var data = seen.subList(1, seen.size());
        if (several) {
          assertEquals(numbers(0), data.stream().filter(text -> !text.equals("end") && Integer.parseInt(text) % 2 == 0).toList());
          assertEquals(numbers(1), data.stream().filter(text -> !text.equals("end") && Integer.parseInt(text) % 2 == 1).toList());
        } else {
          assertEquals(IntStream.range(0, EVENTS).mapToObj(Integer::toString).toList(), data.subList(0, data.size() - 1));
        }
        assertEquals("none", lastEventIds.getFirst());
        assertTrue(lastEventIds.stream().skip(1).noneMatch("none"::equals), lastEventIds::toString);
      }
    }
  }

  private static List<String> numbers(int remainder) {
    return IntStream.range(0, EVENTS).filter(i -> i % 2 == remainder).mapToObj(Integer::toString).toList();
  }
}
