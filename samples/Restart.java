// java -cp target/classes samples/Restart.java 8080    then curl -N http://localhost:8080/; stop it and start it again
import dev.tidings.Channel;
import dev.tidings.EventLog;
import dev.tidings.From;
import dev.tidings.SseServer;

/** A channel whose history survives the end of the process, however it ends. */
void main(String... args) throws Exception {
  var directory = Path.of(args.length > 1 ? args[1] : "target/news");
  try (// @start region="file"
      var log = EventLog.inFile(directory);  // closed last
      var news = Channel.create("news", log);
      // @end
      var server = SseServer.create(Integer.parseInt(args[0]))) {
    server.stream("/", sse -> {
      news.join(sse, From.last(5));
      sse.keepAlive();
    });
    IO.println(server.start().uri());
    while (true) {
      news.publish(LocalTime.now().toString());
      Thread.sleep(1000);
    }
  }
}
