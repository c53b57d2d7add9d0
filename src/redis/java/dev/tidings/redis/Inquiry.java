package dev.tidings.redis;

import dev.tidings.Event;
import dev.tidings.EventLog.Reading;
import dev.tidings.redis.Status.Finding;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;

/**
 * A question to Redis about a channel: the events after a place, or only the status. Readers that come before it is sent
 * share it. It may take several rounds. Until it is sent, it belongs to its feed, and then to one thread.
 */
final class Inquiry implements Question {
  private static final int ROUNDS = 6;
  private static final Duration UNDECIDED = Duration.ofMinutes(1);

  /** Thrown if the log may be that of an old master, so that the reader has to come back. */
  static final class OldMaster extends RuntimeException {
    private static final long serialVersionUID = 1;

    OldMaster(String message) {
      super(message);
    }
  }

  /** The answer. Without a reading if only the status was asked for. */
  record Answer(Status status, Optional<Reading> reading) {}

  private final Feed feed;
  private final String key;
  private final Optional<String> after; // empty to ask for the status only
  private final Optional<Place> place; // empty if that is not an id
  private final int most;
  private final CompletableFuture<Answer> answer = new CompletableFuture<>();
  private long from = -1; // the number after which this round reads; -1 if it is not known
  private int contradictions;
  private boolean isBegun;
  private boolean isAhead; // whether the epoch of the place is younger than those of the log
  private Optional<Place> ringEnd = Optional.empty(); // when this round was sent
  private Optional<Contact.Period> period = Optional.empty(); // when this round was sent
  private long begun; // System.nanoTime

  /**
   * Creates an inquiry.
   *
   * @param key is the same for the same question
   */
  Inquiry(Feed feed, String key, Optional<String> after, int most) {
    this.feed = feed;
    this.key = key;
    this.after = after;
    this.place = after.flatMap(Place::parse);
    this.most = most;
    this.place.ifPresent(its -> from = its.number());
  }

  @Override
  public Feed feed() {
    return feed;
  }

  CompletableFuture<Answer> answer() {
    return answer;
  }

  String key() {
    return key;
  }

  Optional<Place> ringEnd() {
    return ringEnd;
  }

  Optional<Contact.Period> period() {
    return period;
  }

  long begun() {
    return begun;
  }

  /** Begins a round: from the first one on, readers that come make another inquiry. */
  @Override
  public List<CommandArguments> begin(Optional<Contact.Period> its) {
    if (!isBegun) {
      isBegun = true;
      begun = System.nanoTime();
    }
    period = its;
    feed.sending(this);
    ringEnd = feed.mirror().end();
    var keys = feed.keys();
    var commands = new ArrayList<CommandArguments>(3);
    if (after.isPresent() && from >= 0) {
      commands.add(
          new CommandArguments(Command.XRANGE).add(keys.log()).add(from + 1).add("+").add("COUNT").add(feed.most(most)));
    }
    commands.addAll(Status.commands(keys));
    return commands;
  }

  @Override
  public Next take(List<Object> replies) {
    var keys = feed.keys();
    boolean asked = replies.size() > Status.COMMANDS;
    var entries = asked ? Replies.entries(keys, replies.getFirst()) : List.<Replies.Entry>of();
    var known = Status.of(keys, replies.subList(replies.size() - Status.COMMANDS, replies.size()));
    if (contradictions > ROUNDS) {
      throw new RedisFailure("the log " + keys + " contradicts itself; does another program write to it?");
    }
    if (known.isEmpty()) {
      return Next.BEGIN;
    }
    var status = known.get();
    if (after.isEmpty()) {
      return done(new Answer(status, Optional.empty()), List.of(), 0);
    }
    var finding = place.map(status::find).orElse(new Finding.Gap(status.base(), OptionalLong.empty()));
    if (finding instanceof Finding.Ahead && isUndecided()) {
      return await(status);
    }
    long start = switch (finding) {
      case Finding.Covered() -> place.orElseThrow().number();
      case Finding.Gap gap -> gap.from();
      case Finding.Ahead ahead -> ahead.from();
    };
    boolean whole = entries.isEmpty() ? status.last() == start : entries.getFirst().number() == start + 1;
    if (!asked || from != start || !whole) {
      boolean isHole = contradictions++ == ROUNDS && from == start && !entries.isEmpty();
      from = start; // events were dropped or appended in between, or the reader continues elsewhere
      return isHole ? afterHole(status, entries) : Next.AGAIN;
    }
    var events = events(status, entries);
    var reading = switch (finding) {
      case Finding.Covered() -> Reading.covered(after.get(), events);
      case Finding.Gap(long at, OptionalLong missed) -> Reading.gap(status.place(at).id(), events, missed);
      case Finding.Ahead(long at) -> Reading.gap(status.place(at).id(), events, OptionalLong.empty());
    };
    return done(new Answer(status, Optional.of(reading)), events, start);
  }

  /** Returns whether the epoch of the place began so recently that this may be an old master, which will give up. */
  private boolean isUndecided() {
    long age = Instant.now().getEpochSecond() - Place.birth(place.orElseThrow().word());
    return Math.abs(age) < UNDECIDED.toSeconds();
  }

  /**
   * Begins an epoch if Redis has been restarted or promoted since the last append. If there is none to begin, the reader
   * has to come back: events of an old master would hide from the new one which of its events the client has received.
   */
  private Next await(Status status) {
    if (!isAhead) {
      isAhead = true;
      return Next.BEGIN;
    }
    feed.learn(this, status, -1, List.of());
    throw new OldMaster(
        "the log " + feed.keys() + " does not know the epoch of " + place.orElseThrow().id()
            + ", which is younger than its own: Redis may be an old master");
  }

  /** Continues after a hole that another program made. */
  private Next afterHole(Status status, List<Replies.Entry> entries) {
    long start = entries.getFirst().number() - 1;
    var events = events(status, entries);
    var reading = Reading.gap(status.place(start).id(), events, OptionalLong.empty());
    return done(new Answer(status, Optional.of(reading)), events, start);
  }

  private static List<Event> events(Status status, List<Replies.Entry> entries) {
    var events = new ArrayList<Event>(entries.size());
    long next = entries.isEmpty() ? 0 : entries.getFirst().number();
    for (var entry : entries) {
      if (entry.number() != next++ || entry.number() > status.last()) {
        break;
      }
      events.add(Fields.event(entry.fields(), status.place(entry.number()).id()));
    }
    return events;
  }

  private Next done(Answer result, List<Event> events, long start) {
    feed.learn(this, result.status(), after.isEmpty() ? -1 : start, events);
    answer.complete(result);
    feed.ended(this);
    return Next.DONE;
  }

  @Override
  public void failed(RuntimeException e) {
    answer.completeExceptionally(e);
    feed.ended(this);
  }
}
