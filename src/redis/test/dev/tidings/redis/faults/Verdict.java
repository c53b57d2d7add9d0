package dev.tidings.redis.faults;

import java.util.ArrayList;
import java.util.List;

/** What the judge found. The first six figures must be 0, see {@link #isClean}. */
final class Verdict {
  private static final int SHOWN = 30;

  int lost; // events that a client should have received, and was not told to miss
  int doubled; // events that a client received twice, or that are twice in the log
  int disordered; // events in another order than in the log, or with another payload or id
  int untold; // losses that a client was not told, or was told wrongly
  int needless; // gaps that were told although nothing was missing
  int contradicted; // publications whose answer is not true

  int events; // in the log
  int received; // by all clients
  int acked;
  int unknown;
  int unknownAppended; // of the unknown ones
  int refused;
  int lostByEngine; // acknowledged, and not in the log
  int dropped; // acknowledged, and beyond a limit of the log
  int phantoms; // received, and lost by the engine
  int told; // gaps
  int toldFirst; // gaps in place of a first position, which the log did not answer in time
  int stale; // lost events that a client received again, after it was told the loss
  int again; // payloads that were appended anew after a loss, so that a client received them twice
  final List<String> violations = new ArrayList<>();

  boolean isClean() {
    return lost + doubled + disordered + untold + needless + contradicted == 0;
  }

  void note(String violation) {
    if (violations.size() < SHOWN) {
      violations.add(violation);
    }
  }

  /** Adds another verdict to this one. */
  Verdict plus(Verdict other) {
    lost += other.lost;
    doubled += other.doubled;
    disordered += other.disordered;
    untold += other.untold;
    needless += other.needless;
    contradicted += other.contradicted;
    events += other.events;
    received += other.received;
    acked += other.acked;
    unknown += other.unknown;
    unknownAppended += other.unknownAppended;
    refused += other.refused;
    lostByEngine += other.lostByEngine;
    dropped += other.dropped;
    phantoms += other.phantoms;
    told += other.told;
    toldFirst += other.toldFirst;
    stale += other.stale;
    again += other.again;
    other.violations.forEach(this::note);
    return this;
  }

  @Override
  public String toString() {
    return "lost " + lost + ", doubled " + doubled + ", disordered " + disordered + ", untold " + untold + ", needless " + needless
        + ", contradicted " + contradicted + "; events " + events + ", received " + received + ", acked " + acked + ", unknown "
        + unknown + " (appended " + unknownAppended + "), refused " + refused + ", lost by Redis " + lostByEngine + ", dropped "
        + dropped + ", phantoms " + phantoms + ", told " + told + " (at first " + toldFirst + "), again " + again + ", stale " + stale
        + (violations.isEmpty() ? "" : "\n  " + String.join("\n  ", violations));
  }
}
