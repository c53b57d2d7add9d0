package dev.tidings.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Earlier versions of the library, which are compared with the current one. {@code tidings@old} is the peer
 * {@code tidings} with the classes of {@code -Dold}. {@code tidings@old2} has those of {@code -Dold2}, or
 * of {@code -Dold} if that is not set; then the two are identical, and their difference is noise.
 */
final class Old {
  static final String FIRST = "@old";
  static final String SECOND = "@old2";

  private Old() {}

  /** Returns the directory before the current classes on the class path, if the peer's name has one. */
  static Optional<Path> classes(String peer) {
    String suffix = peer.substring(Peer.plain(peer).length());
    return suffix.isEmpty() ? Optional.empty() : Optional.of(directory(peer, suffix));
  }

  private static Path directory(String peer, String suffix) {
    String first = System.getProperty("old", "");
    String second = System.getProperty("old2", "");
    String chosen = suffix.equals(SECOND) && !second.isEmpty() ? second : first;
    if (!List.of(FIRST, SECOND).contains(suffix) || !Peer.OURS.contains(Peer.plain(peer))) {
      throw new IllegalArgumentException(
          "no such peer: " + peer + "; " + FIRST + " and " + SECOND + " may follow " + Peer.OURS);
    }
    var directory = Path.of(chosen).toAbsolutePath();
    if (chosen.isEmpty() || !Files.exists(directory.resolve("dev/tidings/EventSources.class"))) {
      throw new IllegalArgumentException(
          peer + " needs -Dold=<directory of compiled classes of the library>, not \"" + chosen + "\"");
    }
    if (Files.exists(directory.resolve("dev/tidings/bench"))) {
      throw new IllegalArgumentException("not the library alone, but a benchmark too: " + directory);
    }
    return directory;
  }
}
