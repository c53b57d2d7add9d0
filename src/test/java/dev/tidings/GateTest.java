package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class GateTest {
  private final Gate gate = new Gate();
  private final AtomicInteger told = new AtomicInteger();

  @Test
  void onceItIsShutNobodyEntersAndTheLastOneThatLeavesTells() {
    assertTrue(gate.enter());
    assertTrue(gate.enter());
    gate.whenEmpty(told::incrementAndGet);
    gate.leave();
    gate.leave();
    assertEquals(0, told.get(), "the gate is still open");
    assertTrue(gate.enter());
    gate.shut();
    assertFalse(gate.enter());
    gate.recognize(); // it was inside before
    gate.leave();
    assertEquals(0, told.get());
    gate.leave();
    assertEquals(1, told.get());
    gate.whenEmpty(told::incrementAndGet);
    assertEquals(2, told.get(), "called at once, as nobody is inside");
  }

  @Test
  void aWaitEndsWithTheLastOneWithTheTimeOrWithAnInterrupt() throws Exception {
    gate.enter();
    gate.shut();
    gate.awaitEmpty(1);
    Thread.currentThread().interrupt();
    assertThrows(InterruptedException.class, () -> gate.awaitEmpty(TimeUnit.HOURS.toNanos(1)));
    var waiting =
        Thread.ofVirtual().start(() -> Await.uninterrupted(() -> gate.awaitEmpty(TimeUnit.HOURS.toNanos(1))));
    Await.until("it waits", () -> waiting.getState() == Thread.State.TIMED_WAITING);
    gate.leave();
    Await.end(waiting);
  }
}
