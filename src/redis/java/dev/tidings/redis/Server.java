package dev.tidings.redis;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.List;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/** A master, and the connections to it. With Sentinel, its address changes. */
final class Server implements AutoCloseable {
  private static final long AT_ONCE = 500_000_000; // nanoseconds

  private final String name;
  private final Supplier<HostAndPort> address;
  private final JedisClientConfig config;
  private final JedisClientConfig patient; // for the connection on which the server sends bells
  private final Contact contact;
  private final Set<Link> links = ConcurrentHashMap.newKeySet();
  private final AtomicInteger opened = new AtomicInteger();
  private volatile boolean closed;

  /**
   * Creates a server without connecting.
   *
   * @param address finds the address; may block and throw a JedisException
   * @param patient settings of a connection that waits longer for the next message
   */
  Server(String name, Supplier<HostAndPort> address, JedisClientConfig config, JedisClientConfig patient) {
    this.name = name;
    this.address = address;
    this.config = config;
    this.patient = patient;
    this.contact = new Contact(name);
  }

  String name() {
    return name;
  }

  Contact contact() {
    return contact;
  }

  /** Returns the number of open connections. */
  int connections() {
    return links.size();
  }

  /** Returns the number of connections that have been opened. */
  int opened() {
    return opened.get();
  }

  HostAndPort address() {
    return address.get();
  }

  /**
   * Opens a connection. Blocks on the network, each time at most for the timeouts of the configuration.
   *
   * @throws JedisException if the server cannot be reached or is not a master
   */
  Link open() {
    return open(config);
  }

  /** Opens a connection that waits longer for the next message. */
  Link openPatient() {
    return open(patient);
  }

  /** A connection that fails at once, such as one that an operator killed, is tried again. */
  private Link open(JedisClientConfig settings) {
    long begin = System.nanoTime();
    try {
      return openOnce(settings);
    } catch (JedisConnectionException e) {
      if (System.nanoTime() - begin > AT_ONCE || closed) {
        throw e;
      }
      return openOnce(settings);
    }
  }

  private Link openOnce(JedisClientConfig settings) {
    var link = new Link(address.get(), settings, contact.generation());
    try {
      requireMaster(link, link.ask(List.of(new CommandArguments(Command.ROLE))).getFirst());
    } catch (RuntimeException e) {
      link.abort();
      throw e;
    }
    contact.answered();
    links.add(link);
    opened.incrementAndGet();
    if (closed) {
      close(link);
      throw new JedisConnectionException("closed");
    }
    return link;
  }

  /** Checks the reply of ROLE. */
  static void requireMaster(Link link, Object reply) {
    if (reply instanceof JedisDataException e) {
      throw e;
    }
    String role = Replies.text(((List<?>) reply).getFirst());
    if (!role.equals("master")) {
      throw new JedisConnectionException(
          link.at() + " is a " + role + ", not the master: connect to the master, or use a redis-sentinel:// URL");
    }
  }

  /** Closes a connection at once. */
  void close(Link link) {
    if (links.remove(link) && link.isBroken()) {
      contact.doubt();
    }
    link.abort();
  }

  /**
   * Returns this connection if it is current; otherwise closes it, and opens another one. Returns null if that fails,
   * which begins an outage. Blocks on the network like {@link #open}.
   *
   * @param link the connection, or null
   */
  Link renew(Link link) {
    if (link != null && isCurrent(link)) {
      return link;
    }
    if (link != null) {
      close(link);
    }
    long generation = contact.generation();
    try {
      return open();
    } catch (JedisException e) {
      lost(generation, e);
      return null;
    }
  }

  boolean isCurrent(Link link) {
    return link.generation() == contact.generation() && !link.isBroken() && contact.isConnected();
  }

  /** Begins an outage: a new connection failed, or the server is not a master any longer. Closes all connections. */
  void lost(long generation, Throwable why) {
    if (contact.lost(generation, Quoted.reason(why))) {
      links.forEach(this::close);
    }
  }

  @Override
  public void close() {
    closed = true;
    contact.close();
    links.forEach(this::close);
  }
}
