package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.tidings.redis.fixture.Program;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Two machines, left and right: network namespaces with an address each. Both are connected with the test and with each
 * other; the latter cable can lose everything. Needs root.
 */
final class Network implements AutoCloseable {
  private static final long PID = ProcessHandle.current().pid();
  private static int count;

  private final String left;
  private final String right;
  private final String net; // the first two numbers of all addresses
  private final List<String> made = new ArrayList<>();
  private final Thread hook = new Thread(this::delete);

  private Network(int number) {
    String name = "tf-" + PID + "-" + number;
    left = name + "-l";
    right = name + "-r";
    net = "10." + (64 + (PID * 8 + number) % 64);
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Creates the network. If that is not possible, skips the test, or fails it in CI. */
  static Network create() throws Exception {
    Program.find("ip");
    Network network;
    synchronized (Network.class) {
      network = new Network(count++);
    }
    try {
      network.build();
      return network;
    } catch (AssertionError e) {
      network.close();
      String text = "no network namespaces; this needs root: " + e.getMessage();
      return "true".equals(System.getenv("CI")) ? fail(text, e) : abort(text);
    }
  }

  private void build() throws Exception {
    for (String space : List.of(left, right)) {
      ip("netns", "add", space);
      made.add(space);
      ip("-n", space, "link", "set", "lo", "up");
    }
    ip("-n", left, "address", "add", leftHost() + "/32", "dev", "lo");
    ip("-n", right, "address", "add", rightHost() + "/32", "dev", "lo");
    cable(left, "other", net + ".1.1", right, "other", net + ".1.2");
    route(left, rightHost(), net + ".1.2", leftHost());
    route(right, leftHost(), net + ".1.1", rightHost());
    toTest(left, leftHost(), 2);
    toTest(right, rightHost(), 3);
  }

  private void toTest(String space, String host, int subnet) throws Exception {
    String here = space.substring(3); // at most 15 characters
    ip("link", "add", here, "type", "veth", "peer", "name", "test", "netns", space);
    ip("address", "add", net + "." + subnet + ".1/24", "dev", here);
    ip("link", "set", here, "up");
    ip("-n", space, "address", "add", net + "." + subnet + ".2/24", "dev", "test");
    ip("-n", space, "link", "set", "test", "up");
    ip("route", "add", host, "via", net + "." + subnet + ".2");
  }

  private static void cable(String a, String nameA, String addressA, String b, String nameB, String addressB) throws Exception {
    ip("link", "add", nameA, "netns", a, "type", "veth", "peer", "name", nameB, "netns", b);
    ip("-n", a, "address", "add", addressA + "/24", "dev", nameA);
    ip("-n", b, "address", "add", addressB + "/24", "dev", nameB);
    ip("-n", a, "link", "set", nameA, "up");
    ip("-n", b, "link", "set", nameB, "up");
  }

  private static void route(String space, String to, String via, String source) throws Exception {
    ip("-n", space, "route", "add", to, "via", via, "src", source);
  }

  private static void ip(String... arguments) throws Exception {
    Program.run(Stream.concat(Stream.of("ip"), Stream.of(arguments)).toArray(String[]::new));
  }

  String leftHost() {
    return net + ".10.1";
  }

  String rightHost() {
    return net + ".10.2";
  }

  /** Returns the beginning of a command that runs on the left machine. */
  List<String> onLeft() {
    return List.of("ip", "netns", "exec", left);
  }

  List<String> onRight() {
    return List.of("ip", "netns", "exec", right);
  }

  /**
   * From now on, all packets between the machines are lost, and no machine is told: they go to a hardware address that
   * nobody has. (The kernel of a container may lack netem.)
   */
  void cut() throws Exception {
    for (int i = 0; i < 2; i++) {
      ip("-n", i == 0 ? left : right, "neighbor", "replace", net + ".1." + (2 - i), "lladdr", "02:00:00:00:00:01", "dev", "other", "nud",
          "permanent");
    }
  }

  void heal() throws Exception {
    for (int i = 0; i < 2; i++) {
      ip("-n", i == 0 ? left : right, "neighbor", "delete", net + ".1." + (2 - i), "dev", "other");
    }
  }

  @Override
  public void close() {
    delete();
    Runtime.getRuntime().removeShutdownHook(hook);
  }

  /** Deletes the namespaces, and with them the cables and their queues. */
  private void delete() {
    for (String space : made) {
      try {
        int status = new ProcessBuilder("ip", "netns", "delete", space).inheritIO().start().waitFor();
        if (status != 0) {
          System.err.println("the namespace " + space + " was not deleted");
        }
      } catch (java.io.IOException e) {
        System.err.println("the namespace " + space + " was not deleted: " + e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    made.clear();
  }
}
