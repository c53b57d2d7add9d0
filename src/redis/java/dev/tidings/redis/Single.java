package dev.tidings.redis;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;

/** One server with all channels: standalone, or the one that sentinels name. */
record Single(Server server) implements Topology {

  @Override
  public Server serverOf(int slot) {
    return server;
  }

  @Override
  public Collection<Server> servers() {
    return List.of(server);
  }

  /** Asks sentinels for the address of the master. */
  static final class Sentinels {
    private final String master;
    private final JedisClientConfig config;
    private final ReentrantLock lock = new ReentrantLock();
    private List<HostAndPort> sentinels; // the one that answered last is the first; guarded by lock

    Sentinels(List<HostAndPort> sentinels, String master, JedisClientConfig config) {
      this.sentinels = sentinels;
      this.master = master;
      this.config = config;
    }

    /**
     * Returns the address of the master. Blocks on the network.
     *
     * @throws JedisException if no sentinel knows it
     */
    HostAndPort find() {
      List<HostAndPort> all;
      lock.lock();
      try {
        all = sentinels;
      } finally {
        lock.unlock();
      }
      var failure = new JedisConnectionException("no sentinel of " + all + " knows the master " + Quoted.text(master));
      for (HostAndPort sentinel : all) {
        try (var link = new Link(sentinel, config, 0)) {
          var reply =
              link.ask(List.of(new CommandArguments(Command.SENTINEL).add("GET-MASTER-ADDR-BY-NAME").add(master))).getFirst();
          if (reply instanceof List<?> found && found.size() == 2) {
            prefer(sentinel);
            return new HostAndPort(Replies.text(found.get(0)), Integer.parseInt(Replies.text(found.get(1))));
          }
          failure.addSuppressed(
              reply instanceof JedisException e ? e : new JedisConnectionException(sentinel + " does not know this name"));
        } catch (JedisException e) {
          failure.addSuppressed(e);
        }
      }
      throw failure;
    }

    private void prefer(HostAndPort sentinel) {
      lock.lock();
      try {
        if (!sentinels.getFirst().equals(sentinel)) {
          var sorted = new java.util.ArrayList<>(sentinels);
          sorted.remove(sentinel);
          sorted.addFirst(sentinel);
          sentinels = List.copyOf(sorted);
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
