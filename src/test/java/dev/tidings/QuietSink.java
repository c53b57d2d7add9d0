package dev.tidings;

/** A sink, and the owner of its outbox, to which nothing matters but what is written. */
abstract class QuietSink implements Outbox.Sink, Outbox.Owner {
  @Override
  public void failed(Throwable cause) {}

  @Override
  public void finish() {}

  @Override
  public void abort() {}

  @Override
  public void ended() {}
}
