package dev.tidings;

import com.sun.net.httpserver.HttpExchange;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** The open streams, by exchange and by identifier. */
final class Registry {
  private final Crowd crowd;
  private final ConcurrentHashMap<HttpExchange, EventSource> byExchange = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, List<EventSource>> byIdentifier =
      new ConcurrentHashMap<>();

  private final AtomicLong changes = new AtomicLong(); // of byExchange
  private volatile Snapshot inOrder; // null after a change

  /** The streams as they were after so many changes. */
  private record Snapshot(long changes, List<EventSource> streams) {}

  Registry(Crowd crowd) {
    this.crowd = crowd;
  }

  /** Takes the exchange, on which no stream may have been opened before. */
  void claim(HttpExchange exchange, EventSource stream) {
    if (byExchange.putIfAbsent(exchange, stream) != null) {
      throw new IllegalStateException("a stream is already open on this request");
    }
    changed();
  }

  /**
   * Admits the stream if the crowd lets it in, and enters it under its identifier if it has one.
   *
   * @return those that have to make way: older streams, the stream itself, or nobody
   */
  List<EventSource> enter(EventSource stream, Duplicates duplicates) {
    var leaving = new ArrayList<EventSource>();
    if (stream.identifier().isPresent()) {
      byIdentifier.compute(
          stream.identifier().get(),
          (key, present) -> {
            var streams =
                merge(present == null ? List.of() : present, stream, duplicates, leaving);
            return streams.isEmpty() ? null : streams;
          });
    } else if (!crowd.enter(stream, List.of())) {
      leaving.add(stream);
    }
    return leaving;
  }

  private List<EventSource> merge(
      List<EventSource> present,
      EventSource stream,
      Duplicates duplicates,
      List<EventSource> leaving) {
    boolean refused = duplicates == Duplicates.REFUSE && !present.isEmpty();
    var replaced = duplicates == Duplicates.REPLACE ? present : List.<EventSource>of();
    if (refused || !crowd.enter(stream, replaced)) {
      leaving.add(stream);
      return present;
    }
    if (duplicates == Duplicates.COEXIST) {
      return Stream.concat(Stream.of(stream), present.stream()).toList();
    }
    leaving.addAll(present);
    return List.of(stream);
  }

  /** Forgets the identifier of a stream that ends. */
  void leave(String identifier, EventSource stream) {
    byIdentifier.computeIfPresent(
        identifier,
        (key, present) -> {
          var others = present.stream().filter(other -> other != stream).toList();
          return others.isEmpty() ? null : others;
        });
  }

  /** Forgets a stream whose exchange is closed. */
  void release(HttpExchange exchange) {
    byExchange.remove(exchange);
    changed();
  }

  private void changed() {
    changes.incrementAndGet();
    inOrder = null;
  }

  Optional<EventSource> find(String identifier) {
    return byIdentifier.getOrDefault(identifier, List.of()).stream()
        .filter(EventSource::isOpen)
        .findFirst();
  }

  List<EventSource> find(Predicate<? super String> identifiers) {
    var found = new ArrayList<EventSource>();
    byIdentifier.forEach(
        (identifier, streams) -> {
          if (identifiers.test(identifier)) {
            streams.stream().filter(EventSource::isOpen).forEach(found::add);
          }
        });
    return List.copyOf(found);
  }

  /** All whose exchange is not closed, the ended ones too. */
  Collection<EventSource> claimed() {
    return byExchange.values();
  }

  /**
   * The same in the order of their opening, in which they mostly lie in memory: a broadcast to thousands
   * waits for memory more than for anything else of ours.
   */
  List<EventSource> claimedInOrder() {
    long seen = changes.get(); // before looking: who came before is among them
    var snapshot = inOrder;
    if (snapshot == null || snapshot.changes() != seen) {
      var streams = new ArrayList<>(byExchange.values());
      streams.sort(Comparator.comparingLong(EventSource::opened));
      snapshot = new Snapshot(seen, streams);
      inOrder = snapshot;
      if (changes.get() != seen) {
        inOrder = null; // or those of them that have ended would not be let go
      }
    }
    return snapshot.streams();
  }
}
