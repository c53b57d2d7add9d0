package dev.tidings.redis;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Events that one call appends, and their ids later. */
final class Append {

  /** An event as it is sent. */
  record Item(List<byte[]> fields, Optional<String> key, boolean completes) {}

  /** How much a log holds. */
  record Limits(int events, Duration age) {}

  private final List<Item> items;
  private final long bytes;
  private final Limits limits;
  private final long deadline; // System.nanoTime
  private final CompletableFuture<List<String>> ids = new CompletableFuture<>();

  Append(List<Item> items, Limits limits, long deadline) {
    this.items = items;
    this.bytes = items.stream().mapToLong(item -> Fields.size(item.fields())).sum();
    this.limits = limits;
    this.deadline = deadline;
  }

  List<Item> items() {
    return items;
  }

  long bytes() {
    return bytes;
  }

  Limits limits() {
    return limits;
  }

  long deadline() {
    return deadline;
  }

  CompletableFuture<List<String>> ids() {
    return ids;
  }

  boolean completes() {
    return !items.isEmpty() && items.getLast().completes();
  }
}
