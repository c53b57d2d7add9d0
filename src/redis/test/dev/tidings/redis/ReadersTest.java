package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Protocol.Command;

/** The pool that asks Redis, whose connection fails. */
@Timeout(60)
final class ReadersTest {

  /** A question that needs some rounds, and what it does before the second one. */
  private static final class Rounds implements Question {
    private final Next first;
    private final Runnable beforeSecond;
    private final AtomicInteger begun = new AtomicInteger();
    private final CountDownLatch done = new CountDownLatch(1);

    Rounds(Next first, Runnable beforeSecond) {
      this.first = first;
      this.beforeSecond = beforeSecond;
    }

    @Override
    public Feed feed() {
      return null;
    }

    @Override
    public List<CommandArguments> begin(Optional<Contact.Period> period) {
      if (begun.incrementAndGet() == 2) {
        beforeSecond.run();
      }
      return List.of(new CommandArguments(Command.PING));
    }

    @Override
    public Next take(List<Object> replies) {
      if (begun.get() == 1) {
        return first;
      }
      done.countDown();
      return Next.DONE;
    }

    @Override
    public void failed(RuntimeException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aQuestionThatWasPassedOnIsNotAskedAgainIfTheConnectionFailsLater() throws Exception {
    try (var redis = RedisServer.start();
        var proxy = new TcpProxy(redis)) {
      int port = URI.create(proxy.url()).getPort();
      var config = DefaultJedisClientConfig.builder().build();
      var begins = new AtomicInteger();
      var pool = new AtomicReference<Readers>();
      var routes = new Readers.Routes() {
        @Override
        public void route(Question question) { // not yet connected
          pool.get().add(question);
        }

        @Override
        public CompletableFuture<List<String>> begin(Feed feed) {
          begins.incrementAndGet();
          return new CompletableFuture<>();
        }
      };
      try (var server = new Server("redis", () -> new HostAndPort("127.0.0.1", port), config, config)) {
        var readers = new Readers(server, new Single(server), routes, Thread.ofVirtual().factory(), 1);
        pool.set(readers);
        var passedOn = new Rounds(Question.Next.BEGIN, () -> {});
        var twoRounds = new Rounds(Question.Next.AGAIN, proxy::reset);
        readers.add(passedOn);
        readers.add(twoRounds);
        server.contact().found("127.0.0.1"); // now both are asked at once
        assertTrue(twoRounds.done.await(20, TimeUnit.SECONDS));
        assertEquals(1, passedOn.begun.get());
        assertEquals(1, begins.get());
        assertEquals(3, twoRounds.begun.get());
        readers.close();
      }
    }
  }
}
