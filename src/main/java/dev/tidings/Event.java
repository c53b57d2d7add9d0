package dev.tidings;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * One event of a stream: what stands between two blank lines of {@code text/event-stream}.
 *
 * <p>An event is immutable and always valid: what the format cannot carry is an
 * {@link IllegalArgumentException} when the event is made, and everything else reaches the parser of
 * the <a href="https://html.spec.whatwg.org/multipage/server-sent-events.html">WHATWG standard</a>
 * exactly as it was given. Two things are lost in the format itself: CR and CRLF arrive as LF, and a
 * lone surrogate arrives as U+FFFD, since UTF-8 has no other word for it.
 *
 * {@snippet file="hello.jsh" region="event"}
 *
 * @param id the last event id, which a browser gives back in {@code Last-Event-ID} when it reconnects;
 *     one line without NUL; an empty one makes the browser forget the id it had; in ASCII if clients
 *     other than browsers are to give it back, since most of them can put nothing else into a header
 * @param name the event type, for {@code addEventListener}; one line, not empty; without one the
 *     browser takes it as {@code message}
 * @param data the text of the message; each of its lines becomes a {@code data:} line; an empty text
 *     is a message too, while an event without data is never dispatched by a browser
 * @param retry how long the client shall wait before it reconnects; zero or more, sent in whole
 *     milliseconds
 * @param comment text that a client's parser skips; its line breaks start further comment lines
 * @param fields additional fields by name, in their order; clients that do not know them ignore them
 */
public record Event(
    Optional<String> id,
    Optional<String> name,
    Optional<String> data,
    Optional<Duration> retry,
    Optional<String> comment,
    Map<String, String> fields) {

  private static final Event EMPTY =
      new Event(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Map.of());

  /**
   * Checks every part.
   *
   * @throws IllegalArgumentException if a part cannot be carried; the message names value and rule
   */
  public Event {
    id.ifPresent(WireFormat::checkId);
    name.ifPresent(WireFormat::checkName);
    retry.ifPresent(WireFormat::checkRetry);
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(comment, "comment");
    fields = fields.isEmpty() ? Map.of() : inOrder(fields);
  }

  private static Map<String, String> inOrder(Map<String, String> fields) {
    var copy = new LinkedHashMap<>(fields);
    copy.forEach(
        (field, value) -> {
          WireFormat.checkField(field);
          Objects.requireNonNull(value, field);
        });
    return Collections.unmodifiableMap(copy);
  }

  /**
   * Returns an event without any part, to start from: {@code Event.empty().withId("7")}. Sent as it
   * is, it is a blank line.
   *
   * @return the empty event
   */
  public static Event empty() {
    return EMPTY;
  }

  /**
   * Returns a message.
   *
   * @param data the text, any text
   * @return the event
   */
  public static Event of(String data) {
    return EMPTY.withData(data);
  }

  /**
   * Returns a named event.
   *
   * @param name the event type, one line
   * @param data the text, any text
   * @return the event
   * @throws IllegalArgumentException if the name is empty or has a line break
   */
  public static Event of(String name, String data) {
    return EMPTY.withName(name).withData(data);
  }

  /**
   * Returns this event with another id.
   *
   * @param id the last event id
   * @return a new event
   * @throws IllegalArgumentException if the id has CR, LF or NUL, or is the one that {@link
   *     EventSource#complete()} sends
   */
  public Event withId(String id) {
    return new Event(Optional.of(id), name, data, retry, comment, fields);
  }

  /**
   * Returns this event with another name.
   *
   * @param name the event type
   * @return a new event
   * @throws IllegalArgumentException if the name is empty or has CR or LF
   */
  public Event withName(String name) {
    return new Event(id, Optional.of(name), data, retry, comment, fields);
  }

  /**
   * Returns this event with other data.
   *
   * @param data the text, any text
   * @return a new event
   */
  public Event withData(String data) {
    return new Event(id, name, Optional.of(data), retry, comment, fields);
  }

  /**
   * Returns this event with another reconnection time.
   *
   * @param retry how long the client shall wait before it reconnects
   * @return a new event
   * @throws IllegalArgumentException if it is negative or too long to count in milliseconds
   */
  public Event withRetry(Duration retry) {
    return new Event(id, name, data, Optional.of(retry), comment, fields);
  }

  /**
   * Returns this event with another comment.
   *
   * @param comment the text, any text
   * @return a new event
   */
  public Event withComment(String comment) {
    return new Event(id, name, data, retry, Optional.of(comment), fields);
  }

  /**
   * Returns this event with an additional field, or with another value of it.
   *
   * @param field the field's name: one line, not empty, without a colon and none of the four that the
   *     standard defines
   * @param value the text, any text; each of its lines becomes a line of that field
   * @return a new event
   * @throws IllegalArgumentException if the name breaks that rule
   */
  public Event withField(String field, String value) {
    var more = new LinkedHashMap<>(fields);
    more.put(field, value);
    return new Event(id, name, data, retry, comment, more);
  }

  /**
   * Returns the block of lines that goes on the wire, blank line included; UTF-8 makes it bytes.
   *
   * @return the event in {@code text/event-stream}
   */
  public String encode() {
    return WireFormat.text(this);
  }
}
