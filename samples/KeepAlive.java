// java -cp target/classes samples/KeepAlive.java 8080    then: curl -Ni localhost:8080
import dev.tidings.SseServer;

/** A handler that opens its stream itself, sets a header and a ping, and waits until the client disconnects. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.eventSources().onEnd((sse, why) -> IO.println(why));
    // @start region="ping"
    server.get("/", request -> {
      try (var sse = request.getEventSource("my-index-connection")) {
        sse.appendHeader("Header-Key", "Header-value");
        sse.withPing(
            ping -> ping.dataMessage("ping-message").interval(Duration.ofSeconds(1)).start());
        sse.keepAlive();
      }
    });
    // @end
    IO.println(server.start().uri());
    server.join();
  }
}
