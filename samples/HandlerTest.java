// java -cp target/classes samples/HandlerTest.java 8080    a test of a handler, and a client that prints events
import dev.tidings.*;
import dev.tidings.client.EventClient;

// @start region="test"
// In a test class, with @Test:
void greetsAndNoticesThatTheClientHasLeft() throws Exception {
  var endings = new LinkedBlockingQueue<Ending>();
  try (var server = SseServer.create(0)) {  // any free port
    server.stream("/", sse -> {
      sse.send("greeting", "Hello!");
      endings.add(sse.keepAlive());
    });
    try (var events = EventClient.open(server.start().uri())) {
      assertEquals(Event.of("greeting", "Hello!"), events.next(Duration.ofSeconds(5)).orElseThrow());
    }
    server.eventSources().ping();  // notices the disconnect now, not in the next heartbeat
    assertEquals(Ending.CLIENT_GONE, endings.poll(5, TimeUnit.SECONDS));
  }
}
// @end

void assertEquals(Object expected, Object actual) {
  if (!expected.equals(actual)) throw new AssertionError(actual + " instead of " + expected);
}

void main(String... args) throws Exception {
  greetsAndNoticesThatTheClientHasLeft();
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.stream("/", sse -> {
      sse.send("Hello again!");
      sse.complete();
    });
    var uri = server.start().uri();
    IO.println(uri);
    // @start region="client"
    try (var events = EventClient.open(uri)) {
      for (Event event : events) IO.println(event.data().orElseThrow());
    }
    // @end
  }
}
