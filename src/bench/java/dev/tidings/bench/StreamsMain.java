package dev.tidings.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * A process of streams on one server, for more streams than a process may have file descriptors. It obeys orders like
 * {@link ServerMain}.
 */
final class StreamsMain {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private StreamsMain() {}

  public static void main(String[] args) throws Exception {
    BlockingQueue<String> orders = new LinkedBlockingQueue<>();
    Thread.ofPlatform().daemon().start(() -> read(orders));
    try (var client = new LoadClient(Integer.parseInt(args[0]), null, "/events")) {
      while (true) {
        String order = orders.poll();
        if (order != null) {
          System.out.println("@" + obey(order.split(" "), client));
        }
        client.turn();
      }
    } catch (IOException e) {
      e.printStackTrace();
      System.out.println("@error " + e.toString().lines().findFirst().orElse(""));
    }
  }

  private static void read(BlockingQueue<String> orders) {
    try (var in = new BufferedReader(new InputStreamReader(System.in))) {
      in.lines().forEach(orders::add);
    } catch (IOException e) {
      e.printStackTrace();
    }
    System.exit(0);
  }

  private static String obey(String[] words, LoadClient client) throws IOException {
    long number = Long.parseLong(words[1]);
    long deadline = CaseRun.deadline(PATIENCE);
    switch (words[0]) {
      case "connect" -> client.connect((int) number, 1, deadline);
      case "begin" -> client.ledger().begin(number, client.readers(), Integer.parseInt(words[2]), false);
      case "end" -> {
        return "end " + end(client, number, deadline);
      }
      default -> throw new IOException("unknown order " + words[0]);
    }
    return words[0] + " " + number;
  }

  /**
   * Reads up to this event, and returns the numbers of events that were received, lost, doubled and disordered, the number of
   * streams that the server has ended, and the latencies p50 and p99 in nanoseconds.
   */
  private static String end(LoadClient client, long last, long deadline) throws IOException {
    var ledger = client.ledger();
    if (!client.readUntil(() -> ledger.isComplete(last), deadline)) {
      client.streams().forEach(stream -> ledger.missing(stream.expected(), last));
    }
    return ledger.received() + " " + ledger.lost() + " " + ledger.doubled() + " " + ledger.disordered() + " " + client.cut()
        + " " + ledger.latency().quantile(0.5) + " " + ledger.latency().quantile(0.99);
  }
}
