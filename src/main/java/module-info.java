/** Server-sent events for the JDK's own HTTP server. */
module dev.tidings {
  requires transitive jdk.httpserver;
  requires static jdk.jfr;

  exports dev.tidings;
}
