package dev.tidings;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;

/** A queue, which ends with a certain element if one is given. */
final class QueueSource implements Source {
  private final BlockingQueue<? extends Event> queue;
  private final Optional<Event> end;
  private boolean ended;

  QueueSource(BlockingQueue<? extends Event> queue, Optional<Event> end) {
    this.queue = Objects.requireNonNull(queue, "queue");
    this.end = end;
  }

  @Override
  public Optional<Boolean> take(List<Event> events, int most, Breakable waits) throws InterruptedException {
    if (!ended) {
      Optional<Event> first = waits.run(queue::take);
      if (first.isEmpty()) {
        return Optional.empty();
      }
      add(first.get(), events);
    }
    for (Event next; !ended && events.size() < most && (next = queue.poll()) != null; ) {
      add(next, events);
    }
    return Optional.of(!events.isEmpty());
  }

  private void add(Event event, List<Event> events) {
    ended = end.isPresent() && end.get() == event; // by identity: an equal event may be one to send
    if (!ended) {
      events.add(event);
    }
  }

  @Override
  public List<Event> close() {
    return List.of();
  }
}
