// java -cp target/classes samples/KeepAlive.java 8080    then: curl -Ni localhost:8080
import dev.tidings.SseServer;

/** A stream that is silent but for its pings, a clock, and a server that says why each client went. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.eventSources().onEnd((sse, why) -> IO.println(why));
    server.get("/", request -> {
      // @start region="ping"
      try (var sse = request.getEventSource("my-index-connection")) {
        sse.appendHeader("Header-Key", "Header-value");
        sse.withPing(
            ping -> ping.dataMessage("ping-message").interval(Duration.ofSeconds(1)).start());
        sse.keepAlive();
      }
      // @end
    });
    server.get("/clock", request -> {
      // @start region="loop"
      try (var sse = request.getEventSource()) {
        while (sse.send(LocalTime.now().toString())) { // false once the client is gone
          Thread.sleep(1000);
        }
      }
      // @end
    });
    IO.println(server.start().uri());
    server.join();
  }
}
