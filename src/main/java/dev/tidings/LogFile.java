package dev.tidings;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file to which a log appends. An interrupt has no effect on its methods, because callers of a log may be interrupted
 * at any time. A {@code FileChannel} is not suitable: an interrupt of one thread closes it for all.
 */
interface LogFile extends Closeable {

  /** Opens files. */
  interface Opener {
    /** Opens a file, which is created if it does not exist, at its end, and forces its entry in the directory. */
    LogFile open(Path file) throws IOException;
  }

  /** Writes bytes at the end of the file. If this fails, any number of them may have been written. */
  void write(byte[] bytes, int length) throws IOException;

  /** Removes all bytes from this length on. */
  void truncate(long length) throws IOException;

  /** Forces all written bytes to the storage device. Other virtual threads do not lose their carrier meanwhile. */
  void force() throws IOException;

  /** Opens or creates a file on the default file system, and forces its entry in the directory. */
  static LogFile open(Path path) throws IOException {
    var file = unforced(path);
    try {
      forceDirectory(path.toAbsolutePath().getParent()); // a relative path may have no parent
      return file;
    } catch (IOException | RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** Opens or creates a file whose entry in the directory is not forced. */
  static LogFile unforced(Path path) throws IOException {
    var file = new RandomAccessFile(path.toFile(), "rw");
    try {
      file.seek(file.length());
    } catch (IOException e) {
      file.close();
      throw e;
    }
    return new LogFile() {
      @Override
      public void write(byte[] bytes, int length) throws IOException {
        file.write(bytes, 0, length);
      }

      @Override
      public void truncate(long length) throws IOException {
        file.setLength(length);
      }

      @Override
      public void force() throws IOException {
        file.getFD().sync();
      }

      @Override
      public void close() throws IOException {
        file.close();
      }
    };
  }

  /** Creates a directory and its parents, and forces their entries. */
  static void createDirectories(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Path parent = directory.getParent();
      if (parent != null) {
        createDirectories(parent);
      }
      Files.createDirectories(directory); // fails if it is a file
      if (parent != null) {
        forceDirectory(parent);
      }
    }
  }

  /** Forces the entries of a directory. On Windows, a directory cannot be opened, and need not be. */
  private static void forceDirectory(Path directory) throws IOException {
    if (directory.getFileSystem().getSeparator().equals("\\")) {
      return;
    }
    boolean interrupted = false;
    try {
      for (boolean forced = false; !forced; ) {
        interrupted |= Thread.interrupted();
        try (var channel = FileChannel.open(directory, StandardOpenOption.READ)) {
          channel.force(true);
          forced = true;
        } catch (ClosedByInterruptException e) {
          interrupted = true; // only this channel is closed; try again
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
