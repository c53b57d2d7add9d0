// java -cp target/classes samples/Hello.java 8080    then: curl -N localhost:8080
import dev.tidings.SseServer;

void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.stream("/", sse -> {
      while (sse.send(LocalTime.now().toString())) Thread.sleep(1000);
    });
    IO.println(server.start().uri());
    server.join();
  }
}
