package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import dev.tidings.EventLog.Reading;
import dev.tidings.redis.fixture.Program;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Test;

/** What a feed keeps in memory, with a Redis that answers when the test says so. */
final class FeedTest {
  private static final String E = "0000001eeeee";
  private static final String F = "0000002fffff";

  private final LinkedBlockingQueue<Question> asked = new LinkedBlockingQueue<>();
  private final List<Thread> threads = new ArrayList<>(); // of readers
  private volatile Optional<Contact.Period> period = Optional.of(new Contact.Period());
  private final Feed feed =
      new Feed(
          Keys.of("tidings:", "news"),
          new Feed.Node() {
            @Override
            public void ask(Question question) {
              asked.add(question);
            }

            @Override
            public void follow(Feed followed) {}

            @Override
            public String whyAway(Feed away) {
              return "";
            }

            @Override
            public Optional<Contact.Period> period(Feed of) {
              return period;
            }
          },
          new LongAdder(),
          new LongAdder(),
          Duration.ofSeconds(50));

  private Question question() throws InterruptedException {
    var question = asked.poll(20, TimeUnit.SECONDS);
    assertTrue(question != null, "nothing was asked");
    return question;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  /** Answers a question as a Redis does that holds the numbers from the first to the last one. */
  private void answer(Question question, long first, long last, String epochs) {
    while (true) {
      var commands = question.begin(period);
      var replies = new ArrayList<Object>();
      if (commands.size() > Status.COMMANDS) {
        long from = Long.parseLong(new String(commands.getFirst().get(2).getRaw(), UTF_8));
        var entries = new ArrayList<Object>();
        for (long n = Math.max(first, from); n <= last; n++) {
          entries.add(List.of(bytes(n + "-1"), List.of(bytes("d"), bytes("event " + n))));
        }
        replies.add(entries);
      }
      var meta = new ArrayList<Object>(List.of(bytes("1"), bytes(Long.toString(last)), bytes(epochs)));
      meta.add(null);
      replies.add(meta);
      replies.add(last - first + 1);
      if (question.take(replies) == Question.Next.DONE) {
        return;
      }
    }
  }

  /** Returns the replies to a question for events after the end of a log of epoch e. */
  private static List<Object> empty(long last) {
    return List.of(List.of(), java.util.Arrays.asList(bytes("1"), bytes(Long.toString(last)), bytes(E + ":0"), null), last);
  }

  /** Follows the channel, so that the ring holds the numbers from the first to the last one of epoch e. */
  private LinkedBlockingQueue<Reading> followed(long first, long last) throws InterruptedException {
    var readings = new LinkedBlockingQueue<Reading>();
    var follower = Thread.ofVirtual().start(() -> {
      try {
        readings.add(feed.read(new Place(last, E).id(), 100, Duration.ofSeconds(50)));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    answer(question(), 1, last, E + ":0");
    feed.mirror().confirmed(true);
    answer(question(), 1, last, E + ":0");
    var older = new LinkedBlockingQueue<Reading>();
    Thread.ofVirtual().start(() -> {
      try {
        older.add(feed.read(new Place(first - 1, E).id(), 500, Duration.ZERO));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    answer(question(), 1, last, E + ":0");
    assertEquals(last - first + 1, older.take().events().size());
    Program.await(() -> follower.getState() == Thread.State.TIMED_WAITING, () -> follower.getState().toString());
    assertEquals(0, asked.size());
    return readings;
  }

  private void bell(long first, long last, String epoch) {
    assertTrue(bell(first, last, epoch, System.nanoTime()));
  }

  private boolean bell(long first, long last, String epoch, long heard) {
    var events = new ArrayList<List<byte[]>>();
    for (long n = first; n <= last; n++) {
      events.add(Fields.of(Event.of("event " + n)));
    }
    var out = new java.io.ByteArrayOutputStream();
    out.writeBytes(bytes(first + " " + last + " " + epoch + " "));
    out.writeBytes(Fields.pack(events));
    return feed.mirror().bell(out.toByteArray(), heard);
  }

  private static List<String> ids(Reading reading) {
    return reading.events().stream().map(event -> event.id().orElseThrow()).toList();
  }

  @Test
  void aBellThatFollowsTheRingWakesReadersWithoutAQuestion() throws Exception {
    var readings = followed(91, 100);
    bell(101, 102, E);
    assertEquals(List.of("101." + E, "102." + E), ids(readings.take()));
    assertEquals(List.of("100." + E, "101." + E), ids(feed.read("99." + E, 2, Duration.ZERO)));
    assertEquals(0, asked.size());
  }

  /** 96 to 100 were lost, and have been assigned anew, before the bell of 101 comes. */
  @Test
  void aBellOfAnotherEpochIsNotTakenAlthoughItsNumberFollows() throws Exception {
    var readings = followed(91, 100);
    bell(101, 101, F);
    var refresh = question();
    assertEquals(0, readings.size());
    answer(refresh, 1, 101, F + ":95," + E + ":0");
    var own = question(); // of the reader, whose place is not in the ring any longer
    answer(own, 1, 101, F + ":95," + E + ":0");
    var gap = readings.take();
    assertFalse(gap.covered());
    assertEquals("95." + E, gap.from());
    assertEquals(OptionalLong.of(0), gap.missed());
    assertEquals(List.of("96." + F, "97." + F, "98." + F, "99." + F, "100." + F, "101." + F), ids(gap));
    assertEquals(gap.events(), feed.read("95." + E, 10, Duration.ZERO).events()); // from the ring, which ended there
    assertEquals(0, asked.size());
  }

  @Test
  void aBellWithAHoleBeforeItOrWithoutEventsAsksRedis() throws Exception {
    var readings = followed(91, 100);
    bell(102, 102, E);
    answer(question(), 1, 102, E + ":0");
    assertEquals(List.of("101." + E, "102." + E), ids(readings.take()));
    feed.mirror().bell(bytes("103 103 " + E + " "), System.nanoTime());
    answer(question(), 1, 103, E + ":0");
    assertEquals(List.of("103." + E), ids(feed.read("102." + E, 10, Duration.ZERO)));
    bell(102, 103, E); // known
    assertEquals(0, asked.size());
    feed.mirror().bell(bytes("nonsense"), System.nanoTime());
    answer(question(), 1, 103, E + ":0");
  }

  /** An answer that was under way when a bell came is older than the ring, and is no reason to shorten it. */
  @Test
  void anOldAnswerDoesNotShortenTheRing() throws Exception {
    var readings = followed(91, 100);
    feed.refresh();
    var old = question();
    var commands = old.begin(period); // asked when the log ended with 100
    assertEquals(3, commands.size());
    bell(101, 101, E);
    assertEquals(List.of("101." + E), ids(readings.take()));
    old.take(empty(100));
    assertEquals(List.of("101." + E), ids(feed.read("100." + E, 10, Duration.ZERO)));
  }

  @Test
  void readersShareAQuestionThatHasNotBeenSentAndNoOtherOne() throws Exception {
    var answers = new LinkedBlockingQueue<Reading>();
    Runnable read = () -> {
      try {
        answers.add(feed.read("100." + E, 10, Duration.ZERO));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < 10; i++) {
      threads.add(Thread.ofVirtual().start(read));
    }
    for (var thread : threads) {
      Program.await(() -> thread.getState() == Thread.State.TIMED_WAITING, () -> thread.getState().toString());
    }
    var first = question();
    first.begin(period); // sent
    var late = Thread.ofVirtual().start(read);
    Program.await(() -> late.getState() == Thread.State.TIMED_WAITING, () -> late.getState().toString());
    assertEquals(0, asked.size()); // one at a time
    answer(first, 1, 100, E + ":0");
    for (int i = 0; i < 10; i++) {
      assertEquals(List.of(), answers.take().events());
    }
    assertEquals(0, answers.size());
    answer(question(), 1, 101, E + ":0");
    assertEquals(List.of("101." + E), ids(answers.take()));
  }

  /** Reads on a thread of its own, without waiting for events. */
  private LinkedBlockingQueue<Reading> reading(String after) {
    var answer = new LinkedBlockingQueue<Reading>();
    threads.add(Thread.ofVirtual().start(() -> {
      try {
        answer.add(feed.read(after, 100, Duration.ZERO));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }));
    return answer;
  }

  @Test
  void afterAConnectionHasFailedTheRingServesNothingThatRedisHasLost() throws Exception {
    var readings = followed(91, 100);
    period = Optional.of(new Contact.Period());
    var reader = reading("95." + E);
    answer(question(), 1, 97, E + ":0"); // it was restarted without its last three events
    assertEquals(List.of("96." + E, "97." + E), ids(reader.take()));
    assertEquals(List.of("97." + E), ids(feed.read("96." + E, 10, Duration.ZERO))); // the ring ends there now
    answer(question(), 1, 97, E + ":0"); // of the reader that waited at the end
    assertEquals("97." + E, readings.take().from());
    assertEquals(0, asked.size());
  }

  @Test
  void oneQuestionServesAllReadersThatReturnDuringAnOutage() throws Exception {
    followed(91, 100);
    period = Optional.empty();
    var readers = new ArrayList<LinkedBlockingQueue<Reading>>();
    for (int i = 0; i < 1_000; i++) {
      readers.add(reading((90 + i % 10) + "." + E));
    }
    for (var thread : threads) {
      Program.await(() -> thread.getState() == Thread.State.TIMED_WAITING, () -> thread.getState().toString());
    }
    var question = question();
    period = Optional.of(new Contact.Period());
    answer(question, 1, 100, E + ":0");
    for (int i = 0; i < 1_000; i++) {
      assertEquals(10 - i % 10, readers.get(i).take().events().size());
    }
    assertEquals(0, asked.size());
  }

  /** The answer was on the way when another connection failed. */
  @Test
  void anAnswerOfAnEarlierPeriodSaysNothingAboutTheRing() throws Exception {
    followed(91, 100);
    period = Optional.of(new Contact.Period());
    feed.refresh();
    var question = question();
    var commands = question.begin(period);
    assertEquals(3, commands.size());
    period = Optional.of(new Contact.Period());
    var status = new Status(100, 100, Epochs.parse(E + ":0"), Optional.empty());
    feed.mirror().verified(Optional.of(status), feed.mirror().end(), System.nanoTime(), feed.period());
    var lost = List.of(bytes("101-1"), List.of(bytes("d"), bytes("lost")));
    question.take(List.of(List.of(lost), java.util.Arrays.asList(bytes("1"), bytes("101"), bytes(E + ":0"), null), 101L));
    assertEquals(Optional.of(new Place(100, E)), feed.mirror().end());
    answer(question(), 1, 97, E + ":0"); // the feed has asked again
    assertEquals(List.of("96." + E, "97." + E), ids(feed.read("95." + E, 10, Duration.ZERO)));
  }

  /** Such as the old master of a slot, which has what the new one lacks. */
  @Test
  void anAnswerOfAnotherServerSaysNothingAboutTheRing() throws Exception {
    followed(91, 100);
    period = Optional.of(new Contact.Period());
    feed.refresh();
    var question = question();
    question.begin(Optional.of(new Contact.Period()));
    question.take(List.of(List.of(), java.util.Arrays.asList(bytes("1"), bytes("100"), bytes(E + ":0"), null), 100L));
    answer(question(), 1, 97, E + ":0"); // the feed has asked again
    assertEquals(List.of("96." + E, "97." + E), ids(feed.read("95." + E, 10, Duration.ZERO)));
  }

  /** A reader that waits at the end is not disturbed, and asks when the next event comes. */
  @Test
  void aReaderThatWaitsAtTheEndAsksAfterTheNextBell() throws Exception {
    var readings = followed(91, 100);
    period = Optional.of(new Contact.Period());
    bell(101, 101, E);
    answer(question(), 1, 101, E + ":0");
    assertEquals(List.of("101." + E), ids(readings.take()));
    assertEquals(List.of("100." + E, "101." + E), ids(feed.read("99." + E, 10, Duration.ZERO)));
    assertEquals(0, asked.size());
  }

  /** The comparison of all followed channels after a reconnection needs no question of a reader. */
  @Test
  void aComparisonOfTheEndServesReaders() throws Exception {
    followed(91, 100);
    period = Optional.of(new Contact.Period());
    var status = new Status(100, 100, Epochs.parse(E + ":0"), Optional.empty());
    feed.mirror().verified(Optional.of(status), feed.mirror().end(), System.nanoTime(), feed.period());
    assertEquals(List.of("100." + E), ids(feed.read("99." + E, 10, Duration.ZERO)));
    assertEquals(0, asked.size());
  }

  /** The answer to a comparison and a bell come on different connections. */
  @Test
  void aBellThatIsFasterThanTheComparisonIsNotMissed() throws Exception {
    var readings = followed(91, 100);
    var end = feed.mirror().end();
    long sent = System.nanoTime();
    bell(101, 101, E);
    assertEquals(1, readings.take().events().size());
    var status = Optional.of(new Status(101, 101, Epochs.parse(E + ":0"), Optional.empty()));
    assertFalse(feed.mirror().verified(status, end, sent, feed.period()));
    answer(question(), 1, 101, E + ":0");
    assertFalse(feed.mirror().verified(status, feed.mirror().end(), System.nanoTime(), feed.period()));
    var next = Optional.of(new Status(102, 102, Epochs.parse(E + ":0"), Optional.empty()));
    assertFalse(feed.mirror().verified(next, feed.mirror().end(), System.nanoTime(), feed.period())); // it may be on the way
    answer(question(), 1, 102, E + ":0");
    assertTrue(feed.mirror().verified(next, feed.mirror().end(), System.nanoTime(), feed.period())); // it is not
  }

  /** It was on the way when Redis was restarted without its last three events. */
  @Test
  void aBellOfBeforeTheFailureOfAConnectionIsNotTaken() throws Exception {
    followed(91, 100);
    long heard = System.nanoTime();
    period = Optional.of(new Contact.Period());
    feed.refresh();
    answer(question(), 1, 97, E + ":0");
    answer(question(), 1, 97, E + ":0"); // of the reader that waited
    assertFalse(bell(98, 98, E, heard));
    answer(question(), 1, 97, E + ":0");
    assertEquals(Optional.of(new Place(97, E)), feed.mirror().end());
    bell(98, 98, E);
    assertEquals(Optional.of(new Place(98, E)), feed.mirror().end());
  }

  /** The first attempt failed with the connection. */
  @Test
  void theRingIsComparedAsItWasWhenTheAnsweredAttemptWasSent() throws Exception {
    var readings = followed(91, 100);
    feed.refresh();
    var question = question();
    assertEquals(3, question.begin(period).size());
    bell(101, 102, E);
    assertEquals(2, readings.take().events().size());
    period = Optional.of(new Contact.Period());
    answer(question, 1, 100, E + ":0");
    assertEquals(Optional.of(new Place(100, E)), feed.mirror().end());
  }
}
