package dev.tidings.interop.clients;

import dev.tidings.interop.clients.Scenarios.Message;
import java.time.Duration;
import java.util.Optional;
import java.util.StringJoiner;

/** A small hand-written parser for clients that read lines and not events. */
final class ReadingLoop {
  private final Inbox inbox;
  private String lastEventId = "";
  private Duration retry = Duration.ofSeconds(3);
  private String type = "message";
  private Optional<StringJoiner> data = Optional.empty();

  ReadingLoop(Inbox inbox) {
    this.inbox = inbox;
  }

  void line(String line) {
    if (line.isEmpty()) {
      data.ifPresent(text -> inbox.got(new Message(type, text.toString(), lastEventId)));
      forget();
      return;
    }
    var parts = line.split(":", 2);
    String value = parts.length < 2 ? "" : parts[1].startsWith(" ") ? parts[1].substring(1) : parts[1];
    switch (parts[0]) {
      case "data" -> data = Optional.of(data.orElseGet(() -> new StringJoiner("\n")).add(value));
      case "event" -> type = value;
      case "id" -> lastEventId = value;
      case "retry" -> retry = Duration.ofMillis(Long.parseLong(value));
      default -> {} // a comment
    }
  }

  /** Drops an event that is incomplete at the end of a stream. */
  void forget() {
    type = "message";
    data = Optional.empty();
  }

  String lastEventId() {
    return lastEventId;
  }

  Duration retry() {
    return retry;
  }
}
