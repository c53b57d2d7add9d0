package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Await;
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.SseServer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Cut again and again while events are published, a browser's own EventSource comes back by itself. */
@Timeout(60)
class BrowserResumeTest {
  private static final int EVENTS = 200;
  private static final String PAGE = Pages.page("events", """
      const seen = [];
      let opens = 0;
      const events = new EventSource('/events');
      events.onopen = () => opens++;
      events.onmessage = event => seen.push(event.data);
      events.addEventListener('gap', event => seen.push('gap ' + event.data));
      """);

  @ParameterizedTest
  @EnumSource
  void itGoesOnWithoutLoss(Browser browser) throws Exception {
    var seen = everythingThatArrives(browser, 1);
    assertEquals(IntStream.range(0, EVENTS).mapToObj(Integer::toString).toList(), seen);
    browser.passed("cut off again and again while events are published, it resumes: 200 events, each once and in order");
  }

  @ParameterizedTest
  @EnumSource
  void withSeveralChannelsToo(Browser browser) throws Exception {
    var seen = everythingThatArrives(browser, 2);
    for (int channel = 0; channel < 2; channel++) {
      int remainder = channel;
      assertEquals(
          IntStream.range(0, EVENTS).filter(i -> i % 2 == remainder).mapToObj(Integer::toString).toList(),
          seen.stream().filter(text -> text.matches("\\d+") && Integer.parseInt(text) % 2 == remainder).toList());
    }
    assertEquals(EVENTS, seen.size(), seen::toString);
    browser.passed("the same with two channels in one stream: each event once, and of each channel in order");
  }

  /** Data by the order of its arrival; number i is published to the channel i modulo their count. */
  private static List<String> everythingThatArrives(Browser browser, int count) throws Exception {
    var lastEventIds = new CopyOnWriteArrayList<Optional<String>>();
    var joined = new CountDownLatch(1);
    var channels = IntStream.range(0, count).mapToObj(i -> Channel.create("channel " + i, EventLog.inMemory())).toArray(Channel[]::new);
    try (var server = SseServer.create(0);
        var tab = browser.open()) {
      Pages.html(server, "/", PAGE);
      server.get("/events", request -> {
        try (var sse = request.getEventSource()) {
          lastEventIds.add(request.lastEventId());
          sse.send(Event.empty().withRetry(Duration.ofMillis(50)));
          if (count == 1) {
            channels[0].join(sse);
          } else {
            Channel.joinAll(sse, channels);
          }
          joined.countDown();
          sse.keepAlive();
        }
      });
      server.start();
      tab.go(server.uri());
      Await.latch("the browser", joined);
      for (int i = 0; i < EVENTS; i++) {
        channels[i % count].publish(Integer.toString(i));
        if (i % 20 == 7) { // and it is back only some events later
          int times = lastEventIds.size();
          server.eventSources().dropAll();
          if (i % 40 == 7) {
            Await.until("it is back", () -> lastEventIds.size() > times);
          }
        }
      }
      Await.until("it is back", () -> channels[0].count() == 1);
      for (Channel channel : channels) {
        channel.publish("end");
      }
      tab.await("seen.filter(text => text === 'end').length === " + count);
      assertTrue(tab.evaluate("opens").getAsInt() > 4, "it was not cut often");
      assertEquals(Optional.empty(), lastEventIds.getFirst());
      assertTrue(lastEventIds.stream().skip(1).allMatch(Optional::isPresent), lastEventIds::toString);
      var seen = tab.evaluate("seen").getAsJsonArray().asList().stream().map(one -> one.getAsString());
      return seen.filter(text -> !text.equals("end")).toList();
    } finally {
      for (Channel channel : channels) {
        channel.close();
      }
    }
  }
}
