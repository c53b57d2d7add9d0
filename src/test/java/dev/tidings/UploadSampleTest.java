package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

/** {@code samples/Upload.java}: the progress of an upload on a stream of its own. */
class UploadSampleTest {

  /** A body that goes on until the test has seen its progress. */
  private static final class Body extends InputStream {
    private final MessageDigest hash = sha256();
    volatile boolean ended;
    long length;

    @Override
    public int read() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      if (ended) {
        return -1;
      }
      int count = Math.min(length, 1000);
      Arrays.fill(bytes, offset, offset + count, (byte) this.length);
      hash.update(bytes, offset, count);
      this.length += count;
      return count;
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static HttpResponse<String> upload(Sample sample, String id, InputStream body) throws Exception {
    return sample.send(sample.request("/upload?id=" + id).POST(BodyPublishers.ofInputStream(() -> body)));
  }

  private static long progress(List<String> event) {
    assertEquals("event: progress", event.getFirst());
    return Long.parseLong(event.getLast().substring("data: ".length()));
  }

  @Test
  void progressArrivesDuringTheUploadThenTheHashThenTheEnd() throws Exception {
    String id = UUID.randomUUID().toString();
    var body = new Body();
    try (var sample = Sample.start("Upload");
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        var stream = sample.listen("/progress?id=" + id)) {
      assertEquals("event: tidings:position", stream.nextEvent().getFirst());
      var response = threads.submit(() -> upload(sample, id, body));
      long read = -1;
      List<String> event;
      try {
        for (int i = 0; i < 3; i++) {
          long next = progress(event = stream.nextEvent());
          assertTrue(next > read, event::toString);
          read = next;
        }
      } finally {
        body.ended = true;
      }
      String hash = HexFormat.of().formatHex(response.get().statusCode() == 200 ? body.hash.digest() : new byte[0]);
      assertEquals(hash, response.get().body());
      while ((event = stream.nextEvent()).getFirst().equals("event: progress")) {
        read = progress(event);
      }
      assertEquals(body.length, read);
      assertEquals("event: done", event.getFirst());
      assertEquals("data: " + hash, event.getLast());
      assertEquals("event: tidings:completed", stream.nextEvent().getFirst());
      assertEquals(List.of(), stream.nextEvent());

      try (var late = sample.listen("/progress?id=" + id)) {
        assertEquals("event: tidings:position", late.nextEvent().getFirst());
        assertEquals(0, progress(late.nextEvent()));
        late.next(("data: " + hash)::equals);
        late.next("event: tidings:completed"::equals);
      }
      assertEquals(409, upload(sample, id, InputStream.nullInputStream()).statusCode());
    }
  }

  @Test
  void memoryIsBoundedWhateverTheSize() throws Exception {
    var body = new InputStream() {
      long left = 50_000_000;

      @Override
      public int read() {
        return left-- > 0 ? 0 : -1;
      }

      @Override
      public int read(byte[] bytes, int offset, int length) {
        int count = (int) Math.min(left, length);
        left -= count;
        return count > 0 ? count : -1;
      }
    };
    try (var sample = Sample.start("Upload", List.of("-Xmx24m", "-XX:TieredStopAtLevel=4"))) {
      assertEquals(200, upload(sample, UUID.randomUUID().toString(), body).statusCode());
    }
  }

  @Test
  void anUploadThatIsCutOrTooLargeHasFailed() throws Exception {
    try (var sample = Sample.start("Upload")) {
      for (String length : List.of("1000", "10000000001")) {
        String id = UUID.randomUUID().toString();
        try (var stream = sample.listen("/progress?id=" + id)) {
          assertEquals("event: tidings:position", stream.nextEvent().getFirst());
          try (var socket = new Socket(sample.uri("/").getHost(), sample.uri("/").getPort())) {
            String head = "POST /upload?id=" + id + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length;
            write(socket, head + "\r\n\r\nsome bytes");
            assertEquals(0, progress(stream.nextEvent()));
            if (length.length() > 4) {
              socket.shutdownOutput();
              try (var answer = new Lines(socket.getInputStream())) {
                assertEquals("HTTP/1.1 413 Request Entity Too Large", answer.next());
              }
            }
          }
          assertEquals(
              "data: the upload was not complete, or larger than 10000000000 bytes", stream.nextEvent().getLast());
          assertEquals("event: tidings:completed", stream.nextEvent().getFirst());
        }
      }
    }
  }

  private static void write(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  @Test
  void idMustBeRandomAndThePageIsThere() throws Exception {
    try (var sample = Sample.start("Upload")) {
      assertEquals(400, sample.post("/upload?id=1", "x").statusCode());
      assertEquals(400, sample.post("/upload", "x").statusCode());
      assertEquals(400, sample.get("/progress?id=1").statusCode());
      var page = sample.get("/");
      assertTrue(page.headers().firstValue("Content-Security-Policy").orElseThrow().startsWith("default-src 'self'"));
      assertTrue(page.body().startsWith("<!doctype html>"), page.body());
      assertTrue(sample.get("/upload.js").body().contains("EventSource"));
    }
  }
}
