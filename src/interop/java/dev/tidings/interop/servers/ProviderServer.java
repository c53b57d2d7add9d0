package dev.tidings.interop.servers;

import dev.tidings.SseServer;

/** A plain server in a JVM with another provider. Its argument is the port. */
final class ProviderServer {
  static final String STARTED = "started";
  static final int EVENTS = 15;
  static final int MILLIS = 100; // between two events

  private ProviderServer() {}

  public static void main(String... args) throws Exception {
    try (var server = SseServer.create(Integer.parseInt(args[0]))) {
      server.get("/", request -> {
        try (var sse = request.getEventSource()) {
          for (int i = 0; i < EVENTS; i++) {
            sse.send(String.valueOf(System.nanoTime())); // the same clock in all processes of a machine
            Thread.sleep(MILLIS);
          }
        }
      });
      server.get("/query", request -> request.respond(200, "text/plain", request.query("name").orElse("no query")));
      server.start();
      System.out.println(STARTED);
      System.in.read(); // until the test ends
    }
  }
}
