package dev.tidings.redis;

import dev.tidings.EventLog;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/** This process as a user of Redis: its threads, and who works for whom. */
final class Node implements AutoCloseable {
  /** The time after which a channel that nobody reads is not followed any longer. */
  static final Duration IDLE = Duration.ofSeconds(30);

  private static final Duration PATIENCE = Duration.ofMillis(900); // of reads; channels wait for a second
  private static final long QUIET = Duration.ofMinutes(1).toNanos(); // between two warnings

  /** The workers of a server. */
  private record Staff(Server server, Writer writer, Readers readers, Watch watch, List<Thread> threads) {
    /** Closes the connections, and lets the threads end. */
    void dismiss() {
      server.close();
      threads.forEach(Thread::interrupt);
      readers.close();
    }
  }

  private final RedisOptions options;
  private final Duration idle;
  private final AppendQueue queue;
  private final Feeds feeds;
  private final Bells bells;
  private final Map<Server, Staff> staff = new ConcurrentHashMap<>();
  private final List<Thread> threads = new ArrayList<>(); // of the bells
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final AtomicInteger numbers = new AtomicInteger(); // of threads
  private final AtomicLong slowness = new AtomicLong(System.nanoTime()); // when it may be logged again
  private final AtomicLong oldMasters = new AtomicLong(System.nanoTime()); // likewise
  private volatile Topology topology;
  private volatile boolean infoForbidden;
  private volatile boolean closed;

  private Node(RedisOptions options, Duration idle) {
    this.options = options;
    this.idle = idle;
    this.queue = new AppendQueue(options.queueEvents(), options.queueBytes(), options.publishTime(), this::route);
    this.feeds = new Feeds(keys -> new Feed(keys, new FeedNode(), hits, misses, PATIENCE));
    this.bells = new Bells(this::home, () -> staff.values().forEach(its -> its.watch.verifyNow()), this::tick);
  }

  /** Connects. Throws an exception if the first attempt fails, see {@link RedisLogs#connect}. */
  static Node connect(RedisUri uri, RedisOptions options, Duration idle) {
    var node = new Node(options, idle);
    try {
      var connector = new Connector(uri, options);
      node.topology = node.topology(connector);
      node.infoForbidden = connector.isInfoForbidden();
      node.start();
      return node;
    } catch (RuntimeException e) {
      node.close();
      throw e;
    }
  }

  private Topology topology(Connector connector) {
    if (!connector.isCluster()) {
      return connector.single();
    }
    var cluster = connector.cluster(this::employ, this::dismiss);
    topology = cluster; // the staff needs it
    connector.connect(cluster);
    return cluster;
  }

  private void start() {
    if (topology instanceof Cluster cluster) {
      start(threads, "cluster", cluster);
    } else {
      topology.servers().forEach(this::employ);
    }
    start(threads, "bells", bells::read);
    start(threads, "follow", bells::send);
  }

  private void employ(Server server) {
    var its = new ArrayList<Thread>();
    var writer = new Writer(server, topology, queue, this::route);
    var readers =
        new Readers(server, topology, new ReaderRoutes(), work -> thread("read-" + numbers.incrementAndGet(), work), options.pool());
    var watch = new Watch(server, () -> followedOf(server), bells::reconnect);
    staff.put(server, new Staff(server, writer, readers, watch, its));
    start(its, "write", writer);
    start(its, "watch", watch);
  }

  /** Ends the work for a server that has no slots any longer. What waits for it goes elsewhere. */
  private void dismiss(Server server) {
    staff.remove(server).dismiss();
  }

  private static void start(List<Thread> threads, String name, Runnable work) {
    var thread = thread(name, work);
    threads.add(thread);
    thread.start();
  }

  private static Thread thread(String name, Runnable work) {
    return Thread.ofPlatform().daemon().inheritInheritableThreadLocals(false).name("tidings-redis-" + name).unstarted(work);
  }

  // Routes.

  private Staff staffOf(Keys keys) {
    while (true) {
      var its = staff.get(topology.serverOf(keys.slot()));
      if (its != null) {
        return its;
      }
      Thread.onSpinWait(); // the slots have just moved
    }
  }

  private void route(AppendQueue.Lane lane) {
    if (!closed) {
      staffOf(lane.keys).writer.add(lane);
    }
  }

  private void route(Question question) {
    if (closed) {
      question.failed(new RedisFailure("the connection to Redis has been closed"));
    } else {
      staffOf(question.feed().keys()).readers.add(question);
    }
  }

  /** Returns the server that rings the bells: any master does. */
  private Server home() {
    var servers = topology.servers();
    return servers.stream().filter(server -> server.contact().isConnected()).findFirst().orElse(servers.iterator().next());
  }

  private List<Feed> followedOf(Server server) {
    return feeds.all().stream().filter(feed -> feed.isFollowed() && topology.serverOf(feed.keys().slot()) == server).toList();
  }

  private final class ReaderRoutes implements Readers.Routes {
    @Override
    public void route(Question question) {
      Node.this.route(question);
    }

    @Override
    public CompletableFuture<List<String>> begin(Feed feed) {
      return queue.begin(feed.keys(), new Append.Limits(options.events(), options.age()));
    }
  }

  private final class FeedNode implements Feed.Node {
    @Override
    public Optional<Contact.Period> period(Feed feed) {
      return topology.serverOf(feed.keys().slot()).contact().period();
    }

    @Override
    public void ask(Question question) {
      route(question);
    }

    @Override
    public void follow(Feed feed) {
      bells.follow(feed);
    }

    @Override
    public String whyAway(Feed feed) {
      var state = topology.serverOf(feed.keys().slot()).contact().state();
      return closed ? "closed" : state.connected() ? "Redis is slow" : "Redis is away since " + state.since() + ": " + state.reason();
    }
  }

  private void tick(Bells ticking) {
    ticking.sweep(idle);
    feeds.sweep(idle);
  }

  // For RedisLogs.

  EventLog log(Keys keys, int events, Duration age) {
    return new RedisEventLog(keys, new Append.Limits(events, age), options.largestEvent(), queue, feeds, failure -> isLogged(keys, failure));
  }

  /**
   * Returns whether the outage that a failed read is part of has been logged here, so that not each of many channels logs
   * it. Logs now and then that a server is slow.
   */
  private boolean isLogged(Keys keys, RedisFailure failure) {
    var server = topology.serverOf(keys.slot());
    if (failure.getCause().getCause() instanceof Inquiry.OldMaster old) {
      if (isDue(oldMasters)) {
        Log.log(Level.WARNING, () -> "Redis at " + server.name() + ": " + old.getMessage() + ". Streams wait for up to a minute");
      }
      return true;
    }
    var state = server.contact().state();
    if (!state.connected() || !failure.isSilence()) {
      return !state.connected();
    }
    boolean wasAway = state.since().isAfter(Instant.now().minus(PATIENCE.multipliedBy(2)));
    if (!wasAway && isDue(slowness)) {
      Log.log(Level.WARNING, () -> "Redis at " + server.name() + " is slow: a read had no answer within " + PATIENCE.toMillis() + " ms");
    }
    return true;
  }

  /** Returns whether a warning may be logged that may be logged again at this time. */
  private static boolean isDue(AtomicLong time) {
    long now = System.nanoTime();
    long due = time.get();
    return now - due >= 0 && time.compareAndSet(due, now + QUIET);
  }

  Collection<Server> servers() {
    return topology.servers();
  }

  AppendQueue.Load load() {
    return queue.load();
  }

  boolean isAlive() {
    return !closed
        && threads.stream().allMatch(Thread::isAlive)
        && staff.values().stream().allMatch(its -> its.threads.stream().allMatch(Thread::isAlive));
  }

  boolean isInfoForbidden() {
    return infoForbidden;
  }

  boolean isSubscribeForbidden() {
    return bells.isRefused();
  }

  int followed() {
    return bells.followed();
  }

  long hits() {
    return hits.sum();
  }

  long misses() {
    return misses.sum();
  }

  long questions() {
    return staff.values().stream().mapToLong(its -> its.readers.asked()).sum();
  }

  long bells() {
    return bells.rung();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    queue.close();
    staff.values().forEach(Staff::dismiss);
    threads.forEach(Thread::interrupt);
    var all = new ArrayList<>(threads);
    staff.values().forEach(its -> {
      all.addAll(its.threads);
      all.addAll(its.readers.running());
    });
    boolean interrupted = false;
    for (Thread thread : all) {
      try {
        thread.join(Duration.ofSeconds(2)); // it may be connecting
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
