package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;

/**
 * What a log holds.
 *
 * @param last the number of the last event
 * @param length the number of events that Redis holds
 * @param epochs the epochs, at least one
 * @param completion the completion, if it has been appended; it may have been dropped
 */
record Status(long last, long length, Epochs epochs, Optional<Place> completion) {
  /** The number of commands that ask for a status, and of their replies. */
  static final int COMMANDS = 2;

  private static final int FORMAT = 1;

  /** What the id of a client means to a reader. */
  sealed interface Finding {
    /** No event is missing after the place. */
    record Covered() implements Finding {}

    /** Reading continues after another place. */
    record Gap(long from, OptionalLong missed) implements Finding {}

    /**
     * The place is of an unknown epoch that is younger than all epochs of the log. Either the log has lost that epoch, and
     * none has begun since, or this is an old master whose log goes on elsewhere.
     *
     * @param from the end of the log
     */
    record Ahead(long from) implements Finding {}
  }

  static List<CommandArguments> commands(Keys keys) {
    return List.of(
        new CommandArguments(Command.HMGET).add(keys.meta()).add("format").add("n").add("epochs").add("done"),
        new CommandArguments(Command.XLEN).add(keys.log()));
  }

  /**
   * Returns the status in these replies; empty if the log has no epoch yet.
   *
   * @throws RedisFailure if it cannot be read
   */
  static Optional<Status> of(Keys keys, List<Object> replies) {
    var meta = Replies.list(keys, replies.get(0));
    long length = Replies.number(keys, replies.get(1));
    if (meta.get(0) instanceof byte[] format && Long.parseLong(text(format)) > FORMAT) {
      throw new RedisFailure(Replies.newer(keys, text(format)));
    }
    if (!(meta.get(1) instanceof byte[] last) || !(meta.get(2) instanceof byte[] epochs) || epochs.length == 0) {
      return Optional.empty();
    }
    var completion = meta.get(3) instanceof byte[] done ? Place.parse(text(done)) : Optional.<Place>empty();
    return Optional.of(new Status(Long.parseLong(text(last)), length, Epochs.parse(text(epochs)), completion));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, UTF_8);
  }

  /** Returns the number of the oldest place that is covered. */
  long base() {
    return Math.max(last - length, epochs.start());
  }

  /** Returns the number of the last event before the completion. */
  long end() {
    boolean completed = completion.isPresent() && completion.get().number() == last && length > 0;
    return completed ? last - 1 : last;
  }

  Place place(long number) {
    return epochs.place(number);
  }

  Finding find(Place place) {
    long base = base();
    if (place.number() <= last && place(place.number()).equals(place) && place.number() >= epochs.start()) {
      return place.number() >= base
          ? new Finding.Covered()
          : new Finding.Gap(base, OptionalLong.of(base - place.number()));
    }
    long end = epochs.end(place.word(), last);
    if (end >= 0 && place.number() > end) { // the client has seen events that the log has lost
      return end >= base
          ? new Finding.Gap(end, OptionalLong.of(0))
          : new Finding.Gap(base, OptionalLong.of(base - end));
    }
    if (end >= 0) {
      return new Finding.Gap(base, OptionalLong.empty()); // the log has never assigned this number in this epoch
    }
    // Not even if the number is before the fork: the client may have been farther, and back at a place before its epoch.
    var fork = epochs.fork(place.word());
    return fork.isPresent()
        ? new Finding.Gap(Math.max(base, Math.min(fork.getAsLong(), end())), OptionalLong.empty())
        : new Finding.Ahead(end());
  }
}
