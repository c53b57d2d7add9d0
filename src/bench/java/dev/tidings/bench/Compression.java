package dev.tidings.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.tidings.Event;
import dev.tidings.SseServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.zip.Deflater;

/**
 * A separate command: measures what a compressed stream would cost a server, relative to the same stream without
 * compression. A compressor is either one per stream, which remembers earlier events, or one per event, whose output
 * could be shared by all streams.
 */
final class Compression {
  private static final int[] SIZES = {100, 300, 1_000, 4_000, 16_000};
  private static final String[] WORDS =
      "the price of this item has changed since you looked at it last and may change again".split(" ");

  private final int rounds;
  private final int events; // for each size, in each round
  private final int streams;
  private final Random random = new Random(1);
  private final byte[] output = new byte[64 * 1024];

  /** The results for events of one size: microseconds of processor time, and compressed bytes, per event. */
  private record Cost(double write, double perStream, double perEvent, double streamBytes, double eventBytes) {}

  private Compression(int rounds, int events, int streams) {
    this.rounds = rounds;
    this.events = events;
    this.streams = streams;
  }

  public static void main(String[] args) throws Exception {
    System.out.println(Machine.description());
    new Compression(Integer.getInteger("rounds", 5), 2_000, 1_000).run();
    System.exit(0);
  }

  /** Runs all in miniature, to check that it works. */
  static void shortly() throws Exception {
    new Compression(1, 50, 50).run();
  }

  private void run() throws Exception {
    System.out.println("size   bytes left: per stream, per event   time by that of a write: per stream, per event");
    for (int size : SIZES) {
      var costs = new ArrayList<Cost>();
      for (int round = -1; round < rounds; round++) {
        var cost = measure(size);
        if (round >= 0) { // the first is the warm-up
          costs.add(cost);
        }
      }
      double write = median(costs.stream().mapToDouble(Cost::write).toArray());
      System.out.printf(
          Locale.ROOT,
          "%6d %18.2f %14.2f %24.1f %14.1f   (a write: %.1f us)%n",
          size,
          median(costs.stream().mapToDouble(Cost::streamBytes).toArray()) / size,
          median(costs.stream().mapToDouble(Cost::eventBytes).toArray()) / size,
          median(costs.stream().mapToDouble(Cost::perStream).toArray()) / write,
          median(costs.stream().mapToDouble(Cost::perEvent).toArray()) / write,
          write);
    }
    double heap = heapPerStream();
    double window = memoryPerCompressor();
    System.out.printf(
        Locale.ROOT,
        "memory of a compressor that has filled its window: %.0f KiB, of a stream: %.1f KiB of heap; ratio %.1f%n",
        window / 1024,
        heap / 1024,
        window / heap);
  }

  private Cost measure(int size) throws Exception {
    var sent = new ArrayList<byte[]>();
    for (int i = 0; i < events; i++) {
      sent.add(event(i, size));
    }
    long streamBytes = 0;
    long eventBytes = 0;
    var perStream = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
    var perEvent = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
    try {
      long start = processorNanos();
      for (byte[] event : sent) {
        streamBytes += compress(perStream, event);
      }
      long remembered = processorNanos() - start;
      start = processorNanos();
      for (byte[] event : sent) {
        perEvent.reset();
        eventBytes += compress(perEvent, event);
      }
      long shared = processorNanos() - start;
      return new Cost(
          writes(sent) / 1e3 / events,
          remembered / 1e3 / events,
          shared / 1e3 / events,
          (double) streamBytes / events,
          (double) eventBytes / events);
    } finally {
      perStream.end();
      perEvent.end();
    }
  }

  private static long processorNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private int compress(Deflater deflater, byte[] event) {
    deflater.setInput(event);
    int length = deflater.deflate(output, 0, output.length, Deflater.SYNC_FLUSH);
    if (length == output.length) {
      throw new IllegalStateException("the buffer is too small");
    }
    return length;
  }

  /** Returns the processor time of this thread for writing the events to a socket, one write each. */
  private static long writes(List<byte[]> events) throws Exception {
    try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var client = new Socket(server.getInetAddress(), server.getLocalPort());
        var accepted = server.accept()) {
      var reader = Thread.ofPlatform().daemon().start(() -> discard(client));
      var out = accepted.getOutputStream();
      long start = processorNanos();
      for (byte[] event : events) {
        out.write(event);
      }
      long nanos = processorNanos() - start;
      accepted.shutdownOutput();
      reader.join();
      return nanos;
    }
  }

  private static void discard(Socket socket) {
    try {
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns an event like those of a price feed, with JSON data. */
  private byte[] event(int number, int size) {
    var text = new StringBuilder("{\"n\":" + (1_795_342_816_000L + number * 37L));
    text.append(",\"price\":").append(random.nextInt(100_000) / 100.0).append(",\"text\":\"");
    String end = "\"}";
    int around = Event.of("price", "").withId("1795342816000-" + number).encode().length();
    while (text.length() < size - around - end.length()) {
      text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
    }
    text.setLength(Math.max(0, size - around - end.length()));
    return Event.of("price", text + end).withId("1795342816000-" + number).encode().getBytes(UTF_8);
  }

  private double memoryPerCompressor() throws IOException {
    byte[] input = new byte[128 * 1024]; // more than the window, and not compressible
    random.nextBytes(input);
    byte[] large = new byte[2 * input.length];
    var all = new ArrayList<Deflater>();
    long before = residentBytes();
    try {
      for (int i = 0; i < streams; i++) {
        var deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
        all.add(deflater);
        deflater.setInput(input);
        deflater.deflate(large, 0, large.length, Deflater.SYNC_FLUSH);
      }
      return (double) (residentBytes() - before) / streams;
    } finally {
      all.forEach(Deflater::end);
    }
  }

  private static long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("no VmRSS in /proc/self/status");
  }

  /** Returns the heap of an open stream, without that of its client, which is a bare socket. */
  private double heapPerStream() throws Exception {
    var opened = new CountDownLatch(streams);
    var sockets = new ArrayList<Socket>();
    try (var server = SseServer.create(0)) {
      server.stream("/", sse -> {
        sse.sendHeaders();
        opened.countDown();
        sse.keepAlive();
      });
      server.start();
      var bare = new ServerSocket(0, streams, InetAddress.getLoopbackAddress());
      long before = heap();
      for (int i = 0; i < streams; i++) {
        sockets.add(new Socket(bare.getInetAddress(), bare.getLocalPort()));
      }
      long perSocket = heap() - before;
      before = heap();
      for (int i = 0; i < streams; i++) {
        var socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
        sockets.add(socket);
        socket.getOutputStream().write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
      }
      opened.await();
      double perStream = (double) (heap() - before - perSocket) / streams;
      bare.close();
      return perStream;
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  private static long heap() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return values[values.length / 2];
  }
}
