package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * A client-side parser to the letter of WHATWG HTML, 9.2.6 "Interpreting an event stream", which shares no
 * code with the library. Accepts bytes in any slices.
 */
public final class WhatwgParser {

  /** A dispatched event. */
  public record Message(String type, String data, String lastEventId) {}

  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private final List<Message> messages = new ArrayList<>();
  private final List<String> comments = new ArrayList<>();
  private final List<String> unknownFields = new ArrayList<>();
  private boolean first = true;
  private boolean afterCr;
  private final StringBuilder data = new StringBuilder();
  private String type = "";
  private String idBuffer = "";
  private String lastEventId = "";
  private long reconnectionTime = -1;

  public WhatwgParser() {}

  public void feed(byte[] bytes) {
    feed(bytes, 0, bytes.length);
  }

  public void feed(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      byte b = bytes[i];
      if (b == '\n' && afterCr) {
        afterCr = false;
        continue;
      }
      afterCr = b == '\r';
      if (b == '\n' || b == '\r') {
        process(line.toString(UTF_8));
        line.reset();
      } else {
        line.write(b);
      }
    }
  }

  private void process(String text) {
    if (first && text.startsWith("\uFEFF")) { // UTF-8 decode strips one leading byte order mark
      text = text.substring(1);
    }
    first = false;
    if (text.isEmpty()) {
      dispatch();
    } else if (text.startsWith(":")) {
      comments.add(text.substring(1));
    } else if (text.contains(":")) {
      String value = text.substring(text.indexOf(':') + 1);
      field(
          text.substring(0, text.indexOf(':')),
          value.startsWith(" ") ? value.substring(1) : value);
    } else {
      field(text, "");
    }
  }

  private void field(String name, String value) {
    switch (name) {
      case "event" -> type = value;
      case "data" -> data.append(value).append('\n');
      case "id" -> {
        if (value.indexOf('\0') < 0) {
          idBuffer = value;
        }
      }
      case "retry" -> {
        if (!value.isEmpty() && value.chars().allMatch(c -> c >= '0' && c <= '9')) {
          reconnectionTime = Long.parseLong(value);
        }
      }
      default -> unknownFields.add(name + "=" + value);
    }
  }

  private void dispatch() {
    lastEventId = idBuffer;
    if (data.isEmpty()) {
      type = "";
      return;
    }
    String text = data.substring(0, data.length() - 1); // the last character is always a line feed
    messages.add(new Message(type.isEmpty() ? "message" : type, text, lastEventId));
    data.setLength(0);
    type = "";
  }

  public List<Message> messages() {
    return messages;
  }

  public List<String> comments() {
    return comments;
  }

  public List<String> unknownFields() {
    return unknownFields;
  }

  public String lastEventId() {
    return lastEventId;
  }

  public long reconnectionTime() {
    return reconnectionTime;
  }
}
