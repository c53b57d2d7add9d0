package dev.tidings;

/** A sink to which nothing matters but what is written. */
abstract class QuietSink implements Outbox.Sink {
  @Override
  public void failed(Throwable cause) {}

  @Override
  public void finish() {}

  @Override
  public void abort() {}

  @Override
  public void ended() {}
}
