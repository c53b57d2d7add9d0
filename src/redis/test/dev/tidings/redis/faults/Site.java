package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.IntStream;
import redis.clients.jedis.Jedis;

/** Nodes, proxies, publishers and clients of one test. The seed is {@code -Dseed}, or random; failures show it. */
final class Site implements AutoCloseable {
  private static final Duration QUIET = Duration.ofSeconds(40);
  private static final int PAUSE = 20; // ms of a publisher
  private static final int BATCH = 12;

  /** What a site has. */
  record Plan(int nodes, boolean fronts, List<String> channels, int events, Duration age, String heap, boolean cluster) {
    static Plan of(int nodes) {
      return new Plan(nodes, true, List.of("news"), 100_000, Duration.ofHours(3), "-Xmx128m", false);
    }

    Plan withoutFronts() {
      return new Plan(nodes, false, channels, events, age, heap, cluster);
    }

    Plan withChannels(String... names) {
      return new Plan(nodes, fronts, List.of(names), events, age, heap, cluster);
    }

    Plan withHeap(String heap) {
      return new Plan(nodes, fronts, channels, events, age, heap, cluster);
    }

    /** Nodes that end streams on each other. */
    Plan withCluster() {
      return new Plan(nodes, fronts, channels, events, age, heap, true);
    }
  }

  private final Plan plan;
  private final long seed = Long.getLong("seed", ThreadLocalRandom.current().nextLong(1_000_000));
  private final List<SiteNode> nodes = new ArrayList<>();
  private final List<Front> fronts = new ArrayList<>();
  private final Map<String, List<Publisher>> publishers = new LinkedHashMap<>();
  private final Map<String, List<Client>> clients = new LinkedHashMap<>();
  private int numbers;

  /** Starts nodes with this URL. */
  Site(String url, Plan plan) throws Exception {
    this(plan);
    try {
      for (int i = 0; i < plan.nodes(); i++) {
        launch(url, "127.0.0.1", List.of());
      }
      open();
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /** Creates a site without nodes, for {@link #launch} and {@link #open}. */
  Site(Plan plan) {
    this.plan = plan;
    for (String channel : plan.channels()) {
      publishers.put(channel, new ArrayList<>());
      clients.put(channel, new ArrayList<>());
    }
  }

  SiteNode launch(String url, String host, List<String> prefix) throws IOException {
    var limits = new ArrayList<>(List.of(Integer.toString(plan.events()), plan.age().toString()));
    if (plan.cluster()) {
      limits.add("cluster");
    }
    var node = SiteNode.launch(url, host, prefix, limits, plan.heap());
    nodes.add(node);
    return node;
  }

  void open() throws Exception {
    for (SiteNode node : nodes) {
      node.awaitReady();
    }
    if (plan.fronts()) {
      fronts.add(Front.nginx(addresses()));
      fronts.add(Front.haproxy(addresses()));
    }
  }

  List<SiteNode> nodes() {
    return nodes;
  }

  private List<InetSocketAddress> addresses() {
    return nodes.stream().map(SiteNode::address).toList();
  }

  /** Starts publishers in each channel. */
  Site publishers(int each) {
    return publishers(each, PAUSE, nodes);
  }

  Site publishers(int each, int pause, List<SiteNode> on) {
    return publishers(each, pause, on, "");
  }

  Site publishers(int each, int pause, List<SiteNode> on, String padding) {
    publishers.forEach((channel, all) -> {
      for (int i = 0; i < each; i++) {
        all.add(publisher(channel, pause, on, padding).start());
      }
    });
    return this;
  }

  /** Starts publishers that repeat each event with its key until it is acknowledged. */
  Site publishersWithKeys(int each) {
    publishers.forEach((channel, all) -> {
      for (int i = 0; i < each; i++) {
        all.add(publisher(channel, 10, nodes, "").startWithKeys());
      }
    });
    return this;
  }

  private Publisher publisher(String channel, int pause, List<SiteNode> on, String padding) {
    int number = numbers++;
    return new Publisher(number, channel, on.stream().map(SiteNode::address).toList(), seed + number, pause, BATCH, padding);
  }

  /** Publishes this many events in each channel, fast. */
  Site publish(int count, String padding) {
    publishers.forEach((channel, all) -> {
      var publisher = publisher(channel, 1, nodes, padding);
      all.add(publisher);
      publisher.publishAll(count);
    });
    return this;
  }

  /** Starts clients in each channel, which abort their connections after a mean time in ms; 0 for never. */
  Site clients(int each, double cut) {
    var targets = new ArrayList<InetSocketAddress>();
    if (fronts.isEmpty()) {
      targets.addAll(addresses());
    } else { // a third each: nginx, HAProxy, the nodes themselves
      for (SiteNode node : nodes) {
        fronts.forEach(front -> targets.add(front.address()));
        targets.add(node.address());
      }
    }
    return clients(each, cut, targets);
  }

  Site clients(int each, double cut, List<InetSocketAddress> targets) {
    clients.forEach((channel, all) -> {
      for (int i = 0; i < each; i++) {
        all.add(new Client(channel, targets, seed + 1_000 + numbers++, cut));
      }
    });
    return this;
  }

  List<Client> clients() {
    return clients.values().stream().flatMap(List::stream).toList();
  }

  List<Publisher> publishers() {
    return publishers.values().stream().flatMap(List::stream).toList();
  }

  List<Publication> publications() {
    return publishers().stream().flatMap(its -> its.publications().stream()).toList();
  }

  /** Waits until each client has received an event, and then for a while. */
  Site flow(Duration time) throws InterruptedException {
    awaitEvents(clients(), System.nanoTime(), Duration.ofSeconds(20));
    Thread.sleep(time);
    return this;
  }

  private void awaitEvents(List<Client> of, long since, Duration bound) throws InterruptedException {
    try {
      Program.await(() -> of.stream().allMatch(client -> client.firstAfter(since) != -1), "each client has an event", bound);
    } catch (AssertionError e) {
      throw new AssertionError(e.getMessage() + stateOfNodes(), e);
    }
  }

  String stateOfNodes() {
    var text = new StringBuilder();
    for (SiteNode node : nodes) {
      String state;
      try {
        state = node.state();
      } catch (IOException e) {
        state = e.toString();
      }
      text.append("\n  ").append(node.address()).append(": ").append(state).append("\n    output: ").append(node.output());
    }
    return text.toString();
  }

  /** How long clients waited for their next event, in seconds. */
  record Resumed(double median, double longest) {
    static final Resumed NONE = new Resumed(-1, -1);

    @Override
    public String toString() {
      return String.format(java.util.Locale.ROOT, "%.1f / %.1f", median, longest);
    }
  }

  /** Waits until each client has an event that came after this time, and returns how long that took. */
  Resumed awaitResumed(long since, Duration bound) throws InterruptedException {
    return awaitResumedOf(clients(), since, bound);
  }

  Resumed awaitResumedOf(List<Client> of, long since, Duration bound) throws InterruptedException {
    awaitEvents(of, since, bound);
    double[] seconds = of.stream().mapToDouble(client -> (client.firstAfter(since) - since) / 1e9).sorted().toArray();
    return new Resumed(seconds[seconds.length / 2], seconds[seconds.length - 1]);
  }

  /** Stops the publishers, waits until all clients have all events, and judges. */
  Verdict judge(RedisServer redis) throws Exception {
    try (var jedis = redis.jedis()) {
      return judge(jedis);
    }
  }

  Verdict judge(Jedis jedis) throws Exception {
    return judge(jedis, List.of(), clients());
  }

  /** Judges some clients by a log with more epochs than it remembers. */
  Verdict judge(Jedis jedis, List<HeldLog.Epoch> older, List<Client> of) throws Exception {
    return judge(channel -> HeldLog.read(jedis, channel).withOlder(older), of);
  }

  /** Reads the log of a channel. */
  interface LogOf {
    HeldLog of(String channel) throws Exception;
  }

  Verdict judge(LogOf logs, List<Client> of) throws Exception {
    stopPublishers();
    var verdict = new Verdict();
    for (String channel : plan.channels()) {
      var log = logs.of(channel);
      String end = log.lastId();
      var its = clients.get(channel).stream().filter(of::contains).toList();
      long begin = System.nanoTime();
      while (!its.stream().allMatch(client -> client.id().equals(end)) && System.nanoTime() - begin < QUIET.toNanos()) {
        Thread.sleep(20);
      }
      Thread.sleep(100); // for what may come twice
      its.forEach(Client::abandon);
      its.forEach(Client::stop);
      var publications = publishers.get(channel).stream().flatMap(one -> one.publications().stream()).toList();
      verdict.plus(Judge.judge(log, publications, its.stream().map(Client::items).toList()));
    }
    return verdict;
  }

  /** Returns the gaps of each client, and what stood before. */
  String gaps() {
    var text = new StringBuilder();
    for (Client client : clients()) {
      var items = client.items();
      for (int i = 0; i < items.size(); i++) {
        if (items.get(i) instanceof Item.Gap) {
          text.append("\n  ").append(i == 0 ? "nothing" : items.get(i - 1)).append(" then ").append(items.get(i));
        }
      }
      text.append("\n  --");
    }
    return text.toString();
  }

  void stopPublishers() throws InterruptedException {
    for (Publisher publisher : publishers()) {
      publisher.stop();
    }
    for (Publisher publisher : publishers()) {
      publisher.join();
    }
  }

  /** Fails unless nothing was lost, doubled, disordered or untold. */
  void requireClean(Verdict verdict) {
    assertTrue(verdict.isClean(), () -> "seed " + seed + ": " + verdict + stateOfNodes());
    assertTrue(verdict.acked > 0 && verdict.received > 0, () -> "nothing happened: " + verdict + stateOfNodes());
    int silent = clients().stream().mapToInt(Client::silent).sum();
    assertTrue(silent == 0, () -> silent + " streams were silent for long" + stateOfNodes());
  }

  /** Like {@link #requireClean}, and Redis has lost nothing that it acknowledged. */
  void requireWhole(Verdict verdict) {
    requireClean(verdict);
    assertTrue(
        verdict.lostByEngine + verdict.dropped + verdict.phantoms == 0,
        () -> "seed " + seed + ": lost by Redis: " + verdict + stateOfNodes());
  }

  /** Runs something on all nodes at once. */
  void onNodes(int... indexes) throws InterruptedException, IOException {
    for (int i : indexes) {
      nodes.get(i).kill();
    }
    for (int i : indexes) {
      nodes.get(i).launch();
    }
    for (int i : indexes) {
      nodes.get(i).awaitReady();
    }
  }

  static int[] all(int nodes) {
    return IntStream.range(0, nodes).toArray();
  }

  @Override
  public void close() {
    publishers().forEach(Publisher::stop);
    clients().forEach(Client::abandon);
    clients().forEach(Client::stop);
    for (Front front : fronts) {
      front.close();
    }
    nodes.forEach(SiteNode::close);
  }

  @Override
  public String toString() {
    return "seed " + seed + ", " + Arrays.toString(nodes.toArray());
  }
}
