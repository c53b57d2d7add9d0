package dev.tidings;

import java.util.List;

/** Appends the events of a channel to its log. Blocks while the log does. */
final class Publishing {
  private static final String RESERVED = "tidings:";

  private final String channel; // the name
  private final EventLog log;
  private final LogReader reader;

  Publishing(String channel, EventLog log, LogReader reader) {
    this.channel = channel;
    this.log = log;
    this.reader = reader;
  }

  /** Appends an event, and returns its id. */
  String publish(Event event) {
    requireNotReserved(event);
    var record = Recorder.CURRENT.beginPublish();
    String id = log.append(event);
    recordPublished(record, 1);
    return published(id);
  }

  /** Appends an event once, however often this is repeated with its key. */
  String publish(Event event, String key) {
    requireNotReserved(event);
    var record = Recorder.CURRENT.beginPublish();
    String id = log.append(event, key); // perhaps of an earlier event, so it is not the latest that is known
    recordPublished(record, 1);
    WireFormat.checkLogId(id);
    return id;
  }

  /** Appends events together, and returns their ids. */
  List<String> publishAll(List<Event> events) {
    events.forEach(Publishing::requireNotReserved);
    var record = Recorder.CURRENT.beginPublish();
    var ids = log.appendAll(events);
    recordPublished(record, events.size());
    ids.forEach(this::published);
    return ids;
  }

  private void recordPublished(Recorder.Publication record, int events) {
    if (record != null) {
      record.end(channel, events);
    }
  }

  private static void requireNotReserved(Event event) {
    event.name().filter(name -> name.startsWith(RESERVED)).ifPresent(name -> {
      throw new IllegalArgumentException(
          "event names that begin with " + RESERVED + " are reserved: " + Quoted.java(name));
    });
  }

  private String published(String id) {
    WireFormat.checkLogId(id);
    if (!reader.isHere()) {
      reader.know(id);
    }
    return id;
  }
}
