package dev.tidings.redis;

import dev.tidings.redis.AppendQueue.Lane;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisAskDataException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/** Sends batches to a server: those of all channels that are ready in one pipeline, on one connection and one thread. */
final class Writer implements Runnable {
  private static final long MOST_BYTES = 4 * 1024 * 1024; // in a pipeline, not counting the first batch
  private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(25);
  private static final long MARGIN = TimeUnit.MILLISECONDS.toNanos(150); // so that callers still learn the reason
  private static final Duration AWAY = Duration.ofMillis(100);

  /** A batch and its channel. */
  private record Sending(Lane lane, Batch batch) {}

  /** A channel whose batch is sent again at a time. */
  private record Retry(Lane lane, long time) {}

  private final Server server;
  private final Topology topology;
  private final AppendQueue queue;
  private final Routes routes;
  private final LinkedBlockingQueue<Lane> ready = new LinkedBlockingQueue<>();
  private volatile boolean retired;
  // Owned by the thread.
  private final PriorityQueue<Retry> retries = new PriorityQueue<>(Comparator.comparingLong(Retry::time));
  private Link link; // null if there is none

  /** Where lanes go that this writer gives back. */
  interface Routes {
    void route(Lane lane);
  }

  Writer(Server server, Topology topology, AppendQueue queue, Routes routes) {
    this.server = server;
    this.topology = topology;
    this.queue = queue;
    this.routes = routes;
  }

  /** Takes a channel that is ready. Does not block. */
  void add(Lane lane) {
    ready.add(lane);
    if (retired) {
      giveBack();
    }
  }

  private void giveBack() {
    var lanes = new ArrayList<Lane>();
    ready.drainTo(lanes);
    lanes.forEach(routes::route);
  }

  @Override
  public void run() {
    try {
      while (true) {
        send(take());
      }
    } catch (InterruptedException e) {
      // closed
    } finally {
      if (link != null) {
        server.close(link);
      }
      retired = true;
      retries.forEach(retry -> routes.route(retry.lane()));
      giveBack();
    }
  }

  private void send(List<Lane> lanes) throws InterruptedException {
    boolean isConnected;
    try {
      isConnected = server.contact().await(AWAY) && connect();
    } catch (InterruptedException e) {
      lanes.forEach(routes::route);
      throw e;
    }
    if (isConnected) {
      exchange(form(lanes));
    } else {
      lanes.forEach(this::postpone);
    }
  }

  private List<Lane> take() throws InterruptedException {
    var lanes = new ArrayList<Lane>();
    while (lanes.isEmpty()) {
      long now = System.nanoTime();
      while (!retries.isEmpty() && retries.peek().time() - now <= 0) {
        routes.route(retries.remove().lane()); // perhaps to another server
      }
      ready.drainTo(lanes);
      if (lanes.isEmpty()) {
        var lane = retries.isEmpty() ? ready.take() : ready.poll(retries.peek().time() - now, TimeUnit.NANOSECONDS);
        if (lane != null) {
          lanes.add(lane);
        }
      }
    }
    return lanes;
  }

  /** Keeps a channel for later, but gives up on a batch for which nobody waits any longer. */
  private void postpone(Lane lane) {
    if (!queue.expire(lane)) {
      routes.route(lane);
    }
  }

  /** Returns the batches of these channels, which have to be sent now. */
  private List<Sending> form(List<Lane> lanes) {
    var sendings = new ArrayList<Sending>();
    long bytes = 0;
    for (Lane lane : lanes) {
      if (bytes > MOST_BYTES) {
        ready.add(lane);
      } else if (!queue.expire(lane)) {
        var batch = queue.next(lane);
        if (batch.isPresent()) {
          sendings.add(new Sending(lane, batch.get()));
          bytes += batch.get().bytes();
        }
      }
    }
    return sendings;
  }

  private void exchange(List<Sending> sendings) {
    if (sendings.isEmpty()) {
      return;
    }
    var commands = new ArrayList<CommandArguments>();
    for (var sending : sendings) {
      sending.batch.sending();
      commands.add(sending.batch.command());
    }
    List<Object> replies;
    try {
      replies = link.ask(commands);
      server.contact().answered();
    } catch (JedisException e) {
      server.close(link);
      link = null;
      for (var sending : sendings) {
        sending.batch.unanswered();
        again(sending, sending.batch.attempts() > 1 ? PAUSE : 0);
      }
      return;
    }
    for (int i = 0; i < sendings.size(); i++) {
      var sending = sendings.get(i);
      try {
        settle(sending, replies.get(i));
      } catch (RuntimeException e) { // such as a reply that the script does not give
        sending.batch.failed(new RedisFailure(Batch.unknown(sending.lane.keys) + ": " + Quoted.reason(e), e));
        queue.settled(sending.lane);
      }
    }
  }

  private boolean connect() {
    link = server.renew(link);
    return link != null;
  }

  private void settle(Sending sending, Object reply) {
    if (!(reply instanceof JedisDataException error)) {
      sending.batch.settle((List<?>) reply); // may throw; nothing after it does
      queue.settled(sending.lane);
      return;
    }
    var keys = sending.lane.keys;
    switch (Replies.meaning(error)) {
      case NO_SCRIPT -> {
        load();
        again(sending, 0);
      }
      case REDIRECT -> redirect(sending, error);
      case LATER -> {
        topology.moved(); // such as CLUSTERDOWN
        if (System.nanoTime() + MARGIN - sending.batch.deadline() > 0) {
          sending.batch.refused(Replies.refused(keys, error));
          queue.settled(sending.lane);
        } else {
          again(sending, PAUSE);
        }
      }
      case DEMOTED, LOCKED_OUT -> {
        if (link != null) {
          server.lost(link.generation(), error);
          link = null;
        }
        again(sending, 0);
      }
      case REFUSED -> {
        sending.batch.refused(Replies.refused(keys, error));
        queue.settled(sending.lane);
      }
      case OTHER -> {
        sending.batch.failed(new RedisFailure(Batch.unknown(keys) + ": " + Replies.explain(keys, error), error));
        queue.settled(sending.lane);
      }
    }
  }

  private void load() {
    try {
      if (link != null && link.ask(List.of(Script.load())).getFirst() instanceof JedisDataException error) {
        Log.log(System.Logger.Level.DEBUG, () -> "SCRIPT LOAD: " + Quoted.reason(error));
      }
    } catch (JedisException e) {
      server.close(link);
      link = null;
    }
  }

  private void redirect(Sending sending, JedisDataException error) {
    topology.moved();
    if (!(error instanceof JedisAskDataException ask)) {
      again(sending, sending.batch.attempts() > 1 ? PAUSE : 0);
      return;
    }
    Object reply;
    try (var elsewhere = topology.openElsewhere(ask.getTargetNode())) {
      var asking = new CommandArguments(Command.ASKING);
      elsewhere.ask(List.of(Script.load()));
      sending.batch.unanswered();
      reply = elsewhere.ask(List.of(asking, sending.batch.command())).get(1);
    } catch (JedisException e) {
      again(sending, PAUSE);
      return;
    }
    if (reply instanceof List<?> list) {
      sending.batch.settle(list);
      queue.settled(sending.lane);
    } else {
      again(sending, PAUSE); // such as TRYAGAIN
    }
  }

  /** Sends a batch again after a pause. */
  private void again(Sending sending, long pause) {
    if (pause > 0) {
      retries.add(new Retry(sending.lane, System.nanoTime() + pause));
    } else {
      routes.route(sending.lane);
    }
  }
}
