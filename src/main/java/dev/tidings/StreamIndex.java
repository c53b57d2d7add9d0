package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** The streams of a registry: in the order of their opening, by exchange and by identifier. */
final class StreamIndex {
  private final Capacity capacity;
  private final Roster<EventSource> streams = new Roster<>(); // until their exchanges are closed
  private final ConcurrentHashMap<HttpExchange, Member> byExchange = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Namesakes> byIdentifier = new ConcurrentHashMap<>();

  /** The open streams of one identifier, usually one. Changed under the map's lock for that identifier. */
  private static final class Namesakes {
    private volatile Member only; // null if there are several
    private volatile Roster<Member> all; // in the order of their opening; null before there were several

    Namesakes(Member only) {
      this.only = only;
    }

    void add(Member member) {
      if (all == null) {
        var roster = new Roster<Member>();
        only.namesake(roster.add(only));
        member.namesake(roster.add(member));
        all = roster;
        only = null;
      } else {
        member.namesake(all.add(member));
      }
    }

    /** Removes the stream. Returns whether none is left. */
    boolean remove(Member member) {
      if (all == null) {
        return only == member;
      }
      all.remove(member.namesake());
      return all.size() == 0;
    }

    List<Member> list() {
      var one = only; // read before all, which is set before only is cleared
      if (one != null) {
        return List.of(one);
      }
      var list = new ArrayList<Member>();
      all.forEach(list::add);
      return list;
    }

    Optional<Member> newest(Predicate<Member> which) {
      var one = only;
      return one != null ? Optional.of(one).filter(which) : all.last(which);
    }
  }

  StreamIndex(Capacity capacity) {
    this.capacity = capacity;
  }

  /** Claims the exchange. Throws an IllegalStateException if another stream has claimed it. */
  void claim(Member member) {
    if (byExchange.putIfAbsent(member.exchange(), member) != null) {
      throw new IllegalStateException("a stream is already open on this request");
    }
    member.number(streams.add(member.stream()));
  }

  /**
   * Admits the stream if there is room for it, and enters it under its identifier if it has one.
   *
   * @return the streams that have to end: those that are replaced, or this one if it was not admitted
   */
  List<Member> enter(Member member, Duplicates duplicates) {
    var leaving = new ArrayList<Member>();
    if (member.identifier().isPresent()) {
      byIdentifier.compute(
          member.identifier().get(), (key, present) -> merge(present, member, duplicates, leaving));
    } else if (!capacity.enter(member, List.of())) {
      leaving.add(member);
    }
    return leaving;
  }

  /** Returns whether the stream would be admitted now. */
  boolean hasRoom(Member member, Duplicates duplicates) {
    var present = member.identifier().map(byIdentifier::get).map(Namesakes::list).orElse(List.of());
    boolean refused = duplicates == Duplicates.REFUSE && !present.isEmpty();
    return !refused
        && capacity.hasRoom(member, duplicates == Duplicates.REPLACE ? present : List.of());
  }

  private Namesakes merge(
      Namesakes present, Member member, Duplicates duplicates, List<Member> leaving) {
    var replaced =
        present != null && duplicates == Duplicates.REPLACE ? present.list() : List.<Member>of();
    boolean refused = duplicates == Duplicates.REFUSE && present != null;
    if (refused || !capacity.enter(member, replaced)) {
      leaving.add(member);
      return present;
    }
    leaving.addAll(replaced);
    if (present == null || duplicates == Duplicates.REPLACE) {
      return new Namesakes(member);
    }
    present.add(member);
    return present;
  }

  /** Forgets the identifier of a stream that leaves the registry. */
  void leave(Member member) {
    member
        .identifier()
        .ifPresent(
            identifier ->
                byIdentifier.computeIfPresent(
                    identifier, (key, present) -> present.remove(member) ? null : present));
  }

  /** Forgets a stream whose exchange is closed. */
  void release(Member member) {
    byExchange.remove(member.exchange());
    streams.remove(member.number());
  }

  Optional<EventSource> find(String identifier) {
    return Optional.ofNullable(byIdentifier.get(identifier))
        .flatMap(present -> present.newest(member -> member.stream().isOpen()))
        .map(Member::stream);
  }

  /** Returns all open streams with this identifier. */
  List<EventSource> findAll(String identifier) {
    var present = byIdentifier.get(identifier);
    return present == null
        ? List.of()
        : present.list().stream().map(Member::stream).filter(EventSource::isOpen).toList();
  }

  List<EventSource> find(Predicate<? super String> identifiers) {
    var found = new ArrayList<EventSource>();
    byIdentifier.forEach(
        (identifier, present) -> {
          if (identifiers.test(identifier)) {
            present.list().stream().map(Member::stream).filter(EventSource::isOpen).forEach(found::add);
          }
        });
    return List.copyOf(found);
  }

  /** Returns all streams whose exchange is not closed, including ended ones, in the order of their opening. */
  Iterable<EventSource> streams() {
    return streams;
  }
}
