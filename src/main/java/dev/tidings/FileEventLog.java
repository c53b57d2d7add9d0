package dev.tidings;

import java.io.UncheckedIOException;
import java.nio.file.Path;

/**
 * A log in the files of a directory, whose events survive a restart; see
 * {@link EventLog#inFile(Path, FileLogSettings)}.
 *
 * <p>After the log has been closed, {@code append} throws {@link NotAppendedException}, and all other methods throw
 * {@link UncheckedIOException}.
 */
public sealed interface FileEventLog extends EventLog, AutoCloseable permits SegmentedLog {

  /**
   * Completes the appends in progress, forces all events to the storage device, and releases the directory.
   * Threads that wait in {@link #read} throw an {@code UncheckedIOException}. Does nothing if the log is closed. Blocks
   * on the storage device.
   *
   * @throws UncheckedIOException if the events could not be forced; the directory is released all the same
   */
  @Override
  void close();
}
