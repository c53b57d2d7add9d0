package dev.tidings.bench;

import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.ee10.servlets.EventSource;
import org.eclipse.jetty.ee10.servlets.EventSourceServlet;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/** Jetty: an EventSourceServlet. Its emitters block; the publisher loops over them. */
final class JettyPeer implements Peer {
  private final LongAdder opened = new LongAdder();
  private final Set<EventSource.Emitter> emitters = ConcurrentHashMap.newKeySet();

  private final class Events extends EventSourceServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected EventSource newEventSource(HttpServletRequest request) {
      return new Stream();
    }
  }

  private final class Stream implements EventSource {
    private volatile Emitter emitter;

    @Override
    public void onOpen(Emitter emitter) {
      this.emitter = emitter;
      emitters.add(emitter);
      opened.increment();
    }

    @Override
    public void onClose() {
      emitters.remove(emitter);
    }
  }

  private static final class Many extends EventSourceServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected EventSource newEventSource(HttpServletRequest request) {
      return new EventSource() {
        @Override
        public void onOpen(Emitter emitter) throws IOException {
          try {
            Payload.Many.of(request.getQueryString()).each(emitter::data);
          } catch (IOException e) {
            throw e;
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
          emitter.close();
        }

        @Override
        public void onClose() {}
      };
    }
  }

  @Override
  public void start(int port, Duration ping) throws Exception {
    var threads = new QueuedThreadPool();
    threads.setVirtualThreadsExecutor(Executors.newVirtualThreadPerTaskExecutor());
    threads.setDaemon(true);
    var server = new Server(threads);
    var connector = new ServerConnector(server);
    connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
    connector.setPort(port);
    connector.setAcceptQueueSize(4096);
    connector.setIdleTimeout(Duration.ofMinutes(10).toMillis());
    server.addConnector(connector);
    var context = new ServletContextHandler("/");
    context.addServlet(holder(new Events(), ping), "/events");
    context.addServlet(holder(new Many(), ping), "/many");
    server.setHandler(context);
    server.start();
  }

  private static ServletHolder holder(EventSourceServlet servlet, Duration ping) {
    var holder = new ServletHolder(servlet);
    holder.setAsyncSupported(true);
    if (ping.isPositive()) {
      holder.setInitParameter("heartBeatPeriod", Long.toString(Math.max(1, ping.toSeconds())));
    } else {
      holder.setInitParameter("heartBeatPeriod", "3600");
    }
    return holder;
  }

  @Override
  public void publish(String data) {
    for (var emitter : emitters) {
      try {
        emitter.data(data);
      } catch (IOException e) {
        emitters.remove(emitter);
        emitter.close();
      }
    }
  }

  @Override
  public long opened() {
    return opened.sum();
  }
}
