package dev.tidings.interop.mcp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import dev.tidings.interop.Results;
import dev.tidings.interop.Results.Part;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests the server with the conformance suite of the Model Context Protocol. */
@Timeout(180)
class McpConformanceTest {
  private static final String SUITE = "@modelcontextprotocol/conformance";

  @Test
  void everyCheckPasses() throws Exception {
    var folder = Files.createDirectories(Path.of("target", "conformance"));
    String node = Path.of(Npm.node()).toAbsolutePath().toString();
    String suite = Path.of("node_modules", SUITE, "dist", "index.js").toAbsolutePath().toString();
    try (var server = new McpServer()) {
      String output =
          Child.run(
              Duration.ofSeconds(150),
              "env", "-C", folder.toString(), node, suite, "server", "--suite", "all", "--url", server.uri().toString());
      var summary = output.lines().filter(line -> line.matches("\\S .+: \\d+ passed, \\d+ failed.*")).toList();
      assertEquals(32, summary.size(), output);
      for (String line : summary) {
        assertFalse(line.matches(".*\\b0 passed.*|.*[1-9]\\d* failed.*|.*warning.*"), line);
      }
      String total = output.lines().filter(line -> line.startsWith("Total: ")).findFirst().orElseThrow();
      Results.passed(
          Part.MCP,
          "npm " + SUITE,
          Npm.versionOnOwnNode(SUITE),
          "all 32 scenarios for servers, among them a stream that the server closes and the client resumes",
          total.replaceAll("Total: (\\d+) passed.*", "$1 checks"),
          "");
    }
  }
}
