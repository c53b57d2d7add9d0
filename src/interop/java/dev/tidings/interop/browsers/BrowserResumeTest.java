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

/** Tests that a browser's EventSource resumes by itself when its stream ends repeatedly during publishing. */
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
    browser.passed("resumes when its stream ends repeatedly during publishing: 200 events, exactly once and in order");
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
    browser.passed("resumes two channels in one stream that ends repeatedly: every event exactly once, in the order of its channel");
  }

  /** Returns the data in order of arrival. Number i is published to channel i modulo {@code count}. */
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
        if (i % 20 == 7) { // every other time, events are published before it has reconnected
          int times = lastEventIds.size();
          server.eventSources().dropAll();
          if (i % 40 == 7) {
            Await.until("the browser has reconnected", () -> lastEventIds.size() > times);
          }
        }
      }
      Await.until("the browser has reconnected", () -> channels[0].count() == 1);
      for (Channel channel : channels) {
        channel.publish("end");
      }
      tab.await("seen.filter(text => text === 'end').length === " + count);
      assertTrue(tab.evaluate("opens").getAsInt() > 4, "the stream did not end often enough");
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
