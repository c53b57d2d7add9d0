package dev.tidings.redis;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Records what is logged. */
final class Recorder implements AutoCloseable {
  private final Logger logger = Logger.getLogger("dev.tidings.redis"); // held, because loggers are collected
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

  Recorder() {
    logger.addHandler(handler);
    logger.setUseParentHandlers(false);
  }

  /** Returns the messages of a level. */
  List<String> messages(Level level) {
    return records.stream().filter(entry -> entry.getLevel().equals(level)).map(LogRecord::getMessage).toList();
  }

  @Override
  public void close() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
  }
}
