package dev.tidings;

import com.sun.net.httpserver.HttpPrincipal;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Ends streams on all nodes of a cluster: on all servers whose registries have joined the same control log.
 *
 * <p>{@link #drop} and {@link #dropPrincipal} append a command to the log. Each node applies all commands in the order
 * of the log. If a node cannot reach the log, its streams stay open, and it applies the commands when it can reach the
 * log again, usually within a second. A command is not a barrier: a client whose stream was dropped may reconnect, so
 * refuse it in the handler or in an authenticator before you drop its streams.
 *
 * <p>If {@link Duplicates#REPLACE} is set, as by default, a stream also replaces the older stream with the same
 * identifier on another node, which ends as {@link Ending#REPLACED}. The newer stream first proves that its client is
 * connected, by two writes at least 0.4 s apart, such as its first ping and the second write of that. Until then, and
 * while the log cannot be reached, both streams are open. If two clients replace each other continually, because they
 * reconnect after {@code tidings:completed}, a warning names the identifier. Identifiers that are longer than 1,024
 * characters or have a lone surrogate are not replaced.
 *
 * <p>If the log has dropped commands that a node has not read, a warning is logged, all streams of the node are
 * {@linkplain Settings#withRecheck rechecked}, at most 64 at a time, and its streams prove again that their clients are
 * connected, within about 10 s. So set a recheck, or a log that holds commands for longer than the longest outage.
 *
 * <p>All nodes must use the same log, which must not be that of a channel. A later version of this library may add
 * commands; a node that does not know them ignores them, and logs one warning. All methods may be called from any
 * thread.
 *
 * @implNote One virtual thread follows the log, and another one appends the claims of identifiers. Each stream with an
 *     identifier appends one small event; if there are conflicts, a few more.
 */
public final class Cluster implements AutoCloseable {
  private static final Duration PAUSE = Duration.ofMillis(500);
  private static final Duration LEAST_LIMIT = Duration.ofSeconds(5);
  private static final Duration CLOSE_WITHIN = Duration.ofSeconds(1);

  private final EventSources sources;
  private final EventLog log;
  private final LogReader reader;
  private final Claims claims;
  private final Contact contact;
  private final Rechecks rechecks;
  private final Hops hops;
  private final AtomicBoolean unknown = new AtomicBoolean(); // whether a warning was logged
  private final AtomicBoolean newer = new AtomicBoolean(); // whether a warning was logged
  private final Thread follower;
  private final Thread claimer;
  private Optional<String> first = Optional.empty(); // set before the follower starts
  private volatile boolean closed;

  private Cluster(EventSources sources, EventLog log) {
    this.sources = Objects.requireNonNull(sources, "sources");
    this.log = Objects.requireNonNull(log, "log");
    var threads = new Threads();
    var engine = sources.engine();
    this.reader = new LogReader(log, PAUSE, Cluster::report);
    var claiming = new Claiming(log, reader);
    this.claims = new Claims(anyName(), sources.replacesDuplicates(), engine, claiming);
    this.contact = new Contact(sources, threads.virtual("tidings-cluster-contact"));
    this.rechecks = new Rechecks(sources, threads.virtual("tidings-cluster-rechecks"));
    this.hops = new Hops(engine.ticker());
    this.follower = threads.virtual("tidings-cluster").newThread(this::follow);
    this.claimer = threads.virtual("tidings-claims").newThread(() -> claiming.run(claims));
  }

  /**
   * Lets the streams of a registry be controlled by all nodes that have joined the same log. Applies the commands that
   * are appended after this call has returned. Blocks while the log returns its latest id, normally at most about a
   * second. If the log cannot be reached, that is logged, and the node joins as soon as the log can be reached, as if
   * it had missed commands.
   *
   * @param sources the registry of this node; streams that are open are included
   * @param log the control log, which all nodes share, and which is used for nothing else
   * @return the membership of this node, which ends when it is closed; close it before the log
   * @throws IllegalStateException if the registry is in a cluster
   */
  public static Cluster join(EventSources sources, EventLog log) {
    var cluster = new Cluster(sources, log);
    cluster.start();
    return cluster;
  }

  private static String anyName() {
    return HexFormat.of().toHexDigits(new SecureRandom().nextLong());
  }

  private static void report(Throwable why) {
    if (why instanceof UncheckedIOException || why instanceof NotAppendedException) {
      Log.warning("the control log of a cluster failed; streams stay open: " + Quoted.java(why));
    } else {
      Log.failure("the control log of a cluster", why);
    }
  }

  private void start() {
    if (!sources.observe(claims)) {
      throw new IllegalStateException("this registry is in a cluster");
    }
    first = reader.latest();
    first.ifPresent(claims::start);
    sources.streams().forEach(claims::opened);
    follower.start();
    claimer.start();
  }

  // Commands.

  /**
   * Ends the streams with this identifier on all nodes, as {@link Ending#REVOKED}. Returns when the command has been
   * appended to the log, and blocks as long as that takes. Clients may reconnect; refuse them in the handler or in an
   * authenticator.
   *
   * @param identifier compared exactly; at most 1,024 characters
   * @throws IllegalArgumentException if the identifier is too long or has a lone surrogate
   * @throws IllegalStateException if this cluster is closed
   * @throws NotAppendedException if the command has certainly not been appended
   * @throws UncheckedIOException if the log cannot be reached; the command may have been appended, and may be repeated
   */
  public void drop(String identifier) {
    append(new Command.Drop(Command.requireFits("identifier", identifier)));
  }

  /**
   * Ends the streams of a user on all nodes, as {@link Ending#REVOKED}, with and without an identifier. Blocks like
   * {@link #drop}. Clients may reconnect; refuse them in the handler or in an authenticator.
   *
   * @param username the {@linkplain HttpPrincipal#getUsername() username} of the {@link EventSource#principal()}, in
   *     any realm, compared exactly; at most 1,024 characters
   * @throws IllegalArgumentException if the username is too long or has a lone surrogate
   * @throws IllegalStateException if this cluster is closed
   * @throws NotAppendedException if the command has certainly not been appended
   * @throws UncheckedIOException if the log cannot be reached; the command may have been appended, and may be repeated
   */
  public void dropPrincipal(String username) {
    append(new Command.DropPrincipal(Command.requireFits("username", username)));
  }

  private void append(Command command) {
    if (closed) {
      throw new IllegalStateException("this cluster is closed");
    }
    log.append(Command.encode(command));
  }

  /**
   * Sets how long this node may be without contact to the log before it ends streams that have a
   * {@linkplain EventSource#principal() principal}, because it may have missed that they were dropped (default:
   * {@link java.time.temporal.ChronoUnit#FOREVER}). They end as {@link Ending#REVOKED}, with a {@code retry:} from the
   * range of {@link Settings#withReconnect}, at most a twentieth of this time later, and a warning is logged. A stream
   * that opens during the outage may stay open for this time, because its user has just been authenticated. Does not
   * block. A later call replaces the limit.
   *
   * @param limit at least 5 s
   * @return this
   * @throws IllegalArgumentException if the limit is shorter than 5 s
   */
  public Cluster failClosed(Duration limit) {
    if (Objects.requireNonNull(limit, "limit").compareTo(LEAST_LIMIT) < 0) {
      throw new IllegalArgumentException("limit must be at least " + LEAST_LIMIT + ": " + limit);
    }
    contact.limit(Checks.nanos(limit));
    return this;
  }

  // Following.

  private void follow() {
    new Follower(reader).run(first, new Node());
  }

  /** Applies the commands of the log, on the thread that follows it. */
  private final class Node implements Follower.Node {
    @Override
    public void reached() {
      contact.reached();
    }

    @Override
    public void gap(String position) {
      Log.warning("this node has missed commands of its cluster; its streams are rechecked");
      claims.gap(position);
      rechecks.start();
    }

    @Override
    public void apply(String id, Command command) {
      var replaced = claims.pass(id, command);
      switch (command) {
        case Command.Drop(var identifier) -> sources.findAll(identifier).forEach(Cluster::revoke);
        case Command.DropPrincipal(var username) ->
            sources.drop(stream -> UserCode.testFilter("a principal", () -> isOf(stream, username)));
        case Command.Claim claim -> replaced.ifPresent(stream -> replace(stream, claim.identifier()));
        case Command.Unknown(var name) -> warnOnce(unknown, "that it does not know", name);
        case Command.Newer(var name) -> warnOnce(newer, "of a newer format", name);
      }
    }

    private void replace(EventSource stream, String identifier) {
      if (stream.life().endWithRetry(Ending.REPLACED)) {
        hops.replaced(identifier);
      }
    }
  }

  private static void revoke(EventSource stream) {
    stream.life().end(Ending.REVOKED);
  }

  private static boolean isOf(EventSource stream, String username) {
    return stream.principal().map(HttpPrincipal::getUsername).filter(username::equals).isPresent();
  }

  private static void warnOnce(AtomicBoolean warned, String which, String name) {
    if (warned.compareAndSet(false, true)) {
      Log.warning("a node ignores commands of its cluster " + which + ", such as " + Quoted.java(name));
    }
  }

  /** Returns the id up to which this node has applied the log; empty if it has not reached the log yet. */
  Optional<String> position() {
    return claims.position();
  }

  // Closing.

  /**
   * Leaves the cluster. The streams stay open, and commands are no longer applied to them. Waits until the threads of
   * this object have ended, at most for one second: they end as soon as their calls of the log return. Idempotent. An
   * interrupt ends the wait; the interrupt status stays set.
   */
  @Override
  public void close() {
    closed = true;
    sources.unobserve(claims);
    claims.close();
    contact.close();
    rechecks.close();
    reader.close();
    var threads = List.of(follower, claimer);
    threads.forEach(Thread::interrupt);
    long start = System.nanoTime();
    try {
      for (Thread thread : threads) {
        if (thread != Thread.currentThread()) {
          thread.join(CLOSE_WITHIN.minusNanos(System.nanoTime() - start));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
