package dev.tidings.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;

/**
 * The process of one server. It reads commands from standard input, one per line, answers each with a line
 * that begins with an at sign, and exits at the end of its input.
 */
final class ServerMain {
  private static final PrintStream ANSWERS = System.out;

  private ServerMain() {}

  public static void main(String[] args) throws Exception {
    System.setOut(System.err); // for output of the servers themselves
    int port = Integer.parseInt(args[1]);
    var ping = Duration.ofMillis(Long.parseLong(args[2]));
    var peer = Peer.of(args[0]);
    var acks = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(args[3]));
    var publisher = new Publisher(peer, acks);
    peer.start(port, ping);
    answer("ready");
    var in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null; ) {
      obey(line.split(" "), peer, publisher);
    }
    Runtime.getRuntime().halt(0);
  }

  private static void obey(String[] words, Peer peer, Publisher publisher) {
    switch (words[0]) {
      case "clock" -> answer("clock " + System.nanoTime());
      case "opened" -> answer("opened " + peer.opened());
      case "heap" -> answer("heap " + heap(Integer.parseInt(words[1])));
      case "position" -> answer("position " + peer.position());
      case "channels" -> {
        int count = Integer.parseInt(words[1]);
        peer.createChannels(count, new Payload(Integer.parseInt(words[2])).stamped(0));
        answer("channels " + count);
      }
      case "stop" -> publisher.stop();
      case "publish" -> {
        var order = Publisher.Order.of(words);
        publisher.ready();
        Thread.ofPlatform().daemon().name("publisher").start(() -> publish(publisher, order));
      }
      default -> answer(obey(words, peer));
    }
  }

  /** Passes on an order that only some peers know. */
  private static String obey(String[] words, Peer peer) {
    try {
      return words[0] + " " + peer.obey(words);
    } catch (Exception e) {
      e.printStackTrace();
      return "error " + e.toString().lines().findFirst().orElse("");
    }
  }

  private static void publish(Publisher publisher, Publisher.Order order) {
    try {
      answer("published " + publisher.publish(order));
    } catch (Exception e) {
      e.printStackTrace();
      answer("error " + e.toString().lines().findFirst().orElse(""));
    }
  }

  /** Returns the bytes that are live after collections. */
  private static long heap(int collections) {
    var runtime = Runtime.getRuntime();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < collections; i++) {
      System.gc();
      least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
    }
    return least;
  }

  private static synchronized void answer(String text) {
    ANSWERS.println("@" + text);
    ANSWERS.flush();
  }

  static IOException closed() {
    return new IOException("the driver closed the channel of acknowledgements");
  }
}
