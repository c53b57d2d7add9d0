package dev.tidings;

import java.util.concurrent.ThreadFactory;

/**
 * Creates the threads of one registry, server or channel. They inherit no thread-locals, since a listener or
 * filter of one user must not run in the context of another. They have the context class loader of the thread
 * that created this object; without it, services in a fat jar or in jshell are not found.
 */
final class Threads {
  private final ClassLoader loader = Thread.currentThread().getContextClassLoader();

  /** Returns a factory of virtual threads that all have this name. */
  ThreadFactory virtual(String name) {
    return factory(Thread.ofVirtual().name(name));
  }

  /** Returns a factory of virtual threads with this name and a number. */
  ThreadFactory numbered(String name) {
    return factory(Thread.ofVirtual().name(name, 0));
  }

  /** Returns a factory of platform threads, for tasks that must run even while handlers occupy all carriers. */
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
