package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProofTest {

  /** Each write takes no time; the times are in milliseconds, and the proof begins at 1000. */
  @ParameterizedTest
  @CsvSource({
    "1000, -1",
    "1000 1399, -1",
    "1000 1400, 1400",
    "1000 2000, 2000",
    "1000 2001, -1", // the client may have disconnected long ago
    "1000 16000 16600, 16600", // the head, a ping and its second write
    "1000 16000 31000 31600, 31600",
    "1000 1100 1200 1300 1400 1500, 1400",
    "900 1300, -1", // only the second one counts
    "999 1399 1799, 1799",
    "500 999, -1",
  })
  void twoWritesProveItThatAreAMomentApartAndCloseTogether(String times, long proved) {
    var proofs = new ArrayList<Long>();
    long[] now = {0};
    long offset = Long.MAX_VALUE - Duration.ofSeconds(10).toNanos(); // the ticker's time may overflow
    var proof = new Proof(its -> proofs.add(now[0]), offset + 1_000_000_000L);
    for (String time : times.split(" ")) {
      now[0] = Long.parseLong(time);
      long at = offset + now[0] * 1_000_000;
      proof.wrote(at, at);
    }
    assertEquals(proved < 0 ? List.of() : List.of(proved), proofs);
  }

  @Test
  void thePauseBeginsAtTheEndOfTheFirstWrite() {
    var proofs = new ArrayList<Proof>();
    var proof = new Proof(proofs::add, 0);
    proof.wrote(0, 500_000_000L);
    proof.wrote(800_000_000L, 800_000_001L);
    assertEquals(List.of(), proofs);
    proof.wrote(900_000_000L, 900_000_001L);
    assertEquals(List.of(proof), proofs);
  }
}
