package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.LinkedHashSet;
import java.util.List;

/** The rules for names of channels. Names usually come from clients, so an invalid one is a {@link StatusException}. */
final class ChannelNames {
  private static final int MOST_NAME = 256; // bytes of UTF-8
  private static final int MOST_JOINED = 400; // with the shortest ids

  private ChannelNames() {}

  static void require(String name) {
    boolean tooLong = name.length() > MOST_NAME / 3 && name.getBytes(UTF_8).length > MOST_NAME; // 3 for a char
    if (name.isEmpty() || tooLong) {
      throw new StatusException(
          400, "the name of a channel must be 1 to " + MOST_NAME + " bytes in UTF-8: " + Quoted.java(name));
    }
    unlessInvalid(() -> Checks.requireWellFormed("name of a channel", name));
  }

  /** Checks the names of the channels that a stream joins. */
  static List<String> requireAll(String... names) {
    var distinct = new LinkedHashSet<String>();
    for (String name : names) {
      require(name);
      if (!distinct.add(name)) {
        throw new StatusException(400, "the channels of a stream must be different: " + Quoted.java(name));
      }
    }
    if (names.length > MOST_JOINED) { // before any of them is created
      throw new StatusException(400, "a stream can join at most " + MOST_JOINED + " channels: " + names.length);
    }
    return List.copyOf(distinct);
  }

  /**
   * Checks in advance that the ids of a stream in this number of channels are not too long ({@link
   * Positions#requireRoom}).
   */
  static void requireRoom(int channels, long longestIds) {
    if (channels > 1) {
      unlessInvalid(() -> Positions.requireRoom(channels, longestIds));
    }
  }

  /** Runs a check of names, and reports an invalid one as an error of the client. */
  static void unlessInvalid(Runnable check) {
    try {
      check.run();
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, e.getMessage());
    }
  }
}
