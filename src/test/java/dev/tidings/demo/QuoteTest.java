package dev.tidings.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class QuoteTest {

  @Test
  void aJsonStringEscapesOnlyWhatItMust() {
    assertEquals(
        "\"plain ~\u007f\u2028ä🐙 \\\"$1\\\\ \\u0000\\u000a\\u000d\\u001f\\ud800\"",
        Quote.json("plain ~\u007f\u2028ä🐙 \"$1\\ \0\n\r\u001f\ud800"));
  }

  @Test
  void aJavaStringShowsWhatCannotBeSeen() {
    assertEquals(
        "\"plain ~ä🐙 \\\"$1\\\\u000a \\u0000\\n\\r\\u007f\\u2028\\u202e\\ud800\\udb40\\udc41\"",
        Quote.java("plain ~ä🐙 \"$1\\u000a \0\n\r\u007f\u2028\u202e\ud800\udb40\udc41"));
  }

  @Test
  void aLongValueIsCutBetweenCharacters() {
    String most = "🐙".repeat(80);
    assertEquals('"' + most + '"', Quote.java(most));
    assertEquals('"' + most + "\" (cut)", Quote.java(most + "x"));
  }
}
