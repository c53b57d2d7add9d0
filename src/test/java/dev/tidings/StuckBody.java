package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** The response body of a client that does not read until the test allows it. */
final class StuckBody extends OutputStream {
  private final CountDownLatch writing = new CountDownLatch(1);
  private final CountDownLatch reads = new CountDownLatch(1);
  private final ByteArrayOutputStream read = new ByteArrayOutputStream();
  private volatile boolean leaves;

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int start, int length) throws IOException {
    boolean first = writing.getCount() > 0;
    writing.countDown();
    Await.asIo(() -> reads.await(1, TimeUnit.MINUTES)); // longer than a test waits for anything
    if (leaves && !first) {
      throw new IOException("the client is gone");
    }
    read.write(bytes, start, length);
  }

  void awaitWrite() throws InterruptedException {
    Await.latch("a write", writing);
  }

  /** Fills the outbox of a stream whose setting is one event, so that a further event has no room. */
  void fill(EventSource stream) throws InterruptedException {
    stream.offer("is being written");
    awaitWrite();
    stream.offer("waits first, and counts for nothing");
    stream.offer("counts");
  }

  /** Lets all writes proceed at once from now on. */
  void read() {
    reads.countDown();
  }

  /** Lets the first write succeed, and all later ones fail. */
  void readOnceAndLeave() {
    leaves = true;
    reads.countDown();
  }

  String text() {
    return read.toString(UTF_8);
  }
}
