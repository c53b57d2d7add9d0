package dev.tidings.interop.clients;

import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.Gson;
import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import dev.tidings.interop.clients.Scenarios.Message;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A client from npm, run by {@code js/clients.mjs}. */
final class NodeClient implements SseClient {
  private static final Gson GSON = new Gson();

  /** A line of the script. Missing values are null. */
  private record Line(String version, Message message, boolean over) {}

  private final String name;
  private final Optional<Path> trusted;

  /** Creates a client that trusts the certificate in this file. */
  NodeClient(String name, Optional<Path> trusted) {
    this.name = name;
    this.trusted = trusted;
  }

  @Override
  public String version() throws IOException, InterruptedException {
    return Npm.versionOnNode(name);
  }

  @Override
  public Connection open(URI uri, Inbox inbox) throws IOException {
    var command = new ArrayList<String>();
    trusted.ifPresent(it -> command.addAll(List.of("env", "NODE_EXTRA_CA_CERTS=" + it)));
    command.addAll(List.of(Child.find("node"), "--no-warnings", "js/clients.mjs", name, uri.toString()));
    if (inbox.isSlow()) {
      command.add("slow");
    }
    var child = Child.start(command.toArray(String[]::new));
    var reader = Thread.ofVirtual().name(name).start(() -> read(child, inbox));
    return () -> {
      try (child) {
        child.say("close"); // closes the client, so that the program can exit
        if (!reader.join(Duration.ofSeconds(10))) {
          fail("node did not exit after its client was closed");
        }
      }
    };
  }

  private static void read(Child child, Inbox inbox) {
    try {
      for (Optional<String> line; (line = child.next(Duration.ofSeconds(30))).isPresent(); ) {
        if (!line.get().startsWith("{")) {
          System.out.println("node: " + line.get());
          continue;
        }
        var content = GSON.fromJson(line.get(), Line.class);
        if (content.message() != null) {
          inbox.got(content.message());
        }
        if (content.over()) {
          inbox.over();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
