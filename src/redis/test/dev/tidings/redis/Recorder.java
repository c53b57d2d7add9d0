package dev.tidings.redis;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Records what is logged. */
final class Recorder implements AutoCloseable {
  private final Logger logger; // held, because loggers are collected
  private final List<LogRecord> records = new CopyOnWriteArrayList<>();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord entry) {
          records.add(entry);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  /** Records the log of the adapter. */
  Recorder() {
    this("dev.tidings.redis");
  }

  /** Records a logger and those below it, at all levels. */
  Recorder(String name) {
    logger = Logger.getLogger(name);
    logger.setLevel(Level.ALL);
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
  }

  /** Returns the messages above DEBUG. */
  List<String> loud() {
    return records.stream().filter(entry -> entry.getLevel().intValue() >= Level.INFO.intValue()).map(LogRecord::getMessage).toList();
  }

  /** Returns the messages of all levels. */
  List<String> messages() {
    return records.stream().map(LogRecord::getMessage).toList();
  }

  /** Returns the messages of a level. */
  List<String> messages(Level level) {
    return records.stream().filter(entry -> entry.getLevel().equals(level)).map(LogRecord::getMessage).toList();
  }

  @Override
  public void close() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
    logger.setLevel(null);
  }
}
