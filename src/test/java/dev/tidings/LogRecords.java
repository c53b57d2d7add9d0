package dev.tidings;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Records the library's log while it is open. */
final class LogRecords extends Handler implements AutoCloseable {
  private static final Logger LOGGER = Logger.getLogger("dev.tidings");
  private final Queue<LogRecord> records = new ConcurrentLinkedQueue<>();

  LogRecords() {
    LOGGER.setLevel(Level.ALL);
    LOGGER.setUseParentHandlers(false);
    LOGGER.addHandler(this);
  }

  @Override
  public void publish(LogRecord record) {
    records.add(record);
  }

  void clear() {
    records.clear();
  }

  /** Returns the records above DEBUG, which are shown by default. */
  List<LogRecord> loud() {
    return records.stream().filter(record -> record.getLevel().intValue() >= Level.INFO.intValue()).toList();
  }

  List<String> messages(Level level) {
    return records.stream().filter(record -> record.getLevel().equals(level)).map(LogRecord::getMessage).toList();
  }

  /** Returns the messages of all levels. */
  List<String> messages() {
    return records.stream().map(LogRecord::getMessage).toList();
  }

  boolean hasStackTraces() {
    return records.stream().anyMatch(record -> record.getThrown() != null);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    LOGGER.removeHandler(this);
    LOGGER.setUseParentHandlers(true);
    LOGGER.setLevel(null);
  }
}
