// java -cp target/classes samples/OwnServer.java 8080
// then: curl -N -u reader:secret localhost:8080/events
import com.sun.net.httpserver.BasicAuthenticator;
import com.sun.net.httpserver.HttpServer;
import dev.tidings.Cors;
import dev.tidings.EventSources;

/** Streams on an HttpServer of your own, for pages of another origin, behind a password. */
void main(String... args) throws Exception {
  System.setProperty("sun.net.httpserver.nodelay", "true"); // before the first server of the JVM
  int port = Integer.parseInt(args[0]);
  var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  var http = HttpServer.create(address, 4096);
  http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());

  // @start region="open"
  var sources = EventSources.create();
  var context = http.createContext("/events", sources.handler(
      request -> request.principal().orElseThrow().getUsername(),  // the identifier of the stream
      (request, sse) -> {
        sse.send("Hello, " + sse.identifier().orElseThrow() + "!");
        sse.keepAlive();
      }));
  // @end

  // @start region="cors"
  context.getFilters().add(Cors.origins("https://example.org").withCredentials());
  // @end

  context.setAuthenticator(new BasicAuthenticator("tidings") {
    @Override
    public boolean checkCredentials(String user, String password) {
      return user.equals("reader") && password.equals("secret");
    }
  });

  // @start region="stop"
  Runtime.getRuntime().addShutdownHook(new Thread(() -> {
    sources.close(); // first the streams,
    http.stop(0);    // then the server
  }));
  // @end
  http.start();
  IO.println("http://127.0.0.1:" + http.getAddress().getPort() + "/events");
}
