package dev.tidings.interop.servers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A server behind the JDK's API, and the tests that cannot hold on it. */
enum Provider {
  ROBAHO("robaho httpserver", "robaho.net.httpserver.DefaultHttpServerProvider", "robaho", "httpserver-"),
  JETTY("Jetty", JettyInOrder.class.getName(), "jetty", "jetty-http-spi-");

  final String who;
  final String provider;
  final String folder;
  final String jar;
  /** Test to why it fails. */
  final Map<String, String> deviations = new LinkedHashMap<>();

  Provider(String who, String provider, String folder, String jar) {
    this.who = who;
    this.provider = provider;
    this.folder = folder;
    this.jar = jar;
  }

  static {
    ROBAHO.deviations.put("OpeningTest.garbageHarmsNobody#3",
        "a header line without a colon does not make it refuse the request: that client gets a stream");
    ROBAHO.deviations.put("OpeningTest.withoutAnExecutorTheErrorSaysWhatToSet",
        "it has an executor of its own, so none is missing");
    ROBAHO.deviations.put("StopTest.aRequestWithoutAStreamIsWaitedForToo",
        "its executor runs a connection, not a request: one that is kept alive makes a stop take its whole grace");
    JETTY.deviations.put("OpeningTest.withoutAnExecutorTheErrorSaysWhatToSet",
        "it has threads of its own, so none are missing");
    JETTY.deviations.put("OpeningTest.aBodyThatNeverEndsIsGivenUpAtTheDeadline",
        "who is given up is sent an HTTP answer before the connection ends");
    JETTY.deviations.put("SseServerTest.startTwiceIsAnErrorAndJoinReturnsOnClose",
        "a second start is no error");
    JETTY.deviations.put("SseServerTest.createBindsLoopbackAndABuilderAnyAddress",
        "it binds when it is started, not when it is created: a port in use is told late");
    JETTY.deviations.put("SseServerTest.manyMayWaitToBeAccepted",
        "it binds when it is started: nobody waits before that");
    JETTY.deviations.put("SseRequestTest.aQueryThatCannotBeDecodedIs400",
        "a malformed escape in a query reaches the handler");
    JETTY.deviations.put("LastEventIdTest.itMayBeAsLongAsTheServerTakesIt",
        "a request head is at most 8 KiB, so longer ids do not arrive");
  }

  /** As its jar is called. */
  String version() throws IOException {
    try (var files = Files.list(folder())) {
      return files.map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith(jar))
          .map(name -> name.substring(jar.length()).replace(".jar", ""))
          .findAny()
          .orElseThrow();
    }
  }

  Path folder() {
    return Path.of("target", "providers", folder);
  }
}
