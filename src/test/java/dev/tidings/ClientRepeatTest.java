package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code HttpClient} repeats any request on a kept connection that has ended, if a system property allows it. */
class ClientRepeatTest {
  /** Reads a text, so that the connection is kept, and then sends a request which that connection does not answer. */
  private static final String PROGRAM =
      """
      import dev.tidings.client.*;
      import java.net.URI;
      import java.net.http.*;
      import java.net.http.HttpRequest.BodyPublishers;
      import java.net.http.HttpResponse.BodyHandlers;

      class Program {
        public static void main(String[] args) throws Exception {
          var uri = URI.create(args[0]);
          try (var http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
            if (args[1].equals("raw")) {
              http.send(HttpRequest.newBuilder(uri).POST(BodyPublishers.ofString("once")).build(), BodyHandlers.ofString());
            } else {
              EventClient.builder(uri).client(http).post("once", "text/plain").open();
            }
            System.out.println("no failure");
          } catch (java.io.IOException | EventClientException e) {
            System.out.println("failed");
          }
        }
      }
      """;

  /** Without the client, the POST is repeated: so this test would notice it. */
  @ParameterizedTest
  @ValueSource(strings = {"raw", "client"})
  void aPostIsSentOnceEvenIfHttpClientMayRepeatIt(String kind) throws Exception {
    try (var server = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))) {
      Queue<String> heads = new ConcurrentLinkedQueue<>();
      Thread.ofVirtual().start(() -> {
        try {
          while (true) {
            serve(server.accept(), heads);
          }
        } catch (IOException e) {
          // closed
        }
      });
      var options = List.of("-Djdk.httpclient.enableAllMethodRetry=true");
      try (var program = OwnJvm.start(PROGRAM, options, "http://127.0.0.1:" + server.getLocalPort() + "/", kind)) {
        assertEquals("failed", program.lines().next());
        program.toEnd();
      }
      long posts = heads.stream().filter(head -> head.startsWith("POST")).count();
      assertEquals(kind.equals("raw"), posts > 1, heads::toString);
    }
  }

  /** Answers each GET, and closes on each POST. */
  private static void serve(Socket socket, Queue<String> heads) throws IOException {
    try (socket) {
      var in = socket.getInputStream();
      for (String head; !(head = head(in)).isEmpty(); ) {
        heads.add(head);
        if (head.startsWith("POST")) {
          return;
        }
        socket.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes(StandardCharsets.US_ASCII));
      }
    }
  }

  private static String head(java.io.InputStream in) throws IOException {
    var head = new StringBuilder();
    for (int b; head.indexOf("\r\n\r\n") < 0 && (b = in.read()) >= 0; ) {
      head.append((char) b);
    }
    return head.toString();
  }
}
