package dev.tidings.redis.faults;

import dev.tidings.redis.faults.HeldLog.Place;
import dev.tidings.redis.faults.Item.Gap;
import dev.tidings.redis.faults.Item.Position;
import dev.tidings.redis.faults.Item.Received;
import dev.tidings.redis.faults.Publication.Outcome;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Judges what clients received and publishers were answered, against the log itself:
 *
 * <ul>
 *   <li>What a client received is a part of the log, in order and without repetition. Where something is missing, the
 *       client was told a gap in its place, with the right number.
 *   <li>A client that received events that the log has lost was told so before the next event.
 *   <li>An acknowledged event is in the log with its id, or Redis has lost it. An event whose fate is unknown is in the
 *       log at most once, a refused one is not.
 *   <li>Acknowledged events of a publisher are in its order.
 * </ul>
 */
final class Judge {
  private final HeldLog log;
  private final Verdict verdict = new Verdict();
  private final Set<String> refused = new HashSet<>();

  private Judge(HeldLog log) {
    this.log = log;
  }

  /** Judges all records of one channel, when all is quiet. */
  static Verdict judge(HeldLog log, Collection<Publication> publications, Collection<List<Item>> clients) {
    var judge = new Judge(log);
    judge.verdict.events = log.payloads().size();
    judge.publications(publications);
    int number = 0;
    for (List<Item> items : clients) {
      judge.new Record("client " + number++).judge(items);
    }
    return judge.verdict;
  }

  private void contradicted(String what) {
    verdict.contradicted++;
    verdict.note("contradicted: " + what);
  }

  // Publications.

  private void publications(Collection<Publication> publications) {
    var numbers = new HashMap<String, Long>(); // by payload
    log.payloads().forEach((number, payload) -> {
      if (numbers.put(payload, number) != null) {
        verdict.doubled++;
        verdict.note("doubled: " + payload + " is in the log twice, the second time as " + number);
      }
    });
    var sent = new HashSet<String>();
    var order = new HashMap<Integer, Long>(); // the last number of an acknowledged event, by publisher
    for (Publication its : publications) {
      sent.add(its.payload());
      Long held = numbers.get(its.payload());
      switch (its.outcome()) {
        case ACKED -> {
          verdict.acked++;
          acked(its, held);
        }
        case UNKNOWN -> {
          verdict.unknown++;
          verdict.unknownAppended += held != null ? 1 : 0;
        }
        case REFUSED -> {
          verdict.refused++;
          refused.add(its.payload());
          if (held != null) {
            contradicted(its.payload() + " was refused, and is in the log as " + held);
          }
        }
      }
      if (held != null) {
        long before = order.getOrDefault(its.publisher(), 0L);
        if (held < before) {
          verdict.disordered++;
          verdict.note("disordered: " + its.payload() + " is " + held + ", before an earlier one of its publisher, " + before);
        }
        if (its.outcome() == Outcome.ACKED) {
          order.put(its.publisher(), held);
        }
      }
    }
    numbers.keySet().stream().filter(payload -> !sent.contains(payload)).forEach(payload ->
        contradicted(payload + " is in the log, and nobody sent it"));
  }

  private void acked(Publication its, Long held) {
    var place = Place.of(its.id());
    if (held == null) {
      if (!log.has(place)) {
        verdict.lostByEngine++;
      } else if (place.number() <= log.base()) {
        verdict.dropped++;
      } else {
        contradicted(its.payload() + " was acknowledged as " + its.id() + ", which is another event");
      }
    } else if (held != place.number() || held > log.base() && !log.has(place)) {
      contradicted(its.payload() + " was acknowledged as " + its.id() + ", and is " + held + "." + log.word(held));
    }
  }

  // Clients.

  /** What one client received. */
  private final class Record {
    private final String who;
    private final Set<String> ids = new HashSet<>();
    private final Map<String, Boolean> payloads = new HashMap<>(); // true if lost by the log
    private Place at; // null before the first position

    Record(String who) {
      this.who = who;
    }

    void judge(List<Item> items) {
      for (Item item : items) {
        switch (item) {
          case Position position -> position(position);
          case Received event -> received(event);
          case Gap gap -> gap(gap);
        }
      }
      if (at == null) {
        verdict.lost++;
        verdict.note("lost: " + who + " received nothing, not even a position");
      } else if (!log.has(at)) {
        untold("the end is " + id(at) + ", which the log has lost");
      } else if (at.number() < log.last()) {
        verdict.lost += (int) (log.last() - at.number());
        verdict.note("lost: " + who + " has nothing after " + id(at) + ", and the log ends at " + log.lastId());
      }
    }

    private static String id(Place place) {
      return place == null ? "nothing" : place.number() + "." + place.word();
    }

    private void untold(String what) {
      verdict.untold++;
      verdict.note("untold: " + who + ": " + what);
    }

    private void disordered(String what) {
      verdict.disordered++;
      verdict.note("disordered: " + who + ": " + what);
    }

    private void position(Position position) {
      var place = Place.of(position.id());
      if (at != null && !at.equals(place)) {
        disordered("the position " + position.id() + " after " + id(at));
      }
      at = place;
    }

    private void received(Received event) {
      verdict.received++;
      var place = Place.of(event.id());
      boolean isHeld = log.has(place);
      if (!ids.add(event.id())) {
        if (isHeld) {
          verdict.doubled++;
          verdict.note("doubled: " + who + " received " + event.id() + " twice");
        } else { // from a node that has not noticed the loss that the client was told by another one
          verdict.stale++;
          follows(place, false);
        }
        at = place;
        return;
      }
      if (place.number() < 1) {
        disordered("no id of an event: " + event.id());
        return;
      }
      payload(event, place, isHeld);
      follows(place, isHeld);
      at = place;
    }

    private void payload(Received event, Place place, boolean isHeld) {
      verdict.phantoms += isHeld ? 0 : 1;
      String held = log.payloads().get(place.number());
      if (isHeld && held != null && !held.equals(event.payload())) {
        disordered(event.id() + " is " + event.payload() + " here, and " + held + " in the log");
      }
      if (refused.contains(event.payload())) {
        contradicted(event.payload() + " was refused, and " + who + " received it as " + event.id());
      }
      var lostBefore = payloads.put(event.payload(), !isHeld);
      if (lostBefore != null) {
        if (lostBefore) {
          verdict.again++;
        } else {
          verdict.doubled++;
          verdict.note("doubled: " + who + " received " + event.payload() + " again as " + event.id());
        }
      }
    }

    /** Checks that nothing is missing between the place of the client and an event. */
    private void follows(Place place, boolean isHeld) {
      if (at == null) {
        disordered(id(place) + " before any position");
      } else if (isHeld && !log.has(at)) {
        untold(id(place) + " after " + id(at) + ", which the log has lost");
      } else if (place.number() <= at.number()) {
        disordered(id(place) + " after " + id(at));
      } else if (place.number() > at.number() + 1) {
        if (isHeld) {
          verdict.lost += (int) (place.number() - at.number() - 1);
          verdict.note("lost: " + who + " received " + id(place) + " after " + id(at));
        } else {
          untold(id(place) + ", which the log has lost, after " + id(at));
        }
      }
    }

    private void gap(Gap gap) {
      if (at == null) {
        verdict.toldFirst++;
      } else {
        verdict.told++;
      }
      var from = Place.of(gap.from());
      if (!gap.id().equals(gap.from())) {
        untold("a gap with the id " + gap.id() + " to " + gap.from());
      }
      if (!gap.after().equals(at == null ? "" : id(at))) {
        untold("a gap after " + gap.after() + ", and the client was at " + id(at));
      }
      if (log.has(from) && at != null) {
        missed(gap, from);
      } else if (at == null && gap.missed().isPresent()) {
        untold("the first position is a gap with a number: " + gap);
      }
      at = from;
    }

    private void missed(Gap gap, Place from) {
      boolean wasHeld = log.has(at);
      long end = wasHeld ? at.number() : log.end(at.word());
      if (end < 0) { // of an epoch that nobody knows any longer
        return;
      }
      end = Math.min(end, at.number());
      long missing = from.number() - end;
      if (missing < 0) {
        disordered("a gap back to " + gap.from() + " from " + id(at));
      } else if (!gap.missed().equals(OptionalLong.of(missing))) {
        untold("missed " + missing + ", but the gap says " + gap);
      }
      boolean isAllHeld = missing > 0 && end >= log.base();
      if (isAllHeld || wasHeld && missing == 0) {
        verdict.needless++;
        verdict.note("needless: " + who + " was told a gap, and the log has all: " + gap + " at " + id(at));
      }
    }
  }
}
