package dev.tidings;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How a stream is kept from being silent, so that nothing on the way takes it for dead, and its client's
 * going is noticed; set by {@link EventSource#withPing}. A ping goes out when nothing else was sent for
 * the interval. Used by one thread at a time.
 *
 * {@snippet file="KeepAlive.java" region="ping"}
 */
public final class PingPolicy {
  private final Consumer<PingPolicy> starter;
  private Duration interval;
  private String text = "";
  private Optional<String> event = Optional.empty();
  private boolean blankLines = true;

  PingPolicy(Duration interval, Consumer<PingPolicy> starter) {
    this.interval = interval;
    this.starter = starter;
  }

  /**
   * Sets the text of the ping (default: none). It may be any text: as a comment, its line breaks start
   * further comment lines.
   *
   * @param text the text
   * @return this policy
   */
  public PingPolicy dataMessage(String text) {
    this.text = Objects.requireNonNull(text, "text");
    return this;
  }

  /**
   * Sets how long the stream may be silent (default: the registry's heartbeat, 15 s).
   *
   * @param interval longer than zero
   * @return this policy
   * @throws IllegalArgumentException if it is not longer than zero
   */
  public PingPolicy interval(Duration interval) {
    this.interval = Time.requirePositive("interval", interval);
    return this;
  }

  /**
   * Sends the ping as an event that scripts can see, instead of as a comment (the default), which they
   * cannot.
   *
   * @param name the event type
   * @return this policy
   * @throws IllegalArgumentException if the name is empty or has CR, LF or a lone surrogate
   */
  public PingPolicy asEvent(String name) {
    WireFormat.checkName(name);
    event = Optional.of(WellFormed.require("event name of a ping", name));
    return this;
  }

  /**
   * Sends comments without the blank line that ends a block (default: with it), for clients that take a
   * block without data for an empty message. Other clients, those that split what they get at blank
   * lines, lose the event that comes after such a comment. An event ({@link #asEvent}) keeps its blank line.
   *
   * @return this policy
   */
  public PingPolicy withoutBlankLines() {
    blankLines = false;
    return this;
  }

  /**
   * Makes the stream ping like this from now on, in place of what was started before; does nothing once
   * the stream has ended. Without it the stream goes on as before. Never blocks.
   */
  public void start() {
    starter.accept(this);
  }

  Duration interval() {
    return interval;
  }

  boolean hasBlankLines() {
    return blankLines;
  }

  /** Whether the ping itself ends without a blank line. */
  boolean isBare() {
    return !blankLines && event.isEmpty();
  }

  Event ping() {
    return event.map(name -> Event.of(name, text)).orElseGet(() -> Event.empty().withComment(text));
  }
}
