package dev.tidings;

import java.io.IOException;
import java.util.List;

/** What the outbox of a stream does to its exchange, and what follows for the stream. */
final class Delivery implements Outbox.Sink {
  private final EventSource stream;
  private final Response response;
  private final EventSources sources;

  Delivery(EventSource stream, Response response, EventSources sources) {
    this.stream = stream;
    this.response = response;
    this.sources = sources;
  }

  @Override
  public void write(List<Frame> batch) throws IOException {
    response.write(batch);
  }

  @Override
  public void failed(Throwable cause) {
    if (cause instanceof IOException) {
      Log.debug(() -> stream + ": " + Quoted.java(cause));
    } else {
      Log.failure("writing to " + stream, cause);
    }
    stream.end(endingBy(cause));
  }

  private static Ending endingBy(Throwable cause) {
    if (cause instanceof Guard.CutOffException) {
      return Ending.TOO_SLOW;
    }
    // That can only be the thread that waits on the stream, which wrote its first bytes.
    return Thread.currentThread().isInterrupted() ? Ending.INTERRUPTED : Ending.CLIENT_GONE;
  }

  @Override
  public void finish() throws IOException {
    response.finish();
  }

  @Override
  public void abort() {
    response.abort();
  }

  @Override
  public void ended() {
    sources.forget(stream);
  }
}
