package dev.tidings.bench;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A server in its own process, with queries for both. */
final class ServerProcess implements AutoCloseable {
  /** The same for all servers. */
  static final List<String> FLAGS = List.of("-Xmx3g", "-XX:+UseG1GC");

  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
  }

  private final Process process;
  private final PrintStream orders;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final SocketChannel acks;
  private final int port;
  private long nextEvent = 1;

  ServerProcess(String peer, Duration ping, Path log) throws IOException {
    Process started = null;
    try (var listener = ServerSocketChannel.open();
        var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      port = probe.getLocalPort();
      probe.close();
      int ackPort = ((InetSocketAddress) listener.getLocalAddress()).getPort();
      started = start(peer, ping, ackPort, log);
      process = started;
      orders = new PrintStream(process.getOutputStream(), true);
      Thread.ofVirtual().start(this::readAnswers);
      await("ready", Duration.ofSeconds(30));
      acks = listener.accept();
      acks.setOption(java.net.StandardSocketOptions.TCP_NODELAY, true);
    } catch (IOException | RuntimeException e) {
      if (started != null) {
        started.destroyForcibly();
      }
      throw new IOException(peer + " did not start, see " + log, e);
    }
  }

  private Process start(String peer, Duration ping, int ackPort, Path log) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(FLAGS);
    if (Boolean.getBoolean("short")) {
      command.add("-XX:TieredStopAtLevel=1"); // the figures are not used
    }
    String more = System.getProperty("flags", "").strip();
    if (!more.isEmpty()) {
      command.addAll(List.of(more.split(" ")));
    }
    command.addAll(
        List.of(
            "-cp",
            Old.classes(peer).map(directory -> directory + File.pathSeparator).orElse("")
                + System.getProperty("java.class.path"),
            "dev.tidings.bench.ServerMain",
            Peer.plain(peer),
            Integer.toString(port),
            Long.toString(ping.toMillis()),
            Integer.toString(ackPort)));
    Files.createDirectories(log.getParent());
    var started =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(new File(log.toString())))
            .start();
    RUNNING.add(started);
    return started;
  }

  private void readAnswers() {
    try (var in = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
      for (String line; (line = in.readLine()) != null; ) {
        if (line.startsWith("@")) {
          answers.add(line.substring(1));
        }
      }
    } catch (IOException e) {
      answers.add("error " + e);
    }
    answers.add("error the process has ended");
  }

  void order(String line) {
    orders.println(line);
  }

  /** Returns the words of the answer after the first one, or null if there is no answer yet. */
  String[] poll(String first) throws IOException {
    String answer = answers.poll();
    return answer == null ? null : words(first, answer);
  }

  private String[] await(String first, Duration limit) throws IOException {
    try {
      String answer = answers.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
      if (answer == null) {
        throw new IOException("no answer within " + limit.toSeconds() + " s: " + first);
      }
      return words(first, answer);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static String[] words(String first, String answer) throws IOException {
    var words = answer.split(" ");
    if (!words[0].equals(first)) {
      throw new IOException("instead of " + first + ": " + answer);
    }
    return List.of(words).subList(1, words.length).toArray(String[]::new);
  }

  long ask(String what) throws IOException {
    order(what);
    return Long.parseLong(await(what, Duration.ofSeconds(30))[0]);
  }

  /** Returns the last event id of a client that has all events so far. */
  String position() throws IOException {
    order("position");
    return await("position", Duration.ofSeconds(30))[0];
  }

  /** Creates channels with one event of this size each. */
  void createChannels(int count, int size) throws IOException {
    order("channels " + count + " " + size);
    await("channels", Duration.ofSeconds(60));
  }

  /** Returns the bytes that are live after this many collections. */
  long heap(int collections) throws IOException {
    order("heap " + collections);
    return Long.parseLong(await("heap", Duration.ofSeconds(60))[0]);
  }

  /** Checks that both processes read the same clock: one publishes an event, the other receives it. */
  void checkClock() throws IOException {
    long before = System.nanoTime();
    long there = ask("clock");
    long after = System.nanoTime();
    if (there < before || there > after) {
      throw new IOException("System.nanoTime differs between processes on this machine");
    }
  }

  /** Returns the number of the next event. Numbers are never reused, so old acknowledgements do not count. */
  long nextEvent() {
    return nextEvent;
  }

  void published(long last) {
    nextEvent = last + 1;
  }

  int port() {
    return port;
  }

  SocketChannel acks() {
    return acks;
  }

  Duration processorTime() {
    return process.info().totalCpuDuration().orElse(Duration.ZERO);
  }

  /** Returns a value of {@code /proc/pid/status}: resident memory in kB, or the number of threads. */
  long status(String name) {
    try (var lines = Files.lines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
      return lines
          .filter(line -> line.startsWith(name + ":"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst()
          .orElse(0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    acks.close();
    process.destroyForcibly();
    try {
      process.waitFor(10, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    RUNNING.remove(process);
  }
}
