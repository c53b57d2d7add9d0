package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code samples/Tail.java}: follows a file that grows, is renamed and truncated, and resumes at the next line. */
class TailSampleTest {
  private Path file;

  @BeforeEach
  void choose(@TempDir Path directory) {
    file = directory.resolve("app.log");
  }

  private void append(String text) throws IOException {
    Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private Path numbered(int number) {
    return file.resolveSibling("app.log." + number);
  }

  /** Renames the file as logrotate does; the next line creates it anew. */
  private void rotate() throws IOException {
    for (int i = 9; i > 0; i--) {
      if (Files.exists(numbered(i))) {
        Files.move(numbered(i), numbered(i + 1));
      }
    }
    Files.move(file, numbered(1));
  }

  private Sample start() throws Exception {
    return Sample.start("Tail", file.toString());
  }

  private static Lines resume(Sample sample, List<String> event) throws Exception {
    return sample.listen(sample.request("/lines").header("Last-Event-ID", id(event)));
  }

  private static String id(List<String> event) {
    return event.stream().filter(line -> line.startsWith("id: ")).findFirst().orElseThrow().substring(4);
  }

  /** Reads the next event and compares it, without its id. */
  private static List<String> assertNext(Lines stream, String... lines) throws Exception {
    var event = stream.nextEvent();
    assertEquals(List.of(lines), event.stream().filter(line -> !line.startsWith("id: ")).toList());
    assertTrue(id(event).matches("\\d+-\\d+-[0-9a-f]+"), event::toString);
    return event;
  }

  private static void assertLine(Lines stream, String line) throws Exception {
    assertNext(stream, "event: message", "data: " + line);
  }

  @Test
  void linesArriveWhenTheyAreCompleteAndAClientResumesAtTheNextOne() throws Exception {
    append("one\n");
    try (var sample = start()) {
      List<String> first;
      List<String> file;
      try (var stream = sample.listen("/lines")) {
        file = assertNext(stream, "event: file", "data: app.log");
        first = assertNext(stream, "event: message", "data: one");
        append("two\r\nth");
        assertLine(stream, "two");
        append("ree\n\n");
        assertLine(stream, "three");
        assertLine(stream, "");
      }
      try (var stream = resume(sample, first)) {
        assertLine(stream, "two");
        assertLine(stream, "three");
      }
      try (var stream = resume(sample, file)) {
        assertLine(stream, "one");
      }
    }
  }

  @Test
  void aFileThatIsRenamedIsReadToItsEndAndThenTheNewOne() throws Exception {
    append("one\n");
    try (var sample = start(); var stream = sample.listen("/lines")) {
      assertNext(stream, "event: file", "data: app.log");
      assertLine(stream, "one");
      append("two\nno line feed");
      rotate();
      append("three\n");
      assertLine(stream, "two");
      assertLine(stream, "no line feed");
      assertNext(stream, "event: rotated", "data: app.log");
      assertLine(stream, "three");
    }
  }

  @Test
  void aClientThatWasAwayDuringSeveralRotationsReceivesEveryLineOnce() throws Exception {
    append("one\n");
    try (var sample = start()) {
      List<String> first;
      try (var stream = sample.listen("/lines")) {
        stream.nextEvent(); // the file
        first = assertNext(stream, "event: message", "data: one");
      }
      append("two\n");
      rotate();
      append("three\n");
      rotate();
      append("four\n");
      try (var stream = resume(sample, first)) {
        assertLine(stream, "two");
        assertNext(stream, "event: rotated", "data: app.log");
        assertLine(stream, "three");
        assertNext(stream, "event: rotated", "data: app.log");
        assertLine(stream, "four");
      }
      Files.delete(numbered(2)); // that of the client's position
      try (var stream = resume(sample, first)) {
        assertNext(stream, "event: gap", "data: app.log");
        assertLine(stream, "three");
        assertNext(stream, "event: rotated", "data: app.log");
        assertLine(stream, "four");
      }
      for (String id : List.of("x", "1-1-1", "-1--1-0", "99999999999999999999-0-0")) {
        try (var stream = resume(sample, List.of("id: " + id))) {
          assertNext(stream, "event: gap", "data: app.log");
          assertLine(stream, "three");
        }
      }
    }
  }

  @Test
  void aTruncatedFileIsReadFromItsStartEvenIfItHasGrownAgain() throws Exception {
    append("one\n");
    try (var sample = start()) {
      List<String> first;
      try (var stream = sample.listen("/lines")) {
        stream.nextEvent(); // the file
        first = assertNext(stream, "event: message", "data: one");
        Files.writeString(file, "");
        append("2\n");
        assertNext(stream, "event: truncated", "data: app.log");
        assertLine(stream, "2");
        Files.writeString(file, "longer than before\n");
        assertNext(stream, "event: truncated", "data: app.log");
        assertLine(stream, "longer than before");
      }
      try (var stream = resume(sample, first)) {
        assertNext(stream, "event: truncated", "data: app.log");
        assertLine(stream, "longer than before");
      }
    }
  }

  @Test
  void longLinesAreSentInPartsAndBytesThatAreNotUtf8AreReplaced() throws Exception {
    String text = IntStream.range(0, 12_000).mapToObj(i -> "x€é😀".substring(0, 1 + i % 4)).collect(Collectors.joining());
    String line = text.substring(0, text.length() - 1).replaceAll("[\\ud800-\\udfff]", "😀"); // whole characters
    try (var sample = start(); var stream = sample.listen("/lines")) { // no file yet
      append("one\n");
      assertNext(stream, "event: file", "data: app.log");
      assertLine(stream, "one");
      append(line + "\n");
      var received = new StringBuilder();
      List<String> event;
      while ((event = stream.nextEvent()).getFirst().equals("event: part")) {
        String data = event.getLast().substring("data: ".length());
        assertTrue(data.getBytes(StandardCharsets.UTF_8).length <= 8192);
        received.append(data);
      }
      received.append(event.getLast().substring("data: ".length()));
      assertEquals(line, received.toString());

      Files.write(file, new byte[] {'a', (byte) 0xFF, (byte) 0xC3, 'b', '\n'}, StandardOpenOption.APPEND);
      assertLine(stream, "a\ufffd\ufffdb");
    }
  }

  @Test
  void aNewClientReceivesTheLastWholeLines() throws Exception {
    append(IntStream.range(0, 5000).mapToObj(i -> "line " + i + "\n").collect(Collectors.joining()));
    try (var sample = start(); var stream = sample.listen("/lines")) {
      assertNext(stream, "event: file", "data: app.log");
      String first = stream.nextEvent().getLast();
      assertTrue(first.matches("data: line \\d{4}"), first);
      int number = Integer.parseInt(first.substring("data: line ".length()));
      assertTrue(number > 4500 && number < 4700, first);
      for (int i = number + 1; i < 5000; i++) {
        assertLine(stream, "line " + i);
      }
    }
  }

  @Test
  void aFolderThatDoesNotExistYetIsAwaitedAndALinkToNothingIsIgnored() throws Exception {
    file = file.resolveSibling("logs").resolve("app.log");
    try (var sample = start(); var stream = sample.listen("/lines")) {
      Files.createDirectory(file.getParent());
      Files.createSymbolicLink(numbered(1), Path.of("nothing"));
      append("one\n");
      assertNext(stream, "event: file", "data: app.log");
      assertLine(stream, "one");
    }
  }

  @Test
  void filesWithAnotherSuffixAreNotRead() throws Exception {
    append("one\n");
    Files.writeString(file.resolveSibling("app.log.gz"), "compressed");
    Files.writeString(file.resolveSibling("app.logger"), "another");
    try (var sample = start()) {
      assertTrue(sample.get("/").body().startsWith("<!doctype html>"));
      try (var stream = resume(sample, List.of("id: 1-1-1"))) {
        assertNext(stream, "event: gap", "data: app.log");
        assertLine(stream, "one");
      }
    }
  }
}
