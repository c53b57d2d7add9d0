package dev.tidings.redis;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;

/**
 * Watches a server, on one connection and one thread: compares the rings with the logs every 10 seconds, checks that the
 * server is still the master, and reconnects after an outage.
 */
final class Watch implements Runnable {
  private static final int FEEDS = 500; // in a pipeline
  private static final long VERIFY = 10_000; // milliseconds
  private static final long FIRST_PAUSE = 100; // milliseconds
  private static final long LONGEST_PAUSE = 5_000; // milliseconds

  private final Server server;
  private final Supplier<List<Feed>> feeds;
  private final Runnable deaf;
  private Link link; // owned by the thread
  private long pause = FIRST_PAUSE;
  private volatile boolean isDue = true;

  /**
   * Creates a watch.
   *
   * @param feeds returns the followed channels of the server
   * @param deaf called if bells are lost, although their connection seems to work
   */
  Watch(Server server, Supplier<List<Feed>> feeds, Runnable deaf) {
    this.server = server;
    this.feeds = feeds;
    this.deaf = deaf;
  }

  /** Compares the rings with the logs soon. Does not block. */
  void verifyNow() {
    isDue = true;
    server.contact().wake();
  }

  @Override
  public void run() {
    try {
      while (true) {
        if (server.contact().isConnected()) {
          server.contact().awaitLoss(Duration.ofMillis(around(VERIFY)), () -> isDue);
          if (Thread.interrupted()) {
            return;
          }
          if (server.contact().isConnected()) {
            isDue = false;
            verify();
          }
        } else {
          reconnect();
        }
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      drop();
    }
  }

  private static long around(long millis) {
    return ThreadLocalRandom.current().nextLong(millis * 8 / 10, millis * 12 / 10);
  }

  private void reconnect() throws InterruptedException {
    drop();
    Thread.sleep(ThreadLocalRandom.current().nextLong(pause + 1)); // so that not all nodes come at once
    try {
      link = server.open();
      pause = FIRST_PAUSE;
      server.contact().found(link.at().toString());
      drop(); // it belongs to the contact before
      isDue = true;
    } catch (JedisException e) {
      server.contact().lost(server.contact().generation(), Quoted.reason(e));
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  private void drop() {
    if (link != null) {
      server.close(link);
      link = null;
    }
  }

  private void verify() {
    long generation = server.contact().generation();
    for (int attempt = 0; attempt < 2; attempt++) {
      boolean isNew = link == null || !server.isCurrent(link);
      try {
        if (isNew) {
          drop();
          link = server.open();
        }
        requireSameAddress();
        verifyAll();
        return;
      } catch (RuntimeException e) {
        drop();
        if (isNew || e.getMessage() != null && e.getMessage().contains("not the master")) {
          server.lost(generation, e);
          return;
        }
      }
    }
  }

  private void requireSameAddress() {
    HostAndPort now;
    try {
      now = server.address();
    } catch (JedisException e) {
      return; // no sentinel answers; the master does
    }
    if (!now.equals(link.at())) {
      throw new JedisConnectionException(link.at() + " is not the master any longer, " + now + " is");
    }
  }

  private void verifyAll() {
    var role = link.ask(List.of(new CommandArguments(Command.ROLE))).getFirst();
    if (!(role instanceof redis.clients.jedis.exceptions.JedisDataException)) { // which means that it is forbidden
      Server.requireMaster(link, role);
    }
    server.contact().answered();
    var all = feeds.get();
    boolean isDeaf = false;
    for (int i = 0; i < all.size(); i += FEEDS) {
      isDeaf |= verify(all.subList(i, Math.min(i + FEEDS, all.size())));
    }
    if (isDeaf) {
      deaf.run();
    }
  }

  /** Compares some rings. Returns whether bells are lost. */
  private boolean verify(List<Feed> some) {
    long asked = System.nanoTime();
    var commands = new ArrayList<CommandArguments>();
    var ends = new ArrayList<Optional<Place>>();
    var periods = new ArrayList<Optional<Contact.Period>>();
    for (Feed feed : some) {
      periods.add(feed.period());
      ends.add(feed.mirror().end());
      commands.addAll(Status.commands(feed.keys()));
    }
    var replies = link.ask(commands);
    server.contact().answered();
    boolean isDeaf = false;
    for (int i = 0; i < some.size(); i++) {
      var its = replies.subList(i * Status.COMMANDS, (i + 1) * Status.COMMANDS);
      Optional<Status> status;
      try {
        status = Status.of(some.get(i).keys(), its);
      } catch (RuntimeException e) {
        status = Optional.empty(); // readers are told when they ask
      }
      isDeaf |= some.get(i).mirror().verified(status, ends.get(i), asked, periods.get(i));
    }
    return isDeaf;
  }
}
