package dev.tidings.redis;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;

/** The masters of a Redis Cluster. One thread asks where the slots are: now and then, and when one has moved. */
final class Cluster implements Topology, Runnable {
  private static final long USUAL = 10_000; // milliseconds between two questions
  private static final long UNUSUAL = 500; // while a master is away
  private static final long LEAST = 50; // however often slots move

  /** Which server has each slot. */
  private record Slots(Server[] servers, List<Server> all) {}

  private final List<HostAndPort> seeds;
  private final JedisClientConfig config;
  private final Function<HostAndPort, Server> creation;
  private final Consumer<Server> added;
  private final Consumer<Server> removed;
  private final Map<HostAndPort, Server> known = new HashMap<>(); // owned by the thread
  private final Semaphore due = new Semaphore(0);
  private volatile Slots slots = new Slots(new Server[Protocol.CLUSTER_HASHSLOTS], List.of());

  /**
   * Creates a cluster without connecting.
   *
   * @param creation creates a master
   * @param added called with a new master before it gets slots
   * @param removed called with a master after it has lost its slots
   */
  Cluster(
      List<HostAndPort> seeds,
      JedisClientConfig config,
      Function<HostAndPort, Server> creation,
      Consumer<Server> added,
      Consumer<Server> removed) {
    this.seeds = seeds;
    this.config = config;
    this.creation = creation;
    this.added = added;
    this.removed = removed;
  }

  @Override
  public Server serverOf(int slot) {
    var now = slots;
    var server = now.servers[slot];
    return server == null ? now.all.getFirst() : server; // which says that the slot is not served
  }

  @Override
  public Collection<Server> servers() {
    return slots.all;
  }

  @Override
  public void moved() {
    if (due.availablePermits() == 0) {
      due.release();
    }
  }

  @Override
  public Link openElsewhere(HostAndPort at) {
    return new Link(at, config, 0);
  }

  @Override
  public void run() {
    try {
      long asked = System.nanoTime();
      while (true) {
        if (due.tryAcquire(UNUSUAL, TimeUnit.MILLISECONDS)) {
          due.drainPermits();
        } else if (isWhole() && System.nanoTime() - asked < TimeUnit.MILLISECONDS.toNanos(USUAL)) {
          continue;
        }
        asked = System.nanoTime();
        try {
          refresh();
        } catch (JedisException e) {
          // the masters are asked again; readers and writers say why
        }
        Thread.sleep(LEAST);
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  private boolean isWhole() {
    return slots.all.stream().allMatch(server -> server.contact().isConnected());
  }

  /**
   * Asks where the slots are.
   *
   * @throws JedisException if no server answers
   */
  void refresh() {
    var candidates = new LinkedHashSet<HostAndPort>();
    slots.all.stream().filter(server -> server.contact().isConnected()).forEach(server -> candidates.add(server.address()));
    candidates.addAll(seeds);
    slots.all.forEach(server -> candidates.add(server.address()));
    var failure = new JedisConnectionException("no server of the cluster " + seeds + " answers");
    for (HostAndPort candidate : candidates) {
      try (var link = openElsewhere(candidate)) {
        if (take(candidate, link.ask(List.of(new CommandArguments(Command.CLUSTER).add("SLOTS"))).getFirst())) {
          return;
        }
        failure.addSuppressed(new JedisConnectionException(candidate + " knows no slots"));
      } catch (JedisException e) {
        failure.addSuppressed(e);
      }
    }
    throw failure;
  }

  private boolean take(HostAndPort asked, Object reply) {
    if (reply instanceof JedisException e) {
      throw e;
    }
    var ranges = (List<?>) reply;
    if (ranges.isEmpty()) {
      return false;
    }
    var servers = new Server[Protocol.CLUSTER_HASHSLOTS];
    var all = new LinkedHashSet<Server>();
    for (Object range : ranges) {
      var parts = (List<?>) range;
      var master = (List<?>) parts.get(2);
      String host = master.get(0) instanceof byte[] bytes && bytes.length > 0 ? Replies.text(bytes) : asked.getHost();
      var address = new HostAndPort(host, Integer.parseInt(Replies.text(master.get(1))));
      var server = known.computeIfAbsent(address, this::create);
      all.add(server);
      for (long slot = (Long) parts.get(0); slot <= (Long) parts.get(1); slot++) {
        servers[(int) slot] = server;
      }
    }
    slots = new Slots(servers, List.copyOf(all));
    var gone = new ArrayList<>(known.values());
    gone.removeAll(all);
    known.values().removeAll(gone);
    gone.forEach(removed);
    return true;
  }

  private Server create(HostAndPort address) {
    var server = creation.apply(address);
    added.accept(server);
    return server;
  }
}
