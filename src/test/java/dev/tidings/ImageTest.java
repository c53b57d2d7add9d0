package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server runs in an image that lacks the modules of the JDK which only parts of the library use. */
class ImageTest {
  private static final String SERVER =
      """
      import dev.tidings.*;

      class Program {
        public static void main(String[] args) throws Exception {
          try (var server = SseServer.create(0)) {
            server.stream("/", sse -> sse.send("hello"));
            System.out.println(server.start().uri());
            System.in.read();
          }
          try {
            dev.tidings.client.EventClient.builder(java.net.URI.create("http://localhost/")).build();
          } catch (NoClassDefFoundError e) {
            System.out.println(e.getMessage());
          }
        }
      }
      """;

  @Test
  void anImageWithoutTheOptionalModulesRunsServers(@TempDir Path folder) throws Exception {
    Path jlink = Path.of(OwnJvm.tool("jlink"));
    assumeTrue(Files.exists(jlink), "this JDK has no jlink");
    var image = folder.resolve("image");
    var process =
        new ProcessBuilder(jlink.toString(), "--add-modules", "jdk.httpserver", "--output", image.toString())
            .redirectErrorStream(true)
            .start();
    String text = new String(process.getInputStream().readAllBytes());
    int status = process.waitFor();
    assumeTrue(status == 0 || !text.contains("jmods"), "this JDK cannot link images: " + text);
    assertEquals(0, status, text);
    assertFalse(Files.readString(image.resolve("release")).contains("java.net.http"));

    OwnJvm.compile(Files.writeString(folder.resolve("Program.java"), SERVER), folder);
    var command =
        List.of(
            image.resolve("bin/java").toString(), "--module-path", "target/classes", "--add-modules", "dev.tidings",
            "-cp", folder.toString(), "Program");
    try (var server = OwnJvm.start(command); var client = Client.get(server.uri())) {
      assertEquals("data: hello\n\n", client.toEnd());
      server.end();
      String output = server.toEnd();
      assertTrue(output.contains("java/net/http/"), output); // the client says what is missing
    }
  }
}
