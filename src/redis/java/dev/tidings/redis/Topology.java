package dev.tidings.redis;

import java.util.Collection;

/** Which server is the master of a channel. */
interface Topology {
  /** Returns the server that has the keys of this slot. Never blocks. */
  Server serverOf(int slot);

  /** Returns all servers. */
  Collection<Server> servers();

  /** Learns that a slot is elsewhere, or may be. Does not block on the network. */
  default void moved() {}

  /** Opens a connection to another server for one question. */
  default Link openElsewhere(redis.clients.jedis.HostAndPort at) {
    throw new redis.clients.jedis.exceptions.JedisConnectionException("unexpected redirection to " + at + ": use a redis-cluster:// URL");
  }
}
