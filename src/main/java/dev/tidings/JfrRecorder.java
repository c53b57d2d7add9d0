package dev.tidings;

import java.util.Optional;
import java.util.OptionalLong;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import jdk.jfr.Timespan;

/** Records the events of the library. Text from outside is quoted and truncated. */
final class JfrRecorder implements Recorder {
  // JFR answers whether a kind of event is enabled through an instance.
  private static final Event STREAMS = new StreamLife();
  private static final Event WRITES = new SlowWrite();
  private static final Event PUBLICATIONS = new Publish();
  private static final Event GAPS = new HistoryGap();

  @Name("dev.tidings.Stream")
  @Label("Stream")
  @Category("Tidings")
  @Description("The life of a stream. The duration is zero if the stream was opened before the recording began")
  @StackTrace(false)
  static final class StreamLife extends Event implements Life {
    @Label("Identifier")
    String identifier;

    @Label("Route")
    @Description("The path of the route, with placeholders, or of the context")
    String route;

    @Label("Ending")
    String ending;

    @Label("Age")
    @Description("The time since the stream was opened")
    @Timespan(Timespan.NANOSECONDS)
    long age;

    @Label("Events")
    @Description("The number of events that were written")
    long events;

    @Label("Bytes")
    @DataAmount
    long bytes;

    @Label("Dropped Events")
    long dropped;

    @Label("Largest Wait")
    @Description("The longest time that an event was queued in the outbox")
    @Timespan(Timespan.NANOSECONDS)
    long largestWait;

    @Override
    public void end(Optional<String> identifier, Ending why, long age, Traffic traffic, long largestWait) {
      end();
      if (shouldCommit()) {
        this.identifier = identifier.map(Quoted::java).orElse(null);
        this.route = route == null ? null : Quoted.java(route);
        this.ending = why.name();
        this.age = age;
        this.events = traffic.sent();
        this.bytes = traffic.bytes();
        this.dropped = traffic.dropped();
        this.largestWait = largestWait;
        commit();
      }
    }
  }

  @Name("dev.tidings.SlowWrite")
  @Label("Slow Write")
  @Category("Tidings")
  @Description("A write to a client that does not read")
  @StackTrace(false)
  @Threshold("100 ms")
  static final class SlowWrite extends Event implements Write {
    @Label("Identifier")
    String identifier;

    @Label("Bytes")
    @DataAmount
    long bytes;

    @Override
    public void end(Optional<String> identifier, long bytes) {
      end();
      if (shouldCommit()) {
        this.identifier = identifier.map(Quoted::java).orElse(null);
        this.bytes = bytes;
        commit();
      }
    }
  }

  @Name("dev.tidings.Publish")
  @Label("Publish")
  @Category("Tidings")
  @Description("A call that publishes events to a channel")
  @StackTrace(false)
  @Enabled(false)
  static final class Publish extends Event implements Publication {
    @Label("Channel")
    String channel;

    @Label("Events")
    int events;

    @Override
    public void end(String channel, int events) {
      end();
      if (shouldCommit()) {
        this.channel = Quoted.java(channel);
        this.events = events;
        commit();
      }
    }
  }

  @Name("dev.tidings.Gap")
  @Label("Gap")
  @Category("Tidings")
  @Description("A gap in the history of a channel that is reported to streams")
  @StackTrace(false)
  static final class HistoryGap extends Event {
    @Label("Channel")
    String channel;

    @Label("From")
    @Description("The id after which the streams continue")
    String from;

    @Label("Missed Events")
    @Description("The number of lost events; -1 if it is not known")
    long missed;
  }

  @Override
  public boolean recordsStreams() {
    return STREAMS.isEnabled();
  }

  @Override
  public Life open(String route) {
    if (!STREAMS.isEnabled()) {
      return null;
    }
    var life = new StreamLife();
    life.route = route;
    life.begin();
    return life;
  }

  @Override
  public Life late() {
    return STREAMS.isEnabled() ? new StreamLife() : null;
  }

  @Override
  public Write beginWrite() {
    if (!WRITES.isEnabled()) {
      return null;
    }
    var write = new SlowWrite();
    write.begin();
    return write;
  }

  @Override
  public Publication beginPublish() {
    if (!PUBLICATIONS.isEnabled()) {
      return null;
    }
    var publication = new Publish();
    publication.begin();
    return publication;
  }

  @Override
  public void gap(String channel, String from, OptionalLong missed) {
    if (GAPS.isEnabled()) {
      var gap = new HistoryGap();
      gap.channel = Quoted.java(channel);
      gap.from = Quoted.java(from);
      gap.missed = missed.orElse(-1);
      gap.commit();
    }
  }
}
