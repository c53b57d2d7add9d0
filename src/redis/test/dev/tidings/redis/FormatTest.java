package dev.tidings.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.Event;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.exceptions.JedisDataException;

/** Ids, epochs, events as fields, and quoted text. */
final class FormatTest {

  @Test
  void anIdHasOneSpelling() {
    String word = "0t5y7ka9c41d";
    for (String id : List.of("0." + word, "17." + word, "9999999999999999.zzzzzzzzzzzz")) {
      assertEquals(id, Place.parse(id).orElseThrow().id());
    }
    for (String no : List.of("01.", "00.", "-1.", "+1.", " 1.", "١.", "12345678901234567.", "1a.", ".", "")) {
      assertEquals(Optional.empty(), Place.parse(no + word), no);
    }
    for (String no : List.of("", word.substring(1), word + "a", word + " ", "0T5y7ka9c41d", "0t5y7ka.c41d", "0t5y7ka9c41é", "-t5y7ka9c41d", "a")) {
      assertEquals(Optional.empty(), Place.parse("1." + no), no);
    }
    assertEquals(Optional.empty(), Place.parse("1"));
    assertEquals(Place.LONGEST, "9999999999999999.zzzzzzzzzzzz".length());
  }

  @Test
  void aWordSaysWhenItsEpochBegan() {
    assertEquals(0, Place.birth("000000000000"));
    assertEquals(36 * 36 + 2 * 36 + 11, Place.birth("000012bzzzzz"));
    assertEquals(78_364_164_095L, Place.birth("zzzzzzzzzzzz"));
    assertEquals(0, Place.birth("short")); // of another program
  }

  /** Births are 7 digits: 1, 3 and 5. */
  @Test
  void aClientOfAnUnknownEpochHasReceivedNothingOfTheEpochsThatWereNotBornBefore() {
    var epochs = Epochs.parse("0000005ccccc:20,0000003bbbbb:10,0000001aaaaa:4");
    assertEquals(OptionalLong.of(4), epochs.fork("0000000zzzzz"));
    assertEquals(OptionalLong.of(4), epochs.fork("0000001zzzzz")); // of the same second
    assertEquals(OptionalLong.of(10), epochs.fork("0000002zzzzz"));
    assertEquals(OptionalLong.of(10), epochs.fork("0000003zzzzz"));
    assertEquals(OptionalLong.of(20), epochs.fork("0000005aaaaa"));
    assertEquals(OptionalLong.empty(), epochs.fork("000000600000"));
  }

  @Test
  void anIdOfAnUnknownEpochContinuesAtTheForkOfWhatIsHeld() {
    var epochs = Epochs.parse("0000005ccccc:20,0000003bbbbb:10,0000001aaaaa:4");
    var whole = new Status(25, 21, epochs, Optional.empty());
    var old = new Place(7, "0000000zzzzz");
    var middle = new Place(12, "0000002zzzzz");
    var young = new Place(7, "0000005zzzzz");
    var ahead = new Place(30, "0000006zzzzz");
    assertEquals(new Status.Finding.Gap(4, OptionalLong.empty()), whole.find(old));
    assertEquals(new Status.Finding.Gap(10, OptionalLong.empty()), whole.find(middle));
    // The client may have been on an old master, and at 15, before it was at 7 on the new one.
    assertEquals(new Status.Finding.Gap(20, OptionalLong.empty()), whole.find(young));
    assertEquals(new Status.Finding.Ahead(25), whole.find(ahead));
    var trimmed = new Status(25, 10, epochs, Optional.empty());
    assertEquals(new Status.Finding.Gap(15, OptionalLong.empty()), trimmed.find(middle));
    assertEquals(new Status.Finding.Gap(20, OptionalLong.empty()), trimmed.find(young));
    var completed = new Status(25, 21, Epochs.parse("0000005ccccc:25,0000001aaaaa:4"), Place.parse("25.0000001aaaaa"));
    assertEquals(new Status.Finding.Gap(24, OptionalLong.empty()), completed.find(new Place(30, young.word()))); // so that it is completed
    assertEquals(new Status.Finding.Ahead(24), completed.find(ahead));
    var never = new Place(10, "0000003bbbbb"); // the number is of the epoch before
    assertEquals(new Status.Finding.Gap(4, OptionalLong.empty()), whole.find(never));
  }

  @Test
  void aPlaceHasTheWordOfTheEpochOfItsEvent() {
    var epochs = Epochs.parse("c:20,b:10,a:3");
    assertEquals("3.a", epochs.place(3).id());
    assertEquals("4.a", epochs.place(4).id());
    assertEquals("10.a", epochs.place(10).id());
    assertEquals("11.b", epochs.place(11).id());
    assertEquals("20.b", epochs.place(20).id());
    assertEquals("21.c", epochs.place(21).id());
    assertEquals(3, epochs.start());
    assertEquals(10, epochs.end("a", 25));
    assertEquals(20, epochs.end("b", 25));
    assertEquals(25, epochs.end("c", 25));
    assertEquals(-1, epochs.end("d", 25));
    var empty = Epochs.parse("b:0,a:0"); // a restart before anything was appended
    assertEquals("0.a", empty.place(0).id());
    assertEquals("1.b", empty.place(1).id());
  }

  @Test
  void everyEventComesBack() {
    var random = new Random(3);
    for (int round = 0; round < 500; round++) {
      var event = Event.empty();
      if (random.nextBoolean()) {
        event = event.withData(text(random));
      }
      if (random.nextBoolean()) {
        event = event.withName("n" + random.nextInt());
      }
      if (random.nextBoolean()) {
        event = event.withComment(text(random));
      }
      if (random.nextBoolean()) {
        event = event.withRetry(Duration.ofMillis(random.nextInt(100_000)));
      }
      for (int i = random.nextInt(3); i > 0; i--) {
        event = event.withField("f" + random.nextInt(10), text(random));
      }
      var fields = Fields.of(event);
      assertEquals(event.withId("1.a"), Fields.event(fields, "1.a"));
      var packed = Fields.pack(List.of(fields, fields));
      var with = ("head " + new String(packed, UTF_8)).getBytes(UTF_8);
      if (Arrays.equals(packed, new String(packed, UTF_8).getBytes(UTF_8))) {
        var unpacked = Fields.unpack(with, 5);
        assertEquals(2, unpacked.size());
        assertEquals(event.withId("1.a"), Fields.event(unpacked.get(1), "1.a"));
      }
    }
  }

  private static String text(Random random) {
    var out = new StringBuilder();
    for (int i = random.nextInt(20); i > 0; i--) {
      out.appendCodePoint(random.nextInt(4) == 0 ? 0x1F600 + random.nextInt(50) : random.nextInt(0x300));
    }
    return out.toString();
  }

  @Test
  void aLoneSurrogateBecomesAReplacementCharacterAsOnTheWire() {
    assertArrayEquals("a\uFFFDb\uD83D\uDE00".getBytes(UTF_8), Fields.bytes("a\uD83Db\uD83D\uDE00"));
  }

  @Test
  void anEntryOfAnotherProgramThatIsNoEventIsAnEmptyEvent() {
    var fields = new ArrayList<byte[]>();
    for (String text : List.of("n", "two\nlines", "d", "x")) {
      fields.add(text.getBytes(UTF_8));
    }
    assertEquals(Event.empty().withId("1.a"), Fields.event(fields, "1.a"));
    assertEquals(Event.of("x").withId("1.a"), Fields.event(List.of("z".getBytes(UTF_8), new byte[1], "d".getBytes(UTF_8), "x".getBytes(UTF_8)), "1.a"));
  }

  @Test
  void damagedBellsAreNotUnpacked() {
    for (String bad : List.of("x", "2:1:a", "2:", "2:5:a", "99999999999:", "1:-1:", "1:5:a")) {
      assertThrows(RuntimeException.class, () -> Fields.unpack(bad.getBytes(UTF_8), 0), bad);
    }
    assertEquals(List.of(), Fields.unpack(new byte[0], 0));
  }

  @Test
  void textFromOutsideIsQuoted() {
    assertEquals("\"a\\u000ab\\\"\\\\\"", Quoted.text("a\nb\"\\"));
    assertTrue(Quoted.text("x".repeat(1000)).endsWith("\" (cut)"));
    assertEquals("\"outer: inner\"", Quoted.reason(new RuntimeException("outer", new RuntimeException("inner"))));
  }

  @Test
  void errorsOfRedisAreTold() {
    assertEquals(Replies.Meaning.REFUSED, Replies.meaning(new JedisDataException("OOM command not allowed when used memory > 'maxmemory'.")));
    assertEquals( // Redis 6.2
        Replies.Meaning.REFUSED,
        Replies.meaning(new JedisDataException("ERR Error running script (call to f_1): @user_script:42: @user_script: 42: -OOM command not allowed when used memory > 'maxmemory'.")));
    assertEquals(Replies.Meaning.DEMOTED, Replies.meaning(new JedisDataException("READONLY You can't write against a read only replica.")));
    assertEquals(Replies.Meaning.LATER, Replies.meaning(new JedisDataException("LOADING Redis is loading the dataset in memory")));
    assertEquals(Replies.Meaning.OTHER, Replies.meaning(new JedisDataException("ERR something")));
  }
}
