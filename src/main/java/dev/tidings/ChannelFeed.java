package dev.tidings;

import java.util.ArrayList;
import java.util.List;

/** Publishes the events of a source, until it or the channel ends. Used by one thread. */
final class ChannelFeed {
  /** The largest number of events that are appended at once, and that are requested of a publisher. */
  static final int MOST = 256;

  /** Appends events to a channel. */
  interface Appending {
    /**
     * Called on the thread that publishes, and may block. Throws the exceptions of {@code Channel.publishAll}.
     */
    void appendAll(List<Event> events);
  }

  private final Appending channel;
  private final EndSignal ended;
  private final Source source;
  private final Breakable wait = new Breakable();

  ChannelFeed(Appending channel, EndSignal ended, Source source) {
    this.channel = channel;
    this.ended = ended;
    this.source = source;
  }

  /** Publishes the events. Returns whether the source has ended. */
  boolean run() {
    ended.add(wait);
    try {
      return publishAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      ended.remove(wait);
      source.close();
    }
  }

  private boolean publishAll() throws InterruptedException {
    List<Event> taken = new ArrayList<>();
    while (true) {
      var more = source.take(taken, MOST, wait);
      if (!more.orElse(false)) {
        return more.isPresent();
      }
      publish(List.copyOf(taken));
      taken.clear();
    }
  }

  private void publish(List<Event> events) {
    try {
      channel.appendAll(events);
    } catch (NotAppendedException e) {
      throw unpublished(events.subList(e.index(), events.size()), e);
    } catch (RuntimeException e) {
      throw unpublished(events, e);
    }
  }

  private UnpublishedException unpublished(List<Event> events, RuntimeException cause) {
    var all = new ArrayList<>(events);
    all.addAll(source.close());
    return new UnpublishedException(all, cause);
  }
}
