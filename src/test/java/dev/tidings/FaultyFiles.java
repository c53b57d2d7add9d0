package dev.tidings;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** Files of a log, on the real file system, whose next operation can be made to fail or to wait. */
final class FaultyFiles implements LogFile.Opener {
  static final int NEVER = -1;

  /** Files that are not forced, for tests without failures of the power. */
  static final LogFile.Opener UNFORCED = path -> new Forwarding(LogFile.unforced(path)) {
    @Override
    public void force() {}
  };

  private final AtomicInteger forces = new AtomicInteger();
  volatile int failWriteAfter = NEVER; // bytes of the next write that are written before it fails
  volatile boolean failForce;
  volatile boolean failTruncate;
  volatile boolean failOpen;
  volatile Await.Blocking beforeForce = () -> {};

  /** Returns how often files have been forced. */
  int forces() {
    return forces.get();
  }

  @Override
  public LogFile open(Path path) throws IOException {
    failIf(failOpen);
    var file = LogFile.open(path);
    return new Forwarding(file) {
      @Override
      public void write(byte[] bytes, int length) throws IOException {
        if (failWriteAfter == NEVER) {
          file.write(bytes, length);
        } else {
          file.write(bytes, Math.min(length, failWriteAfter));
          failWriteAfter = NEVER;
          throw new IOException("No space left on device");
        }
      }

      @Override
      public void truncate(long length) throws IOException {
        failIf(failTruncate);
        file.truncate(length);
      }

      @Override
      public void force() throws IOException {
        Await.asIo(beforeForce);
        failIf(failForce);
        forces.incrementAndGet();
        file.force();
      }
    };
  }

  private static class Forwarding implements LogFile {
    private final LogFile file;

    Forwarding(LogFile file) {
      this.file = file;
    }

    @Override
    public void write(byte[] bytes, int length) throws IOException {
      file.write(bytes, length);
    }

    @Override
    public void truncate(long length) throws IOException {
      file.truncate(length);
    }

    @Override
    public void force() throws IOException {
      file.force();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }

  private static void failIf(boolean fails) throws IOException {
    if (fails) {
      throw new IOException("Input/output error");
    }
  }
}
