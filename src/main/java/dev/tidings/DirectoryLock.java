package dev.tidings;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The lock of a directory, so that only one log writes to it. The operating system releases it when the process ends,
 * however it ends. The file contains the id of the process.
 */
final class DirectoryLock implements AutoCloseable {
  /**
   * The directories that this process has locked. A second attempt must not even open the file: POSIX releases the locks
   * of a process when it closes any descriptor of the file.
   */
  private static final Set<Path> LOCKED = ConcurrentHashMap.newKeySet();

  /** Channels that must not be closed, because that would release the lock of another copy of this class; by file. */
  private static final Map<Path, FileChannel> KEPT = new ConcurrentHashMap<>();

  private static final long LOCKED_BYTE = Long.MAX_VALUE - 1; // not the content, which Windows would make unreadable

  private final Path directory;
  private final FileChannel channel; // no method of it is called until it is closed, so no interrupt can close it

  private DirectoryLock(Path directory, FileChannel channel) {
    this.directory = directory;
    this.channel = channel;
  }

  /**
   * Locks an existing directory.
   *
   * @throws IllegalStateException if it is locked, by this process or by another one
   */
  static DirectoryLock lock(Path directory) throws IOException {
    var real = directory.toRealPath();
    if (!LOCKED.add(real)) {
      throw inUse(directory, "in this process");
    }
    DirectoryLock lock = null;
    try {
      lock = new DirectoryLock(real, lockFile(directory, real.resolve("lock")));
      return lock;
    } finally {
      if (lock == null) {
        LOCKED.remove(real);
      }
    }
  }

  private static FileChannel lockFile(Path directory, Path file) throws IOException {
    var kept = KEPT.remove(file); // of an earlier attempt
    var channel =
        kept != null
            ? kept
            : FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean used = false;
    try {
      if (channel.tryLock(LOCKED_BYTE, 1, false) == null) {
        var holder = ByteBuffer.allocate(20);
        channel.read(holder, 0);
        throw inUse(directory, "in process " + new String(holder.array(), 0, holder.position(), US_ASCII).strip());
      }
      channel.truncate(0);
      channel.write(ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(US_ASCII)), 0);
      used = true;
      return channel;
    } catch (OverlappingFileLockException e) { // a class loader has its own copy of this class
      KEPT.put(file, channel);
      used = true;
      throw inUse(directory, "in this process");
    } finally {
      if (!used) {
        channel.close();
      }
    }
  }

  private static IllegalStateException inUse(Path directory, String where) {
    return new IllegalStateException(
        "the log in " + directory + " is open " + where
            + "; only one can write to a directory: close it, or use another directory");
  }

  @Override
  public void close() throws IOException {
    channel.close();
    LOCKED.remove(directory);
  }
}
