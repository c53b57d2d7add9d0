package dev.tidings.redis;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.Protocol.Command;
import redis.clients.jedis.exceptions.JedisAskDataException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;
import redis.clients.jedis.exceptions.JedisRedirectionException;

/**
 * The pool of connections that ask a server for what the rings lack. Each has a thread of its own, which begins when the
 * others are busy and ends when it has been idle.
 */
final class Readers {
  private static final int MOST_QUESTIONS = 32; // in a pipeline
  private static final Duration IDLE = Duration.ofSeconds(60);
  private static final Duration AWAY = Duration.ofMillis(500);
  private static final Duration PAUSE = Duration.ofMillis(20);
  private static final long CHECK = TimeUnit.SECONDS.toNanos(10); // of the role

  /** Where questions go that this pool gives back, and what it needs. Nothing here blocks. */
  interface Routes {
    void route(Question question);

    CompletableFuture<List<String>> begin(Feed feed);
  }

  private final Server server;
  private final Topology topology;
  private final Routes routes;
  private final ThreadFactory threads;
  private final int most;
  private final LinkedBlockingQueue<Question> queue = new LinkedBlockingQueue<>();
  private final AtomicInteger workers = new AtomicInteger();
  private final Set<Thread> running = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;
  private final AtomicInteger idle = new AtomicInteger();
  private final AtomicLong asked = new AtomicLong();

  Readers(Server server, Topology topology, Routes routes, ThreadFactory threads, int most) {
    this.server = server;
    this.topology = topology;
    this.routes = routes;
    this.threads = threads;
    this.most = most;
  }

  /** Returns the number of questions that have been sent. */
  long asked() {
    return asked.get();
  }

  /** Takes a question. Does not block. */
  void add(Question question) {
    queue.add(question);
    if (closed) {
      giveBack();
    } else if (idle.get() == 0) {
      start();
    }
  }

  private void start() {
    int count = workers.get();
    while (count < most) {
      if (workers.compareAndSet(count, count + 1)) {
        threads.newThread(new Worker()).start();
        return;
      }
      count = workers.get();
    }
  }

  private void giveBack() {
    var questions = new ArrayList<Question>();
    queue.drainTo(questions);
    questions.forEach(routes::route);
  }

  /** Ends the threads and gives back what waits. */
  void close() {
    closed = true;
    running.forEach(Thread::interrupt);
    giveBack();
  }

  Collection<Thread> running() {
    return running;
  }

  /** What becomes of a question after a round. */
  private enum Settled {
    /** It is answered, has failed, or is passed on. */
    GONE,
    /** It has another round here. */
    AGAIN,
    /** It has to be asked elsewhere, or later. */
    ELSEWHERE
  }

  private final class Worker implements Runnable {
    private Link link; // null if there is none
    private long checked; // when the role was

    @Override
    public void run() {
      running.add(Thread.currentThread());
      try {
        for (var questions = take(); !closed && !questions.isEmpty(); questions = take()) {
          ask(questions);
        }
      } catch (InterruptedException e) {
        // closed
      } finally {
        workers.decrementAndGet();
        running.remove(Thread.currentThread());
        if (link != null) {
          server.close(link);
        }
        if (!queue.isEmpty() && !closed) {
          start(); // a question came while this thread ended
        }
      }
    }

    /** Waits for questions, and then until the server can be reached; returns none if none come. */
    private List<Question> take() throws InterruptedException {
      var questions = new ArrayList<Question>();
      while (true) {
        var first = poll();
        if (first == null) {
          return questions;
        }
        boolean isConnected = false;
        try {
          isConnected = server.contact().await(AWAY);
        } finally {
          if (isConnected) {
            questions.add(first);
            queue.drainTo(questions, MOST_QUESTIONS - 1);
          } else {
            routes.route(first); // it has not been sent, so other readers share it
          }
        }
        if (isConnected) {
          return questions;
        }
      }
    }

    private Question poll() throws InterruptedException {
      idle.incrementAndGet();
      try {
        return queue.poll(IDLE.toMillis(), TimeUnit.MILLISECONDS);
      } finally {
        idle.decrementAndGet();
      }
    }

    private void ask(List<Question> questions) throws InterruptedException {
      var left = new LinkedHashSet<>(questions); // those that are neither answered nor passed on
      for (int attempt = 0; attempt < 2 && connect(); attempt++) { // the first connection may have been closed long ago
        try {
          exchange(left);
          if (left.isEmpty()) {
            return;
          }
        } catch (JedisException e) {
          server.close(link);
          link = null;
        } catch (RuntimeException e) { // such as a reply of an unexpected type
          left.forEach(question -> question.failed(new RedisFailure("unexpected reply of Redis: " + Quoted.reason(e), e)));
          return;
        }
      }
      try {
        Thread.sleep(PAUSE);
      } finally {
        left.forEach(routes::route);
      }
    }

    private boolean connect() {
      var before = link;
      link = server.renew(before);
      if (link != before) {
        checked = System.nanoTime();
      }
      return link != null;
    }

    /**
     * Sends questions, and those of their rounds that follow at once. Removes those that are answered or passed on, also if
     * the connection fails later. The others have to be asked elsewhere.
     */
    private void exchange(Set<Question> left) {
      for (var round = List.copyOf(left); !round.isEmpty(); ) {
        var period = server.contact().period(); // before the questions note what is in memory
        var commands = new ArrayList<CommandArguments>();
        boolean check = System.nanoTime() - checked > CHECK;
        if (check) {
          commands.add(new CommandArguments(Command.ROLE));
        }
        var counts = new ArrayList<Integer>();
        for (var question : round) {
          var its = question.begin(period);
          counts.add(its.size());
          commands.addAll(its);
          asked.incrementAndGet();
        }
        var replies = link.ask(commands);
        server.contact().answered();
        int at = 0;
        if (check) {
          requireMaster(replies.getFirst());
          at++;
        }
        var next = new ArrayList<Question>();
        for (int i = 0; i < round.size(); i++) {
          var its = replies.subList(at, at + counts.get(i));
          var what = settle(round.get(i), commands.subList(at, at + counts.get(i)), its);
          if (what == Settled.AGAIN) {
            next.add(round.get(i));
          } else if (what == Settled.GONE) {
            left.remove(round.get(i));
          }
          at += counts.get(i);
        }
        round = List.copyOf(next);
      }
    }

    private void requireMaster(Object reply) {
      try {
        Server.requireMaster(link, reply);
        checked = System.nanoTime();
      } catch (JedisDataException e) {
        checked = System.nanoTime(); // forbidden
      } catch (JedisException e) {
        server.lost(link.generation(), e);
        throw e;
      }
    }

    private Settled settle(Question question, List<CommandArguments> commands, List<Object> replies) {
      var all = new ArrayList<>(replies);
      try {
        for (int i = 0; i < all.size(); i++) {
          if (all.get(i) instanceof JedisRedirectionException moved) {
            topology.moved();
            if (!(moved instanceof JedisAskDataException)) {
              return Settled.ELSEWHERE;
            }
            all.set(i, askThere(moved, commands.get(i)));
          } else if (all.get(i) instanceof JedisDataException error && Replies.meaning(error) == Replies.Meaning.LATER) {
            return Settled.ELSEWHERE;
          }
        }
        switch (question.take(all)) {
          case AGAIN -> {
            return Settled.AGAIN;
          }
          case BEGIN ->
              routes.begin(question.feed()).whenComplete((ids, e) -> {
                if (e == null) {
                  routes.route(question);
                } else {
                  question.failed(new RedisFailure(e.getMessage(), e));
                }
              });
          case DONE -> {}
        }
      } catch (RuntimeException e) {
        question.failed(e);
      }
      return Settled.GONE;
    }

    /** Asks the server to which a slot is being moved. */
    private Object askThere(JedisRedirectionException moved, CommandArguments command) {
      try (var there = topology.openElsewhere(moved.getTargetNode())) {
        return there.ask(List.of(new CommandArguments(Command.ASKING), command)).get(1);
      }
    }
  }
}
