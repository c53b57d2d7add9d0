package dev.tidings;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * The life of a stream: its one ending, those who wait for it, and those who are told: of the opening
 * first, of the ending once, each listener on a thread where nothing of the library waits for it.
 */
final class Life {
  private final Executor listeners; // a thread for each
  private final AtomicReference<Ending> ending = new AtomicReference<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final CompletableFuture<Consumer<Ending>> openedTold = new CompletableFuture<>();
  private final CompletableFuture<Ending> endedTold = new CompletableFuture<>();

  Life(Executor listeners) {
    this.listeners = listeners;
  }

  /** Ends it unless it has ended; whether it did. */
  boolean end(Ending why) {
    return ending.compareAndSet(null, why);
  }

  Optional<Ending> ending() {
    return Optional.ofNullable(ending.get());
  }

  /** Lets those go who wait for the end, and has it told once the opening was. */
  void over() {
    over.countDown();
    openedTold.thenAccept(
        tell -> {
          endedTold.complete(ending.get());
          tell.accept(ending.get());
        });
  }

  void await() throws InterruptedException {
    over.await();
  }

  /** Tells the opening on this thread; the ending is told without blocking. */
  void opened(Runnable tellOpened, Consumer<Ending> tellEnded) {
    tellOpened.run();
    openedTold.complete(tellEnded);
  }

  void onEnd(Consumer<? super Ending> action) {
    endedTold.thenAcceptAsync(
        why -> UserCode.runOnOwnThread("a listener of a stream", () -> action.accept(why)), listeners);
  }
}
