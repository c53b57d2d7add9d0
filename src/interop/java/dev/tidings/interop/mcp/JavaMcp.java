package dev.tidings.interop.mcp;

import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
import io.modelcontextprotocol.spec.McpSchema.CallToolRequest;
import io.modelcontextprotocol.spec.McpSchema.TextContent;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.IntConsumer;

/** The SDK for Java, on the JDK's client. */
final class JavaMcp implements McpClient {
  private final Duration bound; // of a request

  JavaMcp(Duration bound) {
    this.bound = bound;
  }

  @Override
  public String name() {
    return "io.modelcontextprotocol.sdk:mcp";
  }

  @Override
  public String version() {
    String jar = CallToolRequest.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceAll(".*-([\\d.]+)\\.jar", "$1");
  }

  @Override
  public String toString() {
    return name();
  }

  @Override
  public Counted count(URI uri, int to, OptionalInt closeAt, IntConsumer consumer) {
    var progress = new CopyOnWriteArrayList<Integer>();
    var transport =
        HttpClientStreamableHttpTransport.builder(uri.resolve("/").toString())
            .endpoint(uri.getPath())
            .resumableStreams(true)
            .build();
    var arguments = new HashMap<String, Object>();
    arguments.put("to", to);
    closeAt.ifPresent(at -> arguments.put("closeAt", at));
    var client =
        io.modelcontextprotocol.client.McpClient.sync(transport)
            .requestTimeout(bound)
            .progressConsumer(
                notification -> {
                  progress.add(notification.progress().intValue());
                  consumer.accept(progress.getLast());
                })
            .build();
    try {
      client.initialize();
      client.listTools();
      var result = client.callTool(CallToolRequest.builder("count").arguments(arguments).progressToken("p").build());
      return new Counted(List.copyOf(progress), ((TextContent) result.content().getFirst()).text());
    } finally {
      Thread.ofVirtual().start(client::close); // takes ten seconds, because it waits for the stream of its GET
    }
  }
}
