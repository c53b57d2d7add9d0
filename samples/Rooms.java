// java -cp target/classes samples/Rooms.java 8080    then curl -N 'http://localhost:8080/room?name=kitchen'
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.From;
import dev.tidings.SseServer;

/** A channel for each room, which exists while somebody needs it. */
void main(String... args) throws Exception {
  try (var server = SseServer.create(Integer.parseInt(args[0])); var rooms = Channels.create()) {
    // @start region="join"
    server.stream("/room", (request, sse) -> {
      rooms.join(sse, From.last(10), request.require("name"));
      sse.keepAlive();
    });
    // @end
    server.post("/room", request -> {
      rooms.publish(request.require("name"), Event.of(request.text()));
      request.respond(204);
    });
    IO.println(server.start().uri());
    server.join();
  }
}
