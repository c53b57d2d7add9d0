package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** The lines of an input stream as they arrive, from a process or a response body. */
final class Lines implements AutoCloseable {
  static final String END = "(end)";
  static final String BROKEN = "(broken off)";
  private static final int PATIENCE_SECONDS = 20;

  private final BlockingQueue<String> queue = new LinkedBlockingQueue<>();
  private final InputStream in;

  Lines(InputStream in) {
    this.in = in;
    Thread.ofPlatform().daemon().name("lines").start(this::read);
  }

  private void read() {
    try (var reader = new BufferedReader(new InputStreamReader(in, UTF_8))) {
      for (String line; (line = reader.readLine()) != null; ) {
        queue.add(line);
      }
      queue.add(END);
    } catch (IOException e) {
      queue.add(BROKEN);
    }
  }

  /** Waits for the next line and returns it; after the last one, {@link #END} or {@link #BROKEN}. */
  String next() throws InterruptedException {
    String line = queue.poll(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertNotNull(line, "no line within " + PATIENCE_SECONDS + " s");
    return line;
  }

  /** Waits for the next matching line and returns it; lines before it are skipped. */
  String next(Predicate<String> wanted) throws InterruptedException {
    var skipped = new ArrayList<String>();
    while (true) {
      String line = next();
      if (wanted.test(line)) {
        return line;
      }
      skipped.add(line);
      if (isLast(line)) {
        throw new AssertionError("not among " + skipped);
      }
    }
  }

  /** Returns the lines up to the next blank line or the end, that is, the next event or the head. */
  List<String> nextBlock() throws InterruptedException {
    var block = new ArrayList<String>();
    for (String line; !(line = next()).isEmpty() && !isLast(line); ) {
      block.add(line);
    }
    return block;
  }

  /** Returns the lines of the next event, without comments; empty at the end. */
  List<String> nextEvent() throws InterruptedException {
    var event = new ArrayList<String>();
    for (String line; !isLast(line = next()); ) {
      if (line.isEmpty() && !event.isEmpty()) {
        return event;
      }
      if (!line.isEmpty() && !line.startsWith(":")) {
        event.add(line);
      }
    }
    return List.of();
  }

  private static boolean isLast(String line) {
    return line.equals(END) || line.equals(BROKEN);
  }

  boolean isEmpty() {
    return queue.isEmpty();
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
