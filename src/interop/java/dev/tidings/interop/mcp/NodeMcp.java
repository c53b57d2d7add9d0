package dev.tidings.interop.mcp;

import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonParser;
import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntConsumer;

/** The SDK for TypeScript, run by {@code js/mcp.mjs}. */
final class NodeMcp implements McpClient {
  private static final Duration BOUND = Duration.ofSeconds(30);

  @Override
  public String name() {
    return "npm @modelcontextprotocol/sdk";
  }

  @Override
  public String version() throws Exception {
    return Npm.versionOnOwnNode("@modelcontextprotocol/sdk");
  }

  @Override
  public String toString() {
    return name();
  }

  @Override
  public Counted count(URI uri, int to, OptionalInt closeAt, IntConsumer consumer) throws Exception {
    var command = new ArrayList<>(List.of(Npm.node(), "js/mcp.mjs", uri.toString(), "" + to));
    closeAt.ifPresent(at -> command.add("" + at));
    var progress = new ArrayList<Integer>();
    try (var node = Child.start(command.toArray(String[]::new))) {
      while (true) {
        String text = node.next(BOUND).orElseGet(() -> fail("no result after " + progress));
        if (!text.startsWith("{")) {
          return fail("after " + progress + ": " + text);
        }
        var line = JsonParser.parseString(text).getAsJsonObject();
        if (line.has("progress")) {
          progress.add(line.get("progress").getAsInt());
          consumer.accept(progress.getLast());
        } else if (line.has("result")) {
          while (node.next(BOUND).isPresent()) {}
          return new Counted(progress, line.get("result").getAsString());
        }
      }
    }
  }
}
