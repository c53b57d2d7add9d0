import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Import;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/**
 * An application of Spring Boot whose streams are {@code SseEmitter}s, as in Spring's documentation. It has the paths that
 * {@code Foreign} describes. The test compiles it, because Spring is not on the class path of the others.
 */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import(SpringServer.Streams.class)
public class SpringServer {
  private static final Duration PACE = Duration.ofMillis(5);

  public static void main(String... args) {
    var application = new SpringApplication(SpringServer.class);
    application.setDefaultProperties(
        Map.of("server.address", "127.0.0.1", "server.port", args[0], "spring.main.banner-mode", "off"));
    application.run();
    System.out.println("listens");
  }

  /** Part of a stream. */
  private interface Part {
    void send() throws IOException, InterruptedException;
  }

  @RestController
  public static class Streams {
    private final AtomicInteger visits = new AtomicInteger();
    private final AtomicInteger busy = new AtomicInteger();

    private static SseEmitter run(SseEmitter emitter, Part part) {
      Thread.ofVirtual().start(() -> {
        try {
          part.send();
          emitter.complete();
        } catch (IOException | IllegalStateException e) {
          emitter.completeWithError(e); // the client has gone
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      });
      return emitter;
    }

    @GetMapping("/receive")
    SseEmitter receive() {
      visits.incrementAndGet();
      var emitter = new SseEmitter(0L);
      return run(emitter, () -> {
        emitter.send("plain");
        emitter.send("one\ntwo\n\nfour");
        emitter.send(SseEmitter.event().name("named").data("with a name"));
        emitter.send("Grüße, 世界, 🎈");
        emitter.send(": a colon");
        emitter.send(SseEmitter.event().comment("nobody sees this").id("id 1").data("with an id"));
        emitter.send(" a leading space");
        emitter.send("x".repeat(1_000_000));
        emitter.send(SseEmitter.event().name("last").data("that is all"));
        while (true) {
          Thread.sleep(50);
          emitter.send(SseEmitter.event().comment("heartbeat"));
        }
      });
    }

    @GetMapping("/visits")
    String visits() {
      return visits.toString();
    }

    @GetMapping("/count")
    ResponseEntity<SseEmitter> count(@RequestHeader(name = "Last-Event-ID", defaultValue = "0") int last) {
      if (last >= 100) {
        return ResponseEntity.noContent().build();
      }
      var emitter = new SseEmitter(0L);
      return ResponseEntity.ok(run(emitter, () -> {
        int number = last;
        do {
          number++;
          emitter.send(SseEmitter.event().id(Integer.toString(number)).reconnectTime(100).data("number " + number));
          Thread.sleep(PACE);
        } while (number % 25 != 0);
      }));
    }

    @GetMapping("/fail")
    ResponseEntity<SseEmitter> fail(@RequestHeader(name = "Last-Event-ID", defaultValue = "") String last) {
      if (!last.isEmpty()) {
        return ResponseEntity.noContent().build();
      }
      var emitter = new SseEmitter(0L);
      return ResponseEntity.ok(run(emitter, () -> {
        emitter.send(SseEmitter.event().id("1").reconnectTime(100).data("before"));
        throw new IOException("fails on purpose");
      }));
    }

    @PostMapping("/say")
    SseEmitter say(@RequestBody String text) {
      var emitter = new SseEmitter(0L);
      return run(emitter, () -> {
        for (String line : text.lines().toList()) {
          emitter.send(line);
        }
      });
    }

    @GetMapping("/lines")
    SseEmitter lines() {
      var emitter = new SseEmitter(0L);
      return run(emitter, () -> emitter.send("one\ntwo"));
    }

    @GetMapping("/busy")
    ResponseEntity<SseEmitter> busy() {
      if (busy.getAndIncrement() == 1) {
        return ResponseEntity.status(503).header("Retry-After", "1").build();
      }
      var emitter = new SseEmitter(0L);
      return ResponseEntity.ok(run(emitter, () -> emitter.send(SseEmitter.event().reconnectTime(10).data("not busy"))));
    }
  }
}
