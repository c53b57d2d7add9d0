package dev.tidings;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * The life of a stream: its one ending, those who wait for it, and those who are told: of the opening
 * first, of the ending once, each listener on a thread where nothing of the library waits for it.
 */
final class Life {
  private static final ThreadFactory THREADS =
      Thread.ofVirtual().name("tidings-listener-", 0).factory();
  private static final Executor LISTENERS = task -> THREADS.newThread(task).start();

  private final AtomicReference<Ending> ending = new AtomicReference<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final CompletableFuture<Consumer<Ending>> openedTold = new CompletableFuture<>();
  private final CompletableFuture<Ending> endedTold = new CompletableFuture<>();

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
    openedTold.thenAcceptAsync(
        tell -> {
          tell.accept(ending.get());
          endedTold.complete(ending.get());
        },
        LISTENERS);
  }

  void await() throws InterruptedException {
    over.await();
  }

  /** Tells the opening on this thread. */
  void opened(Runnable tellOpened, Consumer<Ending> tellEnded) {
    tellOpened.run();
    openedTold.complete(tellEnded);
  }

  void onEnd(Consumer<? super Ending> action) {
    endedTold.thenAcceptAsync(
        why -> tell("a listener of a stream", () -> action.accept(why)), LISTENERS);
  }

  /** Runs a user's code; what it throws is logged and harms nobody. */
  static void tell(String where, Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException | Error e) {
      Log.failure(where, e);
    }
  }
}
