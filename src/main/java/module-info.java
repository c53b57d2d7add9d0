/**
 * Server-sent events for the JDK's own HTTP server, and a client. Only the client uses {@code java.net.http}: a module
 * that uses it must require that module itself, and an image without it can run servers.
 */
module dev.tidings {
  requires transitive jdk.httpserver;
  requires static java.net.http;
  requires static jdk.jfr;

  exports dev.tidings;
  exports dev.tidings.client;
}
