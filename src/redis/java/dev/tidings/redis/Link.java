package dev.tidings.redis;

import java.io.IOException;
import java.util.List;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Connection;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;

/**
 * A connection to Redis. Only threads of this library use it, because the interrupt of a virtual thread closes the socket
 * on which it waits. One thread at a time sends, and one reads.
 */
final class Link extends Connection {
  private final HostAndPort at;
  private final long generation;

  /**
   * Connects and authenticates.
   *
   * @param generation the contact during which the connection is used
   * @throws redis.clients.jedis.exceptions.JedisException if that fails
   */
  Link(HostAndPort at, JedisClientConfig config, long generation) {
    super(at, config);
    this.at = at;
    this.generation = generation;
  }

  HostAndPort at() {
    return at;
  }

  long generation() {
    return generation;
  }

  /** Sends commands at once and returns their replies. An error reply is a JedisDataException in the list. */
  List<Object> ask(List<CommandArguments> commands) {
    commands.forEach(this::sendCommand);
    return getMany(commands.size());
  }

  /** Sends a command without waiting for the reply. */
  void send(CommandArguments command) {
    sendCommand(command);
    flush();
  }

  /** Returns the next message or reply. */
  Object next() {
    return getUnflushedObject();
  }

  /** Closes the socket at once, also while another thread uses it. */
  void abort() {
    try {
      forceDisconnect();
    } catch (IOException e) {
      // it is closed
    }
  }
}
