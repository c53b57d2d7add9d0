package dev.tidings.redis.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.redis.fixture.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import redis.clients.jedis.Jedis;

/**
 * What Redis holds of a channel at the end, read by plain commands, and what its ids mean.
 *
 * @param payloads the payload of each entry, by its number
 * @param epochs the epochs, newest first
 * @param last the number of the last event
 */
record HeldLog(NavigableMap<Long, String> payloads, List<Epoch> epochs, long last) {
  /** An epoch, which begins after this number. */
  record Epoch(String word, long before) {}

  /** A place, as its id says. */
  record Place(long number, String word) {
    static Place of(String id) {
      int dot = id.indexOf('.');
      try {
        return new Place(Long.parseLong(id.substring(0, Math.max(0, dot))), id.substring(dot + 1));
      } catch (NumberFormatException e) {
        return new Place(-1, id);
      }
    }
  }

  /** Reads the log of a channel. The name needs no percent-encoding. */
  static HeldLog read(Jedis jedis, String channel) {
    String stem = "tidings:{" + channel + "}:";
    var payloads = new TreeMap<Long, String>();
    var reply = jedis.sendCommand(() -> "XRANGE".getBytes(UTF_8), stem + "log", "-", "+");
    for (Object entry : (List<?>) reply) {
      var parts = (List<?>) entry;
      var fields = ((List<?>) parts.get(1)).stream().map(HeldLog::text).toList();
      payloads.put(Long.parseLong(text(parts.get(0)).split("-")[0]), Publication.withoutPadding(fields.get(fields.indexOf("d") + 1)));
    }
    var epochs = new ArrayList<Epoch>();
    var meta = jedis.hmget(stem + "meta", "n", "epochs");
    if (meta.get(1) != null) {
      for (String epoch : meta.get(1).split(",")) {
        epochs.add(new Epoch(epoch.split(":")[0], Long.parseLong(epoch.split(":")[1])));
      }
    }
    return new HeldLog(payloads, List.copyOf(epochs), meta.get(0) == null ? 0 : Long.parseLong(meta.get(0)));
  }

  static List<Epoch> epochs(RedisServer redis, String channel) {
    try (var jedis = redis.jedis()) {
      return read(jedis, channel).epochs;
    }
  }

  /** Returns this log with older epochs, which it has forgotten. */
  HeldLog withOlder(List<Epoch> older) {
    var all = new ArrayList<>(epochs);
    older.stream().filter(epoch -> !all.contains(epoch)).forEach(all::add);
    return new HeldLog(payloads, List.copyOf(all), last);
  }

  private static String text(Object bytes) {
    return new String((byte[]) bytes, UTF_8);
  }

  /** Returns the number of the oldest place with an id from which nothing is missing. */
  long base() {
    long start = epochs.isEmpty() ? last : epochs.getLast().before();
    return Math.max(start, payloads.isEmpty() ? last : payloads.firstKey() - 1);
  }

  /** Returns the word of a number's epoch. */
  String word(long number) {
    for (Epoch epoch : epochs) {
      if (epoch.before() < number) {
        return epoch.word();
      }
    }
    return epochs.isEmpty() ? "" : epochs.getLast().word();
  }

  /** Returns whether this place is in the history of the log, whether or not its event is still held. */
  boolean has(Place place) {
    return !epochs.isEmpty()
        && place.number() >= epochs.getLast().before()
        && place.number() <= last
        && word(place.number()).equals(place.word());
  }

  /** Returns the number of the last event of an epoch, or -1 if the epoch is not known. */
  long end(String word) {
    long end = last;
    for (Epoch epoch : epochs) {
      if (epoch.word().equals(word)) {
        return end;
      }
      end = epoch.before();
    }
    return -1;
  }

  String lastId() {
    return last + "." + word(last);
  }
}
