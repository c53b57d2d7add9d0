package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.EventSource;
import java.util.ArrayList;

/** The delays of events from the server's send to the client, in milliseconds. */
record ProxyDelays(double median, double most) {
  /** Sends the next event, or the next burst, only after all earlier events have arrived. */
  static ProxyDelays measure(EventSource sse, ProxyClient listening, int times, int burst, int size)
      throws InterruptedException {
    var delays = new ArrayList<Double>();
    String data = "x".repeat(size);
    for (int i = 0; i < times; i++) {
      Thread.sleep(20); // a proxy that delays events does so after a pause
      long start = System.nanoTime();
      for (int j = 0; j < burst; j++) {
        assertTrue(sse.send(data));
      }
      long arrived = start;
      for (int j = 0; j < burst; j++) {
        var seen = listening.next();
        assertEquals(data, seen.data());
        arrived = seen.nanos();
      }
      delays.add((arrived - start) / 1e6);
    }
    delays.sort(null);
    return new ProxyDelays(delays.get(times / 2), delays.getLast());
  }

  @Override
  public String toString() {
    return "median %.1f ms, at most %.1f ms".formatted(median, most);
  }
}
