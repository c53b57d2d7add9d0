package dev.tidings;

import java.util.concurrent.ThreadFactory;

/**
 * Makes the threads of one registry, server or channel. They inherit no thread-locals, since a listener or
 * filter of one user must not run with the context of another; they have the context class loader of the
 * thread that made this, without which services are not found from a fat jar or from jshell.
 */
final class Threads {
  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

  /** Virtual threads, all of this name. */
  ThreadFactory virtual(String name) {
    return factory(Thread.ofVirtual().name(name));
  }

  /** Virtual threads, each with a number behind this name. */
  ThreadFactory numbered(String name) {
    return factory(Thread.ofVirtual().name(name, 0));
  }

  /** Platform threads, for what has to run also while handlers occupy all carriers. */
  ThreadFactory platform(String name, boolean daemon) {
    return factory(Thread.ofPlatform().name(name).daemon(daemon));
  }

  private ThreadFactory factory(Thread.Builder builder) {
    var threads = builder.inheritInheritableThreadLocals(false).factory();
    return task -> {
      var thread = threads.newThread(task);
      thread.setContextClassLoader(loader);
      return thread;
    };
  }
}
