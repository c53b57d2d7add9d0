package dev.tidings.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.tidings.Channel;
import dev.tidings.Event;
import dev.tidings.EventLog;
import dev.tidings.redis.RedisLogs;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;

/**
 * The library with one channel that all streams join, and with a log of any kind. Further orders append with many threads
 * at a time, and follow channels without streams.
 */
final class LogPeer implements Peer {
  /** The beginning of its name. {@code memory}, {@code file:<directory>} or the URL of Redis follows. */
  static final String NAME = "log:";

  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private static final int SIZE = 100; // bytes of data in an appended event
  /** The name of a channel whose log has the default limits, which is for appends without followers. */
  static final String SHORT = "appended";

  private static final int LONG = 2_000_000; // events of a log that is followed by readers that may fall behind

  private final Function<String, EventLog> logs;
  private final Function<String, EventLog> longLogs;
  private final EventLog log;
  private final Channel channel;
  private final LongAdder opened = new LongAdder();
  private final Followers followers = new Followers();
  private final Map<String, Channel> appending = new HashMap<>(); // by name
  private final long[] appended = new long[Followers.THREADS]; // by each thread

  LogPeer(String where) {
    if (where.equals("memory")) {
      logs = name -> EventLog.inMemory();
      longLogs = logs;
    } else if (where.startsWith("file:")) {
      var directory = Path.of(where.substring("file:".length()));
      logs = name -> EventLog.inFile(directory.resolve(name));
      longLogs = logs;
    } else {
      var redis = RedisLogs.connect(where);
      logs = redis::log;
      longLogs = name -> redis.log(name, LONG, Duration.ofHours(1));
    }
    log = logs.apply("bench");
    channel = Channel.create("bench", log);
  }

  @Override
  public void start(int port, Duration ping) throws IOException {
    var server = TidingsPeer.server(port, ping);
    server.get(
        "/events",
        request -> {
          var stream = request.getEventSource();
          channel.join(stream);
          opened.increment();
          stream.keepAlive();
        });
    server.start();
  }

  @Override
  public void publish(String data) {
    channel.publish(data);
  }

  @Override
  public long opened() {
    return opened.sum();
  }

  @Override
  public String position() {
    return log.latest();
  }

  @Override
  public String obey(String[] words) throws Exception {
    return switch (words[0]) {
      case "append" -> append(Integer.parseInt(words[1]), Integer.parseInt(words[2]), Long.parseLong(words[3]), words[4]);
      case "follow" -> {
        followers.follow(longLogs.apply(words[1]));
        yield "1";
      }
      case "idle" -> {
        idle(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
        yield words[1];
      }
      case "followed" -> followers.count() + " " + followers.read() + " " + followers.faults();
      default -> Peer.super.obey(words);
    };
  }

  /** Follows channels with this many threads, each a channel of its own, or all of them the same few. */
  private void idle(int threads, int channels) {
    var idle = new ArrayList<EventLog>();
    for (int i = 0; i < channels; i++) {
      idle.add(logs.apply("idle-" + channels + "-" + i));
    }
    for (int i = 0; i < threads; i++) {
      followers.follow(idle.get(i % channels));
    }
  }

  /**
   * Publishes to a channel with this many threads for a time, {@code batch} events at once. Returns the number of events, and
   * the nanoseconds and the processor time that this took.
   */
  private String append(int threads, int batch, long millis, String name) throws Exception {
    var channel =
        appending.computeIfAbsent(name, key -> Channel.create(key, (name.equals(SHORT) ? logs : longLogs).apply(name)));
    var count = new LongAdder();
    var failures = new LongAdder();
    long processor = SYSTEM.getProcessCpuTime();
    long begin = System.nanoTime();
    var all = new ArrayList<Thread>();
    for (int thread = 0; thread < threads; thread++) {
      int number = thread;
      all.add(
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      do {
                        publish(channel, number, batch);
                        count.add(batch);
                        Thread.yield(); // otherwise virtual threads that never block run one after the other
                      } while (System.nanoTime() - begin < millis * 1_000_000);
                    } catch (RuntimeException e) {
                      e.printStackTrace();
                      failures.increment();
                    }
                  }));
    }
    for (var thread : all) {
      thread.join();
    }
    if (failures.sum() > 0) {
      throw new IllegalStateException(failures + " threads failed");
    }
    long nanos = System.nanoTime() - begin;
    return count + " " + nanos + " " + (SYSTEM.getProcessCpuTime() - processor);
  }

  private void publish(Channel channel, int thread, int batch) {
    var payload = new Payload(SIZE);
    if (batch == 1) {
      channel.publish(Followers.event(payload, thread, ++appended[thread]));
    } else {
      var events = new ArrayList<Event>(batch);
      for (int i = 0; i < batch; i++) {
        events.add(Followers.event(payload, thread, ++appended[thread]));
      }
      channel.publishAll(List.copyOf(events));
    }
  }
}
