// jshell --class-path target/classes samples/live.jsh    or line by line at the prompt
import dev.tidings.SseServer
import dev.tidings.client.EventClient

var server = SseServer.create(0)
server.stream("/", request -> "my-index-connection", (request, sse) -> sse.keepAlive())
server.start()

// A client: curl -N with server.uri(), a browser, or this one.
var client = EventClient.open(server.uri())
var events = client.iterator()

// @start region="push"
server.eventSources().getByIdentifier("my-index-connection").ifPresent(sse -> sse.send("Hello again!"))
// @end
IO.println(events.next().data().get())

for (var sse : server.eventSources().find(id -> id.startsWith("my-"))) sse.send("to each of mine")
IO.println(events.next().data().get())

IO.println(server.eventSources().broadcast("to all") + " took it")
IO.println(events.next().data().get())

server.close()
client.close()
IO.println(server.eventSources().stats().ended())
/exit
