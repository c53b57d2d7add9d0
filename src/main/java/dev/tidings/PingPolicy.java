package dev.tidings;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * The ping of one stream, set by {@link EventSource#withPing}. A ping is sent when nothing else has been sent for the
 * interval. Pings keep intermediaries from closing the connection, and let the server detect a disconnect. Not
 * thread-safe.
 *
 * {@snippet file="KeepAlive.java" region="ping"}
 */
public final class PingPolicy {

  /** The stream to which the policy applies. */
  interface Starting {
    /** Applies the policy. Called on the thread that starts it; never blocks. */
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
   * Sets the text of the ping (default: empty).
   *
   * @param text any text; if the ping is a comment, each line becomes a comment line
   * @return this policy
   */
  public PingPolicy dataMessage(String text) {
    this.text = Objects.requireNonNull(text, "text");
    return this;
  }

  /**
   * Sets the time without events after which a ping is sent (default: {@link Settings#withHeartbeat}).
   *
   * @param interval longer than zero
   * @return this policy
   * @throws IllegalArgumentException if the interval is zero or negative
   */
  public PingPolicy interval(Duration interval) {
    this.interval = Checks.requirePositive("interval", interval);
    return this;
  }

  /**
   * Sends the ping as an event, which scripts can receive. The default is a comment.
   *
   * @param name the event name
   * @return this policy
   * @throws IllegalArgumentException if the name is empty or has CR, LF or a lone surrogate
   */
  public PingPolicy asEvent(String name) {
    WireFormat.checkName(name);
    event = Optional.of(Checks.requireWellFormed("event name of a ping", name));
    return this;
  }

  /**
   * Omits the blank line after comments, for clients that treat a block without data as an empty message. Clients that
   * split the stream at blank lines lose the event after such a comment. A ping that is an event ({@link #asEvent})
   * keeps its blank line.
   *
   * @return this policy
   */
  public PingPolicy withoutBlankLines() {
    blankLines = false;
    return this;
  }

  /** Applies this policy to the stream. Does nothing after the stream has ended. Does not block. */
  public void start() {
    var ping = event.map(name -> Event.of(name, text)).orElseGet(() -> Event.empty().withComment(text));
    boolean bare = !blankLines && event.isEmpty();
    stream.start(
        bare ? Frame.barePing(ping) : Frame.ping(ping),
        blankLines ? Frame.COMMENT : Frame.BARE_COMMENT,
        interval);
  }
}
