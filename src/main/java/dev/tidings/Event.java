package dev.tidings;

import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * An event of a stream: a block of lines in {@code text/event-stream}, terminated by a blank line.
 *
 * <p>Events are immutable and valid: creating an event that the format cannot represent throws
 * {@link IllegalArgumentException}. Parsers of the <a
 * href="https://html.spec.whatwg.org/multipage/server-sent-events.html">WHATWG standard</a> receive text unchanged,
 * with two exceptions: CR and CRLF arrive as LF, and a lone surrogate, which UTF-8 cannot encode, arrives as U+FFFD.
 *
 * {@snippet file="hello.jsh" region="event"}
 *
 * @param id the last event id, which a browser returns in {@code Last-Event-ID} when it reconnects; one line without
 *     NUL; an empty id clears the last event id of the browser. Use ASCII only, because most other clients cannot
 *     return other characters
 * @param name the event name, which the DOM calls type; one line, not empty; browsers use {@code message} if it is
 *     missing
 * @param data the text; each line becomes a {@code data:} line. Browsers dispatch an event with empty data, but not an
 *     event without data
 * @param retry the time that the client waits before it reconnects; zero or more, sent in whole milliseconds
 * @param comment text that parsers ignore; each line becomes a comment line
 * @param fields additional fields by name, in the order in which they are sent; parsers ignore unknown fields
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
   * Checks all components.
   *
   * @throws IllegalArgumentException if the format cannot represent a component, if the id is reserved for
   *     {@link EventSource#complete()}, or if {@code fields} contains {@code event}, {@code data}, {@code id} or
   *     {@code retry}; the message names the value and the rule
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
   * Returns the event whose components are all empty. Use it to build other events: {@code Event.empty().withId("7")}.
   * It is encoded as a blank line.
   *
   * @return the empty event
   */
  public static Event empty() {
    return EMPTY;
  }

  /**
   * Returns an event that has data and no name.
   *
   * @param data any text
   * @return the event
   */
  public static Event of(String data) {
    return EMPTY.withData(data);
  }

  /**
   * Returns a named event.
   *
   * @param name the event name, one line
   * @param data any text
   * @return the event
   * @throws IllegalArgumentException if the name is empty or has a line break
   */
  public static Event of(String name, String data) {
    return EMPTY.withName(name).withData(data);
  }

  /**
   * Returns a copy with the given id.
   *
   * @param id the last event id
   * @return a new event
   * @throws IllegalArgumentException if the id has CR, LF or NUL, or is reserved for {@link EventSource#complete()}
   */
  public Event withId(String id) {
    return new Event(Optional.of(id), name, data, retry, comment, fields);
  }

  /**
   * Returns a copy with the given name.
   *
   * @param name the event name
   * @return a new event
   * @throws IllegalArgumentException if the name is empty or has CR or LF
   */
  public Event withName(String name) {
    return new Event(id, Optional.of(name), data, retry, comment, fields);
  }

  /**
   * Returns a copy with the given data.
   *
   * @param data any text
   * @return a new event
   */
  public Event withData(String data) {
    return new Event(id, name, Optional.of(data), retry, comment, fields);
  }

  /**
   * Returns a copy with the given reconnection time.
   *
   * @param retry the time that the client waits before it reconnects
   * @return a new event
   * @throws IllegalArgumentException if the time is negative, or if its milliseconds exceed a {@code long}
   */
  public Event withRetry(Duration retry) {
    return new Event(id, name, data, Optional.of(retry), comment, fields);
  }

  /**
   * Returns a copy with the given comment.
   *
   * @param comment any text
   * @return a new event
   */
  public Event withComment(String comment) {
    return new Event(id, name, data, retry, Optional.of(comment), fields);
  }

  /**
   * Returns a copy in which the field has the given value.
   *
   * @param field the name of the field: one line, not empty, without a colon, not starting with U+FEFF, and not
   *     {@code event}, {@code data}, {@code id} or {@code retry}
   * @param value any text; each line becomes a line of that field
   * @return a new event
   * @throws IllegalArgumentException if the name is not allowed
   */
  public Event withField(String field, String value) {
    var more = new LinkedHashMap<>(fields);
    more.put(field, value);
    return new Event(id, name, data, retry, comment, more);
  }

  /**
   * Returns the encoded event, including its blank line. Streams send it in UTF-8.
   *
   * @return the event as {@code text/event-stream}
   */
  public String encode() {
    return WireFormat.text(this);
  }
}
