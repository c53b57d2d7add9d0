// java -cp target/classes samples/Hello.java 8080    then: curl -N localhost:8080
import dev.tidings.SseServer;

void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.get("/", request -> {
      try (var sse = request.getEventSource()) {
        sse.send("Hello, world!");
        sse.keepAlive();
      }
    });
    IO.println(server.start().uri());
    server.join();
  }
}
