package dev.tidings;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * Records events in JDK Flight Recorder. If the runtime image does not contain the module {@code jdk.jfr}, nothing is
 * recorded. Only {@link JfrRecorder} uses classes of that module. While an event is not recorded, nothing is allocated
 * for it, and it costs the check of a constant.
 */
interface Recorder {
  /** Records nothing. */
  Recorder NONE =
      new Recorder() {
        @Override
        public boolean recordsStreams() {
          return false;
        }

        @Override
        public Life open(String route) {
          return null;
        }

        @Override
        public Life late() {
          return null;
        }

        @Override
        public Write beginWrite() {
          return null;
        }

        @Override
        public Publication beginPublish() {
          return null;
        }

        @Override
        public void gap(String channel, String from, OptionalLong missed) {}
      };

  /** The recorder of this JVM. */
  Recorder CURRENT = find();

  private static Recorder find() {
    try {
      return new JfrRecorder();
    } catch (LinkageError e) { // a class of jdk.jfr is missing
      return NONE;
    }
  }

  /** The life of one stream. */
  interface Life {
    /** Records the end of the stream, whose exchange is closed. The times are in nanoseconds. */
    void end(Optional<String> identifier, Ending why, long age, Traffic traffic, long largestWait);
  }

  /** A write that has begun. */
  interface Write {
    /** Records the write if it was slow. */
    void end(Optional<String> identifier, long bytes);
  }

  /** A call that publishes events, and that has begun. */
  interface Publication {
    /** Records the end of the call. */
    void end(String channel, int events);
  }

  boolean recordsStreams();

  /** Begins to record a stream that opens now; null if streams are not recorded. */
  Life open(String route);

  /** Returns the record of a stream that was opened before the recording began; null if streams are not recorded. */
  Life late();

  /** Returns null if writes are not recorded. */
  Write beginWrite();

  /** Returns null if publishing is not recorded. */
  Publication beginPublish();

  /** Records that a channel reports a gap. */
  void gap(String channel, String from, OptionalLong missed);
}
