package dev.tidings.interop.networks;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * A network namespace for the server, and one for each machine. Each machine has its own cable (a veth pair)
 * to the server. The namespaces are deleted when this object is closed or the JVM ends. Needs root.
 */
final class Namespaces implements AutoCloseable {
  private static final Duration BOUND = Duration.ofSeconds(10);
  private static final String PREFIX = "tidings-" + ProcessHandle.current().pid() + "-";
  private static final String SERVER = "server";

  private final Map<String, Integer> cables = new HashMap<>(); // the number of each machine's cable
  private final List<String> made = new CopyOnWriteArrayList<>();
  private final Thread hook = new Thread(this::delete);

  private Namespaces() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /**
   * Creates the namespaces. If that is not possible, prints the reason and skips the test, or fails it in CI.
   *
   * @param kernel settings in {@code /proc/sys/net/ipv4}, for the server only
   */
  static Namespaces make(Map<String, Integer> kernel, List<String> machines) throws IOException, InterruptedException {
    Child.find("ip");
    Child.find("ss");
    var namespaces = new Namespaces();
    try {
      namespaces.add(SERVER);
      for (var number : kernel.entrySet()) {
        String command = "echo " + number.getValue() + " > /proc/sys/net/ipv4/" + number.getKey();
        Child.run(BOUND, at(SERVER, "sh", "-c", command));
      }
      for (String machine : machines) {
        namespaces.cables.put(machine, namespaces.cables.size());
        namespaces.build(machine);
      }
      return namespaces;
    } catch (AssertionError e) {
      namespaces.close();
      String text = "NO NETWORK NAMESPACES, so lost networks are NOT TESTED; this needs root: " + e.getMessage();
      System.err.println(text);
      return "true".equals(System.getenv("CI")) ? fail(text, e) : abort(text);
    }
  }

  private void add(String namespace) throws IOException, InterruptedException {
    ip("netns", "add", PREFIX + namespace);
    made.add(namespace);
    ip("-n", PREFIX + namespace, "link", "set", "lo", "up");
  }

  private void build(String machine) throws IOException, InterruptedException {
    add(machine);
    ip("link", "add", machine, "netns", PREFIX + SERVER, "type", "veth", "peer", "name", "cable", "netns",
        PREFIX + machine);
    ip("-n", PREFIX + SERVER, "address", "add", address(machine, 1) + "/24", "dev", machine);
    ip("-n", PREFIX + SERVER, "link", "set", machine, "up");
    ip("-n", PREFIX + machine, "address", "add", address(machine, 2) + "/24", "dev", "cable");
    plug(machine);
  }

  private String address(String machine, int host) {
    return "10.77." + cables.get(machine) + "." + host;
  }

  /** Returns the address of the server at the other end of this machine's cable. */
  String serverOf(String machine) {
    return address(machine, 1);
  }

  Child startServer(String... command) throws IOException {
    return Child.start(at(SERVER, command));
  }

  Child start(String machine, String... command) throws IOException {
    return Child.start(at(machine, command));
  }

  private static String[] at(String namespace, String... command) {
    return Stream.concat(Stream.of("ip", "netns", "exec", PREFIX + namespace), Arrays.stream(command))
        .toArray(String[]::new);
  }

  void pull(String machine) throws IOException, InterruptedException {
    ip("-n", PREFIX + machine, "link", "set", "cable", "down");
  }

  void plug(String machine) throws IOException, InterruptedException {
    ip("-n", PREFIX + machine, "link", "set", "cable", "up");
  }

  /**
   * Unplugs the cable, plugs it in again after the pause, and returns. A single process does that, because
   * on a busy machine the start of another one can take longer than the pause.
   */
  void blink(String machine, Duration pause) throws IOException, InterruptedException {
    String seconds = BigDecimal.valueOf(pause.toMillis(), 3).toPlainString();
    String command = "ip link set cable down && sleep " + seconds + " && ip link set cable up";
    Child.run(BOUND, at(machine, "sh", "-c", command));
  }

  /**
   * Switches a machine off: it sends nothing, and has lost its state when it returns. Its processes must be
   * killed before.
   */
  void powerOff(String machine) throws IOException, InterruptedException {
    ip("-n", PREFIX + SERVER, "link", "delete", machine);
    ip("netns", "delete", PREFIX + machine);
    made.remove(machine);
  }

  void powerOn(String machine) throws IOException, InterruptedException {
    build(machine);
  }

  /**
   * Returns the connections of the server's kernel with this machine, one per line, including those that no
   * process owns any more.
   */
  List<String> sockets(String machine) throws IOException, InterruptedException {
    return Child.run(BOUND, at(SERVER, "ss", "-Htan", "dst", address(machine, 2))).lines()
        .filter(line -> !line.startsWith("TIME-WAIT"))
        .toList();
  }

  private static void ip(String... arguments) throws IOException, InterruptedException {
    Child.run(BOUND, Stream.concat(Stream.of("ip"), Arrays.stream(arguments)).toArray(String[]::new));
  }

  @Override
  public void close() {
    delete();
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  /** Deletes the namespaces. Does not use {@link Child}, which cannot be started while the JVM ends. */
  private void delete() {
    for (String namespace : made) {
      try {
        int status =
            new ProcessBuilder("ip", "netns", "delete", PREFIX + namespace).inheritIO().start().waitFor();
        if (status != 0) {
          System.err.println("the namespace " + PREFIX + namespace + " was not deleted");
        }
      } catch (IOException e) {
        System.err.println("the namespace " + PREFIX + namespace + " was not deleted: " + e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    made.clear();
  }
}
