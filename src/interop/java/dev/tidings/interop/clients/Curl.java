package dev.tidings.interop.clients;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** curl. Its output is read line by line, as in a script. */
final class Curl extends OneShot {
  private static final String STATUS = "status: ";

  private final List<String> options;

  Curl(String... options) {
    this.options = List.of(options);
  }

  @Override
  public String version() throws IOException, InterruptedException {
    return Child.run(Duration.ofSeconds(20), Child.find("curl"), "--version").split(" ")[1];
  }

  @Override
  Requests requests(URI uri, Inbox inbox) {
    var loop = new ReadingLoop(inbox);
    return new Requests() {
      private volatile Optional<Child> child = Optional.empty();

      @Override
      public int next() throws IOException, InterruptedException {
        var command = new ArrayList<>(List.of(Child.find("curl"), "-sSN", "-w", "\n" + STATUS + "%{http_code}\n"));
        command.addAll(options);
        if (inbox.isSlow()) {
          command.addAll(List.of("--limit-rate", "4M"));
        }
        if (!loop.lastEventId().isEmpty()) {
          command.addAll(List.of("-H", "Last-Event-ID: " + loop.lastEventId()));
        }
        command.add(uri.toString());
        int status = 0;
        try (var curl = Child.start(command.toArray(String[]::new))) {
          child = Optional.of(curl);
          for (Optional<String> line; (line = curl.next(Duration.ofSeconds(30))).isPresent(); ) {
            if (line.get().startsWith(STATUS)) {
              status = Integer.parseInt(line.get().substring(STATUS.length()));
            } else {
              loop.line(line.get());
            }
          }
          if (curl.status() != 0) {
            throw new IOException("curl exited with status " + curl.status());
          }
        }
        return status;
      }

      @Override
      public Duration retry() {
        return loop.retry();
      }

      @Override
      public void cut() {
        child.ifPresent(Child::close);
      }
    };
  }
}
