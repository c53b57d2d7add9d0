package dev.tidings;

/** A sink and owner of its outbox that ignores everything but writes. */
abstract class QuietSink implements Outbox.Sink, Outbox.Owner {
  @Override
  public void beforeWrite() {}

  @Override
  public void failed(Throwable cause) {}

  @Override
  public void finish(boolean whole) {}

  @Override
  public void abort() {}

  @Override
  public void ended() {}
}
