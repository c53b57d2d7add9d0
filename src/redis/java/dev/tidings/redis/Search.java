package dev.tidings.redis;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;

/** Searches for the place before the first event of a time. Each round looks at several events. */
final class Search implements Question {
  private static final int PROBES = 15;

  private final Feed feed;
  private final long millis;
  private final CompletableFuture<String> answer = new CompletableFuture<>();
  private Status status; // null in the first round
  private long low; // at or before the place
  private long high; // at or after the place
  private List<Long> probes = List.of();

  Search(Feed feed, long millis) {
    this.feed = feed;
    this.millis = millis;
  }

  CompletableFuture<String> answer() {
    return answer;
  }

  @Override
  public Feed feed() {
    return feed;
  }

  @Override
  public List<CommandArguments> begin(Optional<Contact.Period> period) {
    var keys = feed.keys();
    if (status == null) {
      return Status.commands(keys);
    }
    probes = new ArrayList<>();
    long count = Math.min(PROBES, high - low);
    for (long i = 1; i <= count; i++) {
      probes.add(low + Math.max(i, (high - low) * i / (count + 1)));
    }
    return probes.stream()
        .map(number -> new CommandArguments(Command.XRANGE).add(keys.log()).add(number.longValue()).add(number.longValue()))
        .toList();
  }

  @Override
  public Next take(List<Object> replies) {
    if (status == null) {
      var found = Status.of(feed.keys(), replies);
      if (found.isEmpty()) {
        return Next.BEGIN;
      }
      status = found.get();
      low = status.base();
      high = Math.max(low, status.end());
    } else {
      for (int i = 0; i < probes.size(); i++) {
        var entries = Replies.entries(feed.keys(), replies.get(i));
        if (entries.isEmpty() || entries.getFirst().time() < millis) { // an event that was dropped is older
          low = probes.get(i);
        } else {
          high = probes.get(i) - 1;
          break;
        }
      }
    }
    if (low < high) {
      return Next.AGAIN;
    }
    answer.complete(status.place(low).id());
    return Next.DONE;
  }

  @Override
  public void failed(RuntimeException e) {
    answer.completeExceptionally(e);
  }
}
