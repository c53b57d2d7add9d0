package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.tidings.WhatwgParser.Message;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks the parser that other tests rely on, with the standard's own examples (9.2.6). */
class WhatwgParserTest {

  private static WhatwgParser parsed(String stream) {
    var parser = new WhatwgParser();
    for (byte b : stream.getBytes(UTF_8)) {
      parser.feed(new byte[] {b});
    }
    return parser;
  }

  @Test
  void stockTickerIsOneMessageOfThreeLines() {
    assertEquals(
        List.of(new Message("message", "YHOO\n+2\n10", "")),
        parsed("data: YHOO\ndata: +2\ndata: 10\n\n").messages());
  }

  @Test
  void fourBlocksGiveTwoMessagesAndResetTheId() {
    var parser =
        parsed(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n");
    assertEquals(
        List.of(
            new Message("message", "first event", "1"),
            new Message("message", "second event", ""),
            new Message("message", " third event", "")),
        parser.messages());
    assertEquals(List.of(" test stream"), parser.comments());
  }

  @Test
  void emptyDataLinesAreMessagesAndAnUnfinishedBlockIsNone() {
    assertEquals(
        List.of(new Message("message", "", ""), new Message("message", "\n", "")),
        parsed("data\n\ndata\ndata\n\ndata:").messages());
  }

  @Test
  void theSpaceAfterTheColonIsNoPartOfTheValue() {
    assertEquals(
        List.of(new Message("message", "test", ""), new Message("message", "test", "")),
        parsed("data:test\n\ndata: test\n\n").messages());
  }

  @Test
  void allThreeLineBreaksEndALineAndABomIsSkippedOnce() {
    assertEquals(
        List.of(new Message("message", "a\nb\nc", "")),
        parsed("\uFEFFdata:a\rdata:b\r\ndata:c\n\r\n").messages());
    assertEquals(List.of("\uFEFFdata=x"), parsed("\uFEFF\uFEFFdata:x\n\n").unknownFields());
  }

  @Test
  void namesIdsAndRetryAreTaken() {
    var parser = parsed("event: add\nid: 7\ndata: 73857293\nretry: 10000\n\nevent: gone\n\nid: 8\n\nid: a\0b\n\nretry: 1x\n\n");
    assertEquals(List.of(new Message("add", "73857293", "7")), parser.messages());
    assertEquals("8", parser.lastEventId());
    assertEquals(10000, parser.reconnectionTime());
  }
}
