package dev.tidings;

import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The epochs of a log in files. An id consists of the number of its event and a word, {@code 17.0tov3k9f9a2x}. The word
 * is that of the epoch in which the event was appended. Numbers are consecutive over the life of the log. A word is the
 * time at which its epoch began, its birth, and random characters.
 *
 * <p>Each time that a log is opened, the next append begins a new epoch. So no id is assigned twice, even if the
 * previous process or the machine died and the last events were lost, and even if the files were restored from a
 * backup. From the word of a lost id, the log knows where the epoch ended now, and so which events the reader has
 * received. If the files lack the whole epoch, it knows from the births where its events begin that are certainly none
 * of that epoch or before it.
 *
 * <p>Immutable. The epochs of all held events are known, and at least the newest 1,000, so that the number of missed
 * events is exact for readers that return late. Of more than 100,000 epochs, the oldest are dropped with their events.
 *
 * @param all the epochs, the oldest first, at least one
 * @param isOpen whether events can still be appended in the last epoch; otherwise the next append begins a new one
 */
record LogEpochs(List<Epoch> all, boolean isOpen) {
  private static final int KEPT = 1_000; // also if their events have been dropped
  static final int MOST = 100_000;
  private static final int BIRTH_LENGTH = 7;
  static final int WORD_LENGTH = BIRTH_LENGTH + 5;
  private static final String LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
  private static final SecureRandom RANDOM = new SecureRandom();

  /**
   * An epoch.
   *
   * @param word seconds since 1970 as seven digits of base 36, and five random ones
   * @param after the number of the last event before the epoch
   */
  record Epoch(String word, long after) {

    /**
     * Returns when the epoch began, in seconds since 1970. That is later than the birth of the epoch before it, even if
     * the clock was set back.
     */
    long birth() {
      return LogEpochs.birth(word);
    }
  }

  /** How an id relates to the log. */
  enum Match {
    /** The log has the place. */
    HELD,
    /** The log has lost the event with that id. The epoch is known, and the place is where it ends. */
    LOST,
    /** The epoch is not known. Nothing that follows the place has been received by a reader with that id. */
    FORGOTTEN
  }

  /**
   * Where a reader with some id continues.
   *
   * @param number the number of the place
   */
  record Position(long number, Match match) {

    /** Returns a place that is not after this one if the log does not have the place of the reader. */
    Position lostAtMost(long most) {
      return match == Match.HELD ? this : new Position(Math.min(number, most), match);
    }
  }

  LogEpochs {
    all = List.copyOf(all);
  }

  /** Returns the first epoch of a new log. */
  static LogEpochs first(InstantSource clock) {
    return new LogEpochs(List.of(new Epoch(word(clock.instant().getEpochSecond()), 0)), true);
  }

  /**
   * Returns these epochs, and a new one after the event with this number.
   *
   * @param oldest the number of the oldest place whose id is needed
   */
  LogEpochs next(long after, long oldest, InstantSource clock) {
    long birth = Math.max(clock.instant().getEpochSecond(), all.getLast().birth() + 1);
    return new LogEpochs(newest(KEPT - 1, oldest).all, true).with(new Epoch(word(birth), after));
  }

  /** Returns these epochs, and the next one. */
  LogEpochs with(Epoch next) {
    var more = new ArrayList<>(all);
    more.add(next);
    return new LogEpochs(more, isOpen);
  }

  /**
   * Returns the newest of these epochs.
   *
   * @param most how many, if no more are needed
   * @param oldest the number of the oldest place whose id is needed
   */
  LogEpochs newest(int most, long oldest) {
    int from = Math.min(Math.max(0, all.size() - most), index(oldest));
    return new LogEpochs(all.subList(Math.max(from, all.size() - MOST + 1), all.size()), isOpen);
  }

  /** Returns these epochs, and those before them that only an older file contains. */
  LogEpochs following(LogEpochs older) {
    int count = older.firstSince(all.getFirst().birth());
    while (count > 0 && older.all.get(count - 1).after() > all.getFirst().after()) {
      count--; // the file is not of this log
    }
    var both = new ArrayList<>(older.all.subList(0, count));
    both.addAll(all);
    return count == 0 ? this : new LogEpochs(both, isOpen);
  }

  LogEpochs ended() {
    return new LogEpochs(all, false);
  }

  private static String word(long birth) {
    var word = new StringBuilder(Long.toString(birth, 36));
    word.insert(0, "0".repeat(BIRTH_LENGTH - word.length()));
    while (word.length() < WORD_LENGTH) {
      word.append(LETTERS.charAt(RANDOM.nextInt(LETTERS.length())));
    }
    return word.toString();
  }

  private static long birth(String word) {
    return Long.parseLong(word, 0, BIRTH_LENGTH, 36);
  }

  static boolean isWord(String text) {
    return text.length() == WORD_LENGTH && text.chars().allMatch(c -> LETTERS.indexOf(c) >= 0);
  }

  /**
   * Returns the number of the oldest place that has an id. The start of the first epoch of a log is such a place; the
   * start of another epoch belongs to the epoch before it.
   */
  long oldest() {
    long after = all.getFirst().after();
    return after == 0 ? 0 : after + 1;
  }

  /** Returns the id of the place after the event with this number, which must not be before the oldest place. */
  String id(long number) {
    return id(number, all.get(index(number)).word());
  }

  /** Returns the index of the epoch of the event with this number; 0 if it is older than all of them. */
  int index(long number) {
    return Math.max(0, Bisection.first(all.size(), i -> all.get(i).after() >= number) - 1);
  }

  static String id(long number, String word) {
    return number + "." + word;
  }

  /**
   * Returns where a reader with this id continues; empty if the log cannot have assigned the id.
   *
   * @param latest the number of the newest event
   */
  Optional<Position> find(String id, long latest) {
    int dot = id.length() - WORD_LENGTH - 1;
    if (dot < 1 || dot > 19 || id.charAt(dot) != '.') {
      return Optional.empty();
    }
    long number = parse(id.substring(0, dot));
    String word = id.substring(dot + 1);
    if (number < 0 || !isWord(word)) {
      return Optional.empty();
    }
    int i = indexOf(word);
    if (i < 0) {
      return Optional.of(new Position(fork(birth(word), latest), Match.FORGOTTEN));
    }
    if (number <= all.get(i).after() && (number != 0 || i > 0)) {
      return Optional.empty();
    }
    boolean isLast = i == all.size() - 1;
    long end = isLast ? latest : all.get(i + 1).after();
    if (number <= end) {
      return Optional.of(new Position(number, Match.HELD));
    }
    return isLast && isOpen ? Optional.empty() : Optional.of(new Position(end, Match.LOST));
  }

  /**
   * Returns the start of the first epoch that is not older than an unknown epoch with this birth. It does not precede
   * the unknown epoch, because births increase. So a reader of the unknown epoch has received no events that follow
   * this place.
   */
  private long fork(long birth, long latest) {
    int i = firstSince(birth);
    return i < all.size() ? all.get(i).after() : latest;
  }

  /** Returns the index of the first epoch that has this birth or a later one; the number of epochs if there is none. */
  private int firstSince(long birth) {
    return Bisection.first(all.size(), i -> all.get(i).birth() >= birth);
  }

  private int indexOf(String word) {
    int i = firstSince(birth(word)); // births increase, so no other epoch has the same
    return i < all.size() && all.get(i).word().equals(word) ? i : -1;
  }

  /** Returns the number; -1 if the text is not its only spelling. */
  private static long parse(String digits) {
    boolean canonical =
        digits.chars().allMatch(c -> c >= '0' && c <= '9') && (digits.length() == 1 || digits.charAt(0) != '0');
    try {
      return canonical ? Long.parseLong(digits) : -1;
    } catch (NumberFormatException e) {
      return -1; // more than a long
    }
  }
}
