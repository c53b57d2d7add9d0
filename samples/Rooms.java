// java -cp target/classes samples/Rooms.java 8080    then curl -N localhost:8080/rooms/kitchen
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseServer;

/** A channel for each room, which exists while somebody needs it. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0])); var rooms = Channels.create()) {
    // @start region="join"
    server.stream("/rooms/{name}", (request, sse) -> {
      rooms.join(sse, From.last(10), request.path("name"));
      sse.keepAlive();
    });
    // @end
    server.post("/rooms/{name}", request -> {
      rooms.publish(request.path("name"), Event.of(request.text()));
      request.respond(204);
    });
    IO.println(server.start().uri());
    server.join();
  }
}
