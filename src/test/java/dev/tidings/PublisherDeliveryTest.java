package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Channels with logs in memory and few streams, to which the threads that publish deliver. */
class PublisherDeliveryTest {
  private static final int PUBLISHERS = 8;
  private static final int EVENTS = 400; // of each publisher
  private static final String THREAD = "tidings-channel";

  private final Channel channel = Channel.create(EventLog.inMemory(100_000, Long.MAX_VALUE, Duration.ofHours(1)));
  private final List<Client> clients = new ArrayList<>();
  private final Queue<String> ids = new ConcurrentLinkedQueue<>(); // that publishers got
  private volatile Predicate<Event> filter; // of the streams that join; null for none
  private Site site;

  @BeforeEach
  void serve() throws IOException {
    site = new Site(EventSources.create(), stream -> {
      if (filter == null) {
        channel.join(stream);
      } else {
        channel.join(stream, filter);
      }
      return stream.keepAlive();
    });
  }

  @AfterEach
  void close() throws IOException {
    for (Client client : clients) {
      client.close();
    }
    channel.close();
    site.close();
  }

  private Client connect(int receiveBuffer) throws IOException {
    var client = Client.get(site.uri(), receiveBuffer);
    clients.add(client);
    return client.awaitText("id: ");
  }

  /** Opens streams that are live, so that no thread of the channel is left. */
  private void connect(int streams, int receiveBuffer) throws IOException {
    for (int i = 0; i < streams; i++) {
      connect(receiveBuffer);
    }
    awaitLive();
  }

  private void awaitLive() {
    Await.until("they are live", () -> channel.count() == clients.size() && VirtualThreads.named("tidings-replay").isEmpty());
    Await.until("no thread waits", () -> VirtualThreads.named(THREAD).isEmpty());
  }

  private List<Thread> publishers(Runnable each) {
    return IntStream.range(0, PUBLISHERS)
        .mapToObj(i -> (i % 2 == 0 ? Thread.ofVirtual() : Thread.ofPlatform()).start(() -> {
          for (int k = 0; k < EVENTS; k++) {
            each.run();
          }
        }))
        .toList();
  }

  private static void await(List<Thread> publishers) throws InterruptedException {
    for (Thread publisher : publishers) {
      Await.end(publisher);
    }
  }

  private void publish() {
    ids.add(channel.publish("x"));
  }

  private List<String> published() {
    return ids.stream().sorted(Comparator.comparing(id -> Long.parseLong(id.substring(id.lastIndexOf('-') + 1)))).toList();
  }

  private static List<String> received(Client client, int count) throws IOException {
    var received = new ArrayList<String>();
    while (received.size() < count) {
      var message = client.next();
      if (!message.type().equals("tidings:position")) {
        received.add(message.lastEventId());
      }
    }
    return received;
  }

  private void assertAllReceived(List<Client> clients) throws IOException {
    var all = published();
    for (Client client : clients) {
      assertEquals(all, received(client, all.size()));
    }
  }

  @Test
  void aPublisherDeliversOnItsOwnThread() throws Exception {
    connect(3, 0);
    for (int i = 0; i < 100; i++) {
      publish();
      assertEquals(ids.stream().reduce((one, next) -> next), channel.tail().passed());
    }
    assertEquals(List.of(), VirtualThreads.named(THREAD));
    assertAllReceived(clients);
  }

  @Test
  void whateverThreadsPublishEachStreamReceivesTheLogInItsOrder() throws Exception {
    connect(5, 0);
    await(publishers(this::publish));
    assertAllReceived(clients);
  }

  /** Above the limit, a thread of the channel delivers; it ends when there are few again. */
  @Test
  void soDoesEachStreamWhileStreamsBecomeManyAndFewAgain() throws Exception {
    connect(60, 0);
    var stay = List.copyOf(clients);
    var publishers = publishers(() -> {
      publish();
      Thread.yield();
    });
    for (int i = 0; i < 10; i++) {
      connect(0);
    }
    for (Client client : clients.subList(60, 70)) {
      client.close();
    }
    await(publishers);
    assertAllReceived(stay);
  }

  @Test
  void streamsThatJoinMeanwhileMissNothing() throws Exception {
    connect(1, 0);
    String before = channel.position();
    var publishers = publishers(this::publish);
    var joined = new ArrayList<Client>();
    for (int i = 0; i < 10; i++) {
      var client = Client.get(site.uri(), "Last-Event-ID: " + before);
      clients.add(client);
      joined.add(client);
    }
    await(publishers);
    assertAllReceived(joined);
    assertAllReceived(clients.subList(0, 1));
  }

  @Test
  void interruptsOfPublishersDoNoHarm() throws Exception {
    connect(3, 0);
    var over = new AtomicBoolean();
    var publishers = publishers(() -> {
      publish();
      Thread.interrupted();
    });
    var interrupter = Thread.ofPlatform().start(() -> {
      while (!over.get()) {
        publishers.forEach(Thread::interrupt);
      }
    });
    await(publishers);
    over.set(true);
    Await.end(interrupter);
    assertAllReceived(clients);
    assertEquals(3, channel.count());
  }

  @Test
  void theInterruptStatusOfAPublisherStaysSet() throws Exception {
    connect(1, 0);
    Await.end(Thread.ofVirtual().start(() -> {
      Thread.currentThread().interrupt();
      publish();
      assertTrue(Thread.currentThread().isInterrupted());
    }));
    assertAllReceived(clients);
  }

  @Test
  void aClientThatDoesNotReadDelaysNoPublisher() throws Exception {
    connect(4096);
    connect(0);
    awaitLive();
    String large = "x".repeat(64 * 1024);
    var publisher = Thread.ofVirtual().start(() -> {
      for (int i = 0; i < 200; i++) { // more than the buffers and the outbox hold
        ids.add(channel.publish(large));
      }
    });
    Await.end(publisher);
    assertAllReceived(clients.subList(1, 2));
    assertAllReceived(clients.subList(0, 1)); // it has fallen back, and reads the log by itself
  }

  @Test
  void closingMeanwhileEndsTheDelivery() throws Exception {
    connect(3, 0);
    var refused = new CountDownLatch(PUBLISHERS);
    var begun = new CountDownLatch(100);
    var publishers = IntStream.range(0, PUBLISHERS)
        .mapToObj(i -> Thread.ofVirtual().start(() -> {
          try {
            while (true) {
              channel.publish("x");
              begun.countDown();
            }
          } catch (IllegalStateException e) {
            refused.countDown();
          }
        }))
        .toList();
    Await.latch("events", begun);
    channel.close();
    await(publishers);
    assertEquals(0, refused.getCount());
    assertFalse(channel.tail().isRunning());
    Await.until("no thread is left", () -> VirtualThreads.named(THREAD).isEmpty());
    assertEquals(3, site.sources.count());
    assertThrows(IllegalStateException.class, () -> channel.publish("late"));
    assertTrue(site.sources.streams().stream().allMatch(stream -> stream.send("alive")));
  }

  @Test
  void completingIsSeenByAllStreams() throws Exception {
    connect(3, 0);
    publish();
    channel.complete();
    for (Client client : clients) {
      assertEquals(published(), received(client, 1));
      assertEquals("tidings:completed", client.next().type());
    }
    Await.until("they have left", () -> channel.count() == 0);
    assertFalse(channel.tail().isRunning());
  }

  @Test
  void filtersNeverRunOnAPublisher() throws Exception {
    connect(2, 0);
    publish();
    var threads = new LinkedBlockingQueue<Thread>();
    filter = event -> threads.add(Thread.currentThread());
    connect(0);
    Await.until("it is live", () -> VirtualThreads.named("tidings-replay").isEmpty());
    threads.clear();
    for (int i = 0; i < 20; i++) {
      publish();
      assertTrue(Await.next("the filter", threads).getName().startsWith(THREAD));
    }
    assertAllReceived(clients.subList(0, 2));
    clients.getLast().close();
    Await.until("it has left", () -> channel.publish("y").isEmpty() || channel.count() == 2);
    Await.until("no thread waits", () -> channel.publish("y").isEmpty() || VirtualThreads.named(THREAD).isEmpty());
  }

  @Test
  void liveChannelsHaveNoThreads() throws Exception {
    try (var rooms = Channels.create()) {
      var names = IntStream.range(0, 1000).mapToObj(i -> "room " + i).toList();
      var next = new LinkedBlockingQueue<>(IntStream.range(0, 20).boxed().toList());
      try (var hall = new Site(EventSources.create(), stream -> {
        int block = 50 * next.remove();
        rooms.join(stream, names.subList(block, block + 50).toArray(String[]::new));
        return stream.keepAlive();
      })) {
        for (int i = 0; i < 20; i++) {
          clients.add(Client.get(hall.uri()).awaitText("id: "));
        }
        Await.until("all are live", () -> VirtualThreads.named("tidings-replay").isEmpty());
        names.forEach(name -> rooms.publish(name, Event.of(name)));
        Await.until("no channel has a thread", () -> VirtualThreads.named(THREAD).stream().noneMatch(THREAD::equals));
        names.forEach(name -> rooms.publish(name, Event.of(name)));
        assertTrue(VirtualThreads.named(THREAD).stream().noneMatch(THREAD::equals));
        for (Client client : clients) {
          int count = 0;
          while (count < 100) {
            count += client.next().type().equals("message") ? 1 : 0;
          }
        }
      }
    }
  }
}
