package dev.tidings.interop.servers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** A server behind the JDK's API, and the tests that cannot pass on it. */
enum Provider {
  ROBAHO("robaho httpserver", "robaho.net.httpserver.DefaultHttpServerProvider", "robaho", "httpserver-", 3),
  JETTY("Jetty", JettyInOrder.class.getName(), "jetty", "jetty-http-spi-", 1);

  final String who;
  final String provider;
  final String folder;
  final String jar;
  /** The number of JVMs that run tests on it. If there are several, every test class that starts servers is run. */
  final int jvms;
  /** The tests that fail, with the reasons. */
  final Map<String, String> deviations = new LinkedHashMap<>();
  /** The test classes that are not run, with the reasons. */
  final Map<String, String> notRun = new LinkedHashMap<>();

  Provider(String who, String provider, String folder, String jar, int jvms) {
    this.who = who;
    this.provider = provider;
    this.folder = folder;
    this.jar = jar;
    this.jvms = jvms;
  }

  /** Tests in which a client learns that a response is incomplete. */
  private static final List<String> BREAKING_OFF = List.of(
      "ClosingTest.aChannelThatTheStreamLosesMeanwhileLeavesItIncomplete#1",
      "ClosingTest.aChannelThatTheStreamLosesMeanwhileLeavesItIncomplete#2",
      "ClosingTest.aHandlerThatFailsInItsTryBlockBreaksTheResponseOff",
      "ClosingTest.aLogThatDoesNotSayWhereItEndsIsNotWaitedForAndTheClientMayComeBack#1",
      "ClosingTest.aLogThatDoesNotSayWhereItEndsIsNotWaitedForAndTheClientMayComeBack#2",
      "ClosingTest.aLogThatFailsIsNotWaitedFor",
      "ClosingTest.aLogThatStopsMeanwhileIsWaitedForUntilTheCloseBound#1",
      "ClosingTest.aLogThatStopsMeanwhileIsWaitedForUntilTheCloseBound#2",
      "ClosingTest.soDoesOneWhoseCloseTookAllOfItsTime",
      "EndingTest.aHandlerThatThrowsAfterOpeningEndsThatStreamAlone",
      "StreamRouteTest.aFailureDeliversWhatWasAcceptedAndBreaksTheResponseOff#1",
      "StreamRouteTest.aFailureDeliversWhatWasAcceptedAndBreaksTheResponseOff#2",
      "StreamRouteTest.aStatusThatComesTooLateBreaksTheResponseOff",
      "WaitingTest.anInterruptEndsTheStreamAndTheStatusStays");
  private static final String ALL_WHOLE =
      "ends an aborted response with the last chunk, so a client cannot tell a failure from the end";

  /** Tests of the same in classes that do not run on every server. */
  private static final List<String> ALSO_BREAKING_OFF = List.of(
      "ExpireAtTest.aResponseWithoutItsQueuedEventsIsAborted",
      "SendAllTest.aFailureAbortsTheResponseAfterTheEventsBefore",
      "SendAllTest.anEventThatIsTooLargeIsAnErrorAndEndsTheSubscription",
      "SendAllTest.anInterruptOfTheHandlerEndsItsStream");

  static {
    ALSO_BREAKING_OFF.forEach(test -> ROBAHO.deviations.put(test, ALL_WHOLE));
    for (var provider : values()) {
      BREAKING_OFF.forEach(test -> provider.deviations.put(test, ALL_WHOLE));
      IntStream.rangeClosed(4, 12) // the endings that abort the response, at least for a POST
          .forEach(i -> provider.deviations.put("StreamRouteTest.howTheResponseEnds#" + i, ALL_WHOLE));
    }
    ROBAHO.deviations.put("OpeningTest.garbageHarmsNobody#3",
        "does not refuse a request that has a header line without a colon: the client receives a stream");
    ROBAHO.deviations.put("OpeningTest.withoutAnExecutorTheErrorSaysWhatToSet",
        "has its own executor, so none is missing");
    ROBAHO.deviations.put("StopTest.aRequestWithoutAStreamIsWaitedForToo",
        "its executor runs connections, not requests: with a kept-alive connection, a stop takes the whole grace period");
    // Its tests fail one after the other after many seconds, some depending on which thread is first. A test of StopTest
    // fails if the reason is gone.
    ROBAHO.notRun.put("HalfRequestTest",
        "its executor runs connections, not requests, so a connection without a request, or that is kept alive, counts as a"
            + " request, and a stop takes the whole grace period");
    for (String test : List.of(
        "everyProtocolOfARequestLineGivesTheConnectionBack#1", "everyProtocolOfARequestLineGivesTheConnectionBack#2",
        "everyProtocolOfARequestLineGivesTheConnectionBack#7", "everyProtocolOfARequestLineGivesTheConnectionBack#8",
        "theProtocolDecidesNothingBehindAFilterThatWrapsTheExchange")) {
      ROBAHO.deviations.put("LeakTest." + test, "has no `Connection: close`, which streams have on the JDK's server only");
    }
    ROBAHO.deviations.put("PeerTest.anUploadThatTheApplicationInterruptsIsTheApplicationsAffair",
        "an interrupt of a read of the body is a `SocketException`, not a `ClosedByInterruptException`");
    ROBAHO.deviations.put("PeerTest.alsoIfItSuppressesThatTheClientIsGone",
        "fails twice, not once, if a handler closes its response after the client has reset the connection");
    ROBAHO.deviations.put("StopLoadTest.onTlsToo", "keeps sockets of TLS connections open after a stop under load");
    JETTY.deviations.put("OpeningTest.withoutAnExecutorTheErrorSaysWhatToSet",
        "has its own threads, so no executor is missing");
    JETTY.deviations.put("OpeningTest.aBodyThatNeverEndsIsGivenUpAtTheDeadline",
        "sends an HTTP response before it closes the connection of a client whose body never ends");
    JETTY.deviations.put("SseServerTest.startTwiceIsAnErrorAndJoinReturnsOnClose",
        "a second start is not an error");
    JETTY.deviations.put("SseServerTest.createBindsLoopbackAndABuilderAnyAddress",
        "binds when it is started, not when it is created: a port in use is reported late");
    JETTY.deviations.put("SseServerTest.manyMayWaitToBeAccepted",
        "binds when it is started: no connection can wait before that");
    JETTY.deviations.put("SseRequestTest.aQueryThatCannotBeDecodedIs400",
        "passes a malformed escape in a query to the handler");
    JETTY.deviations.put("SseRequestTest.onlyATextWithoutACharsetGetsOne",
        "omits the space before a parameter of `Content-Type`");
    JETTY.deviations.put("LastEventIdTest.itMayBeAsLongAsTheServerTakesIt",
        "limits the head of a request to 8 KiB, so longer ids do not arrive");
  }

  /** Returns the version in the name of its jar. */
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
