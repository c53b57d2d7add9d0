// jshell --class-path target/classes samples/live.jsh    or line by line at the prompt
import dev.tidings.SseServer
import java.net.http.*

var server = SseServer.create(0)
server.stream("/", request -> "my-index-connection", (request, sse) -> sse.keepAlive())
server.start()

// A client: curl -N with server.uri(), a browser, or the HttpClient of the JDK.
var request = HttpRequest.newBuilder(server.uri()).build()
var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines())
var lines = response.body().filter(line -> line.startsWith("data")).iterator()

// @start region="push"
server.eventSources().getByIdentifier("my-index-connection").ifPresent(sse -> sse.send("Hello again!"))
// @end
IO.println(lines.next())

for (var sse : server.eventSources().find(id -> id.startsWith("my-"))) sse.send("to each of mine")
IO.println(lines.next())

IO.println(server.eventSources().broadcast("to all") + " took it")
IO.println(lines.next())

server.close()
IO.println(server.eventSources().stats().ended())
/exit
