package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.BasicAuthenticator;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RevocationTest {

  private static Client login(SseServer server, String user, String query) throws Exception {
    String credentials = Base64.getEncoder().encodeToString((user + ":secret").getBytes());
    var client = Client.get(server.uri().resolve("/?" + query), "Authorization: Basic " + credentials);
    client.awaitText(":\n\n");
    return client;
  }

  @Test
  void droppingByPrincipalEndsExactlyTheMatchingStreams() throws Exception {
    try (var server = SseServer.create(0)) {
      server.context().setAuthenticator(new BasicAuthenticator("tidings") {
        @Override
        public boolean checkCredentials(String user, String password) {
          return password.equals("secret");
        }
      });
      server.get("/", request -> {
        var id = request.query("id");
        var stream = id.isPresent() ? request.getEventSource(id.get()) : request.getEventSource();
        stream.keepAlive();
      });
      server.start();
      var sources = server.eventSources();
      var clients = new ArrayList<Client>();
      try {
        for (var user : List.of("ann", "ben", "cid")) {
          for (int i = 0; i < 3; i++) {
            clients.add(login(server, user, i == 0 ? "" : "id=" + user + i)); // some without identifier
          }
        }
        var asked = new AtomicInteger();
        int dropped = sources.drop(stream -> {
          asked.incrementAndGet();
          return stream.principal().orElseThrow().getUsername().equals("ben");
        });
        assertEquals(3, dropped);
        assertEquals(9, asked.get());
        assertEquals(6, sources.count());
        assertEquals(6, sources.broadcast("still here"));
        for (int i = 0; i < 9; i++) {
          var next = clients.get(i).next();
          if (i / 3 == 1) {
            assertNull(next);
          } else {
            assertEquals("still here", next.data());
          }
        }
        assertEquals(Map.of(Ending.REVOKED, 3L), sources.stats().ended());
        assertEquals(0, sources.drop(stream -> stream.principal().get().getUsername().equals("ben")));
        clients.add(login(server, "ben", "")); // the handler decides which clients may come back
        assertEquals(7, sources.count());
      } finally {
        for (var client : clients) {
          client.close();
        }
      }
    }
  }

  @Test
  void whatWasAcceptedBeforeIsHandedOver() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri("me"))) {
      client.head();
      var stream = site.opened();
      for (int i = 0; i < 100; i++) {
        stream.send("n" + i);
      }
      assertEquals(1, site.sources.drop(s -> true));
      assertEquals(100, client.data(200).size());
      assertEquals(Ending.REVOKED, site.ending());
    }
  }

  @Test
  void aPredicateThatThrowsDropsNobody() throws Exception {
    try (var site = Site.keepingAlive();
        var a = Client.get(site.uri("a"));
        var b = Client.get(site.uri("b"))) {
      a.head();
      b.head();
      Await.until("both are open", () -> site.sources.count() == 2);
      var asked = new AtomicInteger();
      assertThrows(IllegalStateException.class, () -> site.sources.drop(stream -> {
        if (asked.incrementAndGet() == 2) {
          throw new IllegalStateException("bad");
        }
        return true;
      }));
      assertEquals(2, site.sources.count());
    }
  }

  @Test
  void aPredicateMayUseTheRegistry() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri("me"))) {
      client.head();
      site.opened();
      assertEquals(0, site.sources.drop(stream -> {
        stream.close(); // would hang under a lock
        return site.sources.getByIdentifier("me").isEmpty();
      }));
      assertEquals(Ending.CLOSED, site.ending());
    }
  }

  @Test
  void withoutAnAuthenticatorThereIsNoPrincipal() throws Exception {
    try (var site = Site.keepingAlive(); var client = Client.get(site.uri())) {
      client.head();
      assertEquals(Optional.empty(), site.opened().principal());
      assertTrue(site.sources.drop(stream -> stream.principal().isPresent()) == 0);
    }
  }
}
