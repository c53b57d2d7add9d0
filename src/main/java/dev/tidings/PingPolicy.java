package dev.tidings;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * How a stream is kept from being silent, so that nothing on the way takes it for dead, and its client's
 * going is noticed; set by {@link EventSource#withPing}. A ping goes out when nothing else was sent for
 * the interval. Used by one thread at a time.
 *
 * {@snippet file="KeepAlive.java" region="ping"}
 */
public final class PingPolicy {

  /** The stream that pings. */
  interface Starting {
    /** Called on the thread that starts the policy; never blocks. */
    void start(Frame ping, Frame probe, Duration interval);
  }

  private final Starting stream;
  private Duration interval;
  private String text = "";
  private Optional<String> event = Optional.empty();
  private boolean blankLines = true;

  PingPolicy(Duration interval, Starting stream) {
    this.interval = interval;
    this.stream = stream;
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
    this.interval = Checks.requirePositive("interval", interval);
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
    event = Optional.of(Checks.requireWellFormed("event name of a ping", name));
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
    var ping = event.map(name -> Event.of(name, text)).orElseGet(() -> Event.empty().withComment(text));
    boolean bare = !blankLines && event.isEmpty();
    stream.start(
        bare ? Frame.bare(ping) : Frame.of(ping),
        blankLines ? Frame.COMMENT : Frame.BARE_COMMENT,
        interval);
  }
}
