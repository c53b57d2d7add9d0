package dev.tidings.bench;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** All samples, with queries. */
record Results(List<Sample> samples, Map<Case, List<String>> plan) {

  /** The median and the range over the rounds. */
  record Spread(double median, double min, double max) {}

  Optional<Spread> spread(String test, String peer, Figure figure) {
    var values =
        of(test, peer).stream()
            .map(sample -> sample.figures().get(figure))
            .filter(value -> value != null)
            .mapToDouble(Double::doubleValue)
            .sorted()
            .toArray();
    if (values.length == 0) {
      return Optional.empty();
    }
    return Optional.of(new Spread(middle(values), values[0], values[values.length - 1]));
  }

  /** Returns the median of sorted values. */
  static double middle(double[] sorted) {
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  OptionalDouble median(String test, String peer, Figure figure) {
    var spread = spread(test, peer, figure);
    return spread.isPresent()
        ? OptionalDouble.of(spread.get().median())
        : OptionalDouble.empty();
  }

  List<Sample> of(String test, String peer) {
    return samples.stream()
        .filter(sample -> sample.test().equals(test) && sample.peer().equals(peer))
        .toList();
  }

  /** Returns the peers to compare with, without the library and the baselines. */
  List<String> rivals() {
    return plan.values().stream()
        .flatMap(List::stream)
        .distinct()
        .filter(peer -> !Peer.OURS.contains(Peer.plain(peer)) && !Peer.FLOORS.contains(peer))
        .toList();
  }
}
