package dev.tidings.redis;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;

/**
 * The connection on which Redis announces events: it is subscribed to the bells of all followed channels. One thread
 * reads it, another one subscribes, unsubscribes and pings. A bell that is lost costs time, but no event.
 */
final class Bells {
  private static final int CHANNELS = 500; // in a command
  private static final Duration PING = Duration.ofSeconds(5);
  private static final Duration AWAY = Duration.ofMillis(500);
  private static final long HEARING = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long PAUSE = 50; // milliseconds, after a connection that was closed at once

  private final Supplier<Server> home;
  private final Runnable subscribed;
  private final Consumer<Bells> tick;
  private final ConcurrentHashMap<String, Feed> followed = new ConcurrentHashMap<>();
  private final LinkedBlockingQueue<Feed> changes = new LinkedBlockingQueue<>();
  private final ReentrantLock sending = new ReentrantLock();
  private Link link; // null if there is none; guarded by sending
  private final ArrayDeque<Long> pings = new ArrayDeque<>(); // when those were sent that are not answered; guarded by sending
  private long heard; // when the last request was sent that has been answered; owned by the thread that reads
  private int expected; // confirmations of the first subscriptions of the connection; owned by the thread that reads
  private volatile long rung; // bells
  private volatile boolean refused; // whether Redis has refused to announce events; set by the thread that reads

  /**
   * Creates bells without a connection.
   *
   * @param home the server to connect to
   * @param subscribed called when a new connection has subscribed to all channels
   * @param tick called now and then by the thread that subscribes
   */
  Bells(Supplier<Server> home, Runnable subscribed, Consumer<Bells> tick) {
    this.home = home;
    this.subscribed = subscribed;
    this.tick = tick;
  }

  int followed() {
    return followed.size();
  }

  long rung() {
    return rung;
  }

  /** Returns whether Redis has refused to announce events, and has not announced all since then. */
  boolean isRefused() {
    return refused;
  }

  /** Subscribes to the bells of a feed that is followed now. Does not block. */
  void follow(Feed feed) {
    changes.add(feed);
  }

  /** Closes the connection, so that a new one is opened. Does not block. */
  void reconnect() {
    sending.lock();
    try {
      if (link != null) {
        link.abort();
      }
    } finally {
      sending.unlock();
    }
  }

  // The thread that subscribes.

  /** Subscribes, unsubscribes and pings until it is interrupted. */
  void send() {
    try {
      long pinged = System.nanoTime();
      while (true) {
        long left = pinged + PING.toNanos() - System.nanoTime();
        var first = left > 0 ? changes.poll(left, TimeUnit.NANOSECONDS) : null;
        if (first != null) {
          var feeds = new ArrayList<Feed>(List.of(first));
          changes.drainTo(feeds, CHANNELS - 1);
          feeds.forEach(feed -> followed.put(feed.keys().bell(), feed));
          send(command(Command.SUBSCRIBE, feeds.stream().map(feed -> feed.keys().bell()).toList()));
        } else if (left <= 0) {
          pinged = System.nanoTime();
          ping();
          tick.accept(this);
        }
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  /** Unsubscribes from feeds that nobody has waited for. Called by the thread that subscribes. */
  void sweep(Duration idle) {
    var channels = new ArrayList<String>();
    followed.forEach(
        (channel, feed) -> {
          if (feed.unfollow(idle)) {
            followed.remove(channel, feed);
            channels.add(channel);
          }
        });
    for (int i = 0; i < channels.size(); i += CHANNELS) {
      send(command(Command.UNSUBSCRIBE, channels.subList(i, Math.min(i + CHANNELS, channels.size()))));
    }
  }

  private static CommandArguments command(Command name, List<String> channels) {
    var command = new CommandArguments(name);
    channels.forEach(command::add);
    return command;
  }

  private void ping() {
    sending.lock();
    try {
      pings.add(System.nanoTime());
      send(new CommandArguments(Command.PING));
    } finally {
      sending.unlock();
    }
  }

  private void send(CommandArguments command) {
    sending.lock();
    try {
      if (link != null) {
        link.send(command);
      }
    } catch (JedisException e) {
      link.abort(); // the thread that reads notices
    } finally {
      sending.unlock();
    }
  }

  // The thread that reads.

  /** Reads bells until it is interrupted. */
  void read() {
    try {
      long pause = 0;
      while (true) {
        var server = home.get();
        if (!server.contact().await(AWAY)) {
          continue;
        }
        Thread.sleep(pause);
        long begin = System.nanoTime();
        read(server);
        pause = System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(2) ? 0 : Math.min(2 * pause + PAUSE, 2_000);
      }
    } catch (InterruptedException e) {
      // closed
    }
  }

  private void read(Server server) {
    long generation = server.contact().generation();
    Link opened;
    long begin = System.nanoTime();
    try {
      opened = server.openPatient();
    } catch (JedisException e) {
      server.lost(generation, e);
      return;
    }
    heard = begin;
    try {
      begin(opened);
      while (true) {
        take(opened.next());
        server.contact().answered();
      }
    } catch (RuntimeException e) {
      boolean isRefusal = !(e instanceof JedisConnectionException);
      var level = isRefusal && !refused ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG;
      if (isRefusal) {
        refused = true;
      }
      Log.log(level, () -> "events are not announced" + (isRefusal ? ", and arrive late" : "") + ": " + Quoted.reason(e));
    } finally {
      end();
      server.close(opened);
    }
  }

  private void begin(Link opened) {
    sending.lock();
    try {
      link = opened;
      pings.clear();
      var channels = new ArrayList<>(followed.keySet());
      expected = channels.size();
      for (int i = 0; i < channels.size(); i += CHANNELS) {
        opened.send(command(Command.SUBSCRIBE, channels.subList(i, Math.min(i + CHANNELS, channels.size()))));
      }
    } finally {
      sending.unlock();
    }
  }

  private void end() {
    sending.lock();
    try {
      link = null;
    } finally {
      sending.unlock();
    }
    followed.values().forEach(feed -> feed.mirror().deaf());
  }

  /** Takes the reply to a ping. */
  private void answered() {
    sending.lock();
    try {
      heard = pings.isEmpty() ? heard : pings.remove();
    } finally {
      sending.unlock();
    }
  }

  /** Asks whether Redis is still there, unless a question is under way that was sent after another connection failed. */
  private void hear() {
    long now = System.nanoTime();
    sending.lock();
    try {
      if (pings.isEmpty() || now - pings.getLast() > HEARING) {
        ping();
      }
    } finally {
      sending.unlock();
    }
  }

  private void take(Object message) {
    if (!(message instanceof List<?> parts) || parts.size() < 3) {
      answered();
      return;
    }
    var feed = followed.get(Replies.text(parts.get(1)));
    switch (Replies.text(parts.getFirst())) {
      case "message" -> {
        rung++;
        if (feed != null) {
          if (!feed.mirror().bell((byte[]) parts.get(2), heard)) {
            hear();
          }
        }
      }
      case "subscribe" -> {
        boolean first = expected > 0;
        if (feed != null) {
          feed.mirror().confirmed(!first);
        }
        if (first && --expected == 0) {
          subscribed.run();
        }
        if (refused && expected == 0) {
          refused = false;
          Log.log(System.Logger.Level.INFO, () -> "events are announced again");
        }
      }
      default -> {} // unsubscribe
    }
  }
}
