package dev.tidings;

import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** One event of a call that appends to a log in files. The thread of the call waits until its last event is done. */
final class Append {
  private final Event event;
  private final String key;
  private final byte[] body;
  private final boolean completion;
  private final Append previous;
  private final Thread thread = Thread.currentThread();
  private final boolean last;
  private String id; // written before done
  private RuntimeException failure; // written before done
  private volatile boolean done;

  /**
   * Creates an append, and encodes the event.
   *
   * @param key the key of the event, or null
   * @param completion whether it completes the log
   * @param previous the event before it in the same call, or null; if that is not appended, this event must not be
   *     appended
   * @param last whether it is the last event of the call
   */
  Append(Event event, String key, boolean completion, Append previous, boolean last) {
    this.event = event;
    this.key = key;
    this.body = new StoredEvent(event, Optional.ofNullable(key)).encode();
    this.completion = completion;
    this.previous = previous;
    this.last = last;
  }

  Event event() {
    return event;
  }

  String key() {
    return key;
  }

  byte[] body() {
    return body;
  }

  boolean isCompletion() {
    return completion;
  }

  Append previous() {
    return previous;
  }

  Thread thread() {
    return thread;
  }

  /** Returns the size of its entry in a file. */
  int size() {
    return StoredEvent.HEAD + body.length;
  }

  boolean isDone() {
    return done;
  }

  void appended(String id) {
    this.id = id;
    done();
  }

  void failed(RuntimeException failure) {
    this.failure = failure;
    done();
  }

  private void done() {
    done = true;
    if (last) {
      LockSupport.unpark(thread);
    }
  }

  /** Returns the id once it is done; null if it has failed. */
  String id() {
    return id;
  }

  /** Returns why it has failed once it is done; null if it has not. */
  RuntimeException failure() {
    return failure;
  }
}
