package dev.tidings;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;

/** The body of a response to a client that does not read until the test says so. */
final class StuckBody extends OutputStream {
  private final CountDownLatch writing = new CountDownLatch(1);
  private final CountDownLatch reads = new CountDownLatch(1);

  @Override
  public void write(int b) throws IOException {
    writing.countDown();
    try {
      Await.latch("the client to read", reads);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  /** Sends on the stream until a further event would have no room, in an outbox for one event. */
  void fill(EventSource stream) throws InterruptedException {
    stream.offer("is being written");
    Await.latch("its write", writing);
    stream.offer("waits first, and counts for nothing");
    stream.offer("counts");
  }

  /** From now on all is written at once. */
  void read() {
    reads.countDown();
  }
}
