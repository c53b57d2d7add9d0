package dev.tidings.redis;

import dev.tidings.NotAppendedException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import redis.clients.jedis.CommandArguments;

/**
 * Appends of a channel that are sent together. However often a batch is sent, Redis appends it once, because it knows the
 * producer and the number of its last batch.
 */
final class Batch {
  static final int MOST_EVENTS = 512;
  static final long MOST_BYTES = 1024 * 1024;

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
  private static final int WORD = 5; // random characters of an epoch
  private static final long BELL_BYTES = 8 * 1024;
  private static final long META_SECONDS = 7 * 24 * 60 * 60;

  private final Keys keys;
  private final List<Append> appends;
  private final String producer;
  private final long number;
  private final long bytes;
  private CommandArguments command; // owned by the writer
  private boolean uncertain; // whether Redis received it without a reply; owned by the writer
  private int attempts; // owned by the writer

  /**
   * Creates a batch.
   *
   * @param producer the name of this process
   * @param number larger than the numbers of earlier batches of this process
   */
  Batch(Keys keys, List<Append> appends, String producer, long number) {
    this.keys = keys;
    this.appends = appends;
    this.producer = producer;
    this.number = number;
    this.bytes = appends.stream().mapToLong(Append::bytes).sum();
    this.command = encode();
  }

  /** Returns random lower-case letters and digits. */
  static String random(int length) {
    var text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(CHARACTERS.charAt(RANDOM.nextInt(CHARACTERS.length())));
    }
    return text.toString();
  }

  private CommandArguments encode() {
    var limits = limits();
    var events = new ArrayList<List<byte[]>>();
    appends.forEach(append -> append.items().forEach(item -> events.add(item.fields())));
    var call =
        Script.call(keys, hasKeys())
            .add(producer)
            .add(number)
            .add(limits.events())
            .add(limits.age().toMillis())
            .add(random(WORD))
            .add(keys.bell())
            .add(Math.max(META_SECONDS, 10 * limits.age().toSeconds()))
            .add(appends.getLast().completes() ? "1" : "")
            .add(bytes <= BELL_BYTES ? Fields.pack(events) : new byte[0]);
    for (Append append : appends) {
      for (Append.Item item : append.items()) {
        call.add(item.fields().size() / 2).add(item.key().map(Fields::bytes).orElse(new byte[0]));
        item.fields().forEach(call::add);
      }
    }
    return call;
  }

  private boolean hasKeys() {
    return appends.stream().flatMap(append -> append.items().stream()).anyMatch(item -> item.key().isPresent());
  }

  /** Returns the limits of the last append that has events: one that only begins an epoch does not know those of its log. */
  private Append.Limits limits() {
    var limits = appends.getLast().limits();
    for (Append append : appends) {
      limits = append.items().isEmpty() ? limits : append.limits();
    }
    return limits;
  }

  CommandArguments command() {
    return command;
  }

  long bytes() {
    return bytes;
  }

  List<Append> appends() {
    return appends;
  }

  long deadline() {
    return appends.stream().mapToLong(Append::deadline).reduce((a, b) -> a - b > 0 ? a : b).orElseThrow();
  }

  /** Notes that the batch is sent. A retry must not begin an epoch with the word of one that Redis has lost. */
  void sending() {
    attempts++;
    if (attempts > 1) {
      command = encode();
    }
  }

  int attempts() {
    return attempts;
  }

  void unanswered() {
    uncertain = true;
  }

  boolean isUncertain() {
    return uncertain;
  }

  // Results.

  /** Gives each append its ids, from the reply of the script. */
  void settle(List<?> reply) {
    switch (Replies.text(reply.getFirst())) {
      case "new", "again" -> {
        long first = Long.parseLong(Replies.text(reply.get(1)));
        appended(first, Replies.text(reply.get(3)), earlier(reply.get(4)));
      }
      case "completed" -> completed(Replies.text(reply.get(1)), earlier(reply.get(2)));
      case "stale" ->
          failed(new RedisFailure("not known whether events were appended to " + keys + ": this server has given up on them"));
      case "format" -> refused(new NotAppendedException(Replies.newer(keys, Replies.text(reply.get(1)))));
      default -> failed(new RedisFailure("unexpected reply of the script: " + Quoted.text(reply.toString())));
    }
  }

  private static Map<Integer, String> earlier(Object reply) {
    var earlier = new HashMap<Integer, String>();
    var pairs = (List<?>) reply;
    for (int i = 0; i + 1 < pairs.size(); i += 2) {
      earlier.put(Integer.valueOf(Replies.text(pairs.get(i))), Replies.text(pairs.get(i + 1)));
    }
    return earlier;
  }

  private void appended(long first, String epoch, Map<Integer, String> earlier) {
    long number = first;
    int index = 0;
    for (Append append : appends) {
      var ids = new ArrayList<String>(append.items().size());
      for (int i = 0; i < append.items().size(); i++) {
        String id = earlier.get(index++);
        ids.add(id != null ? id : new Place(number++, epoch).id());
      }
      append.ids().complete(ids);
    }
  }

  private void completed(String completion, Map<Integer, String> earlier) {
    int index = 0;
    for (Append append : appends) {
      var ids = new ArrayList<String>();
      NotAppendedException refusal = null;
      for (Append.Item item : append.items()) {
        String id = item.completes() ? completion : earlier.get(index);
        index++;
        if (id == null && refusal == null) {
          refusal = new NotAppendedException("the channel of the log " + keys + " has been completed").at(ids.size());
        }
        ids.add(id);
      }
      if (refusal == null) {
        append.ids().complete(ids);
      } else {
        append.ids().completeExceptionally(refusal);
      }
    }
  }

  /** Fails with this exception if no event was appended for certain; otherwise it is not known. */
  void refused(NotAppendedException e) {
    failed(uncertain ? new RedisFailure(unknown(keys) + "; at last: " + e.getMessage(), e) : e);
  }

  void failed(RuntimeException e) {
    appends.forEach(append -> append.ids().completeExceptionally(e));
  }

  static String unknown(Keys keys) {
    return "not known whether events were appended to " + keys;
  }
}
