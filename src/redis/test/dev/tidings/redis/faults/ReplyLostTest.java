package dev.tidings.redis.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.redis.faults.Site.Plan;
import dev.tidings.redis.fixture.Program;
import dev.tidings.redis.fixture.RedisServer;
import dev.tidings.redis.fixture.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The connection ends within the request or the reply of an append. The driver repeats it, and the batch is appended once. */
@Timeout(180)
final class ReplyLostTest {
  private static final int STEP = Integer.getInteger("redis.step", 9); // bytes of the request; 1 for each

  @Test
  void aBatchIsAppendedOnceWhereverTheConnectionEnds() throws Exception {
    try (var redis = RedisServer.start();
        var proxy = new TcpProxy(redis);
        var site = new Site(proxy.url(), Plan.of(1).withoutFronts())) {
      site.clients(4, 0);
      Program.await(() -> site.clients().stream().allMatch(client -> !client.id().isEmpty()), "positions");
      var publications = new ArrayList<Publication>();
      publish(site, publications); // loads the script
      int cuts = 0;
      int length;
      int bytes = 0;
      do {
        proxy.cutReply(bytes++);
        publish(site, publications);
        assertTrue(proxy.isCut());
        cuts++;
        length = proxy.lengthOfReply();
      } while (bytes < length);
      int replies = cuts;
      bytes = 1;
      do {
        proxy.cutRequest(bytes);
        publish(site, publications);
        assertTrue(proxy.isCut());
        cuts++;
        bytes += STEP;
      } while (bytes < proxy.lengthOfRequest());
      try (var jedis = redis.jedis()) {
        var log = HeldLog.read(jedis, "news");
        Program.await(() -> site.clients().stream().allMatch(client -> client.id().equals(log.lastId())), "all events", Duration.ofSeconds(20));
        var verdict = Judge.judge(log, publications, site.clients().stream().map(Client::items).toList());
        site.requireWhole(verdict);
        assertEquals(0, verdict.unknown, verdict::toString);
        assertEquals(log.last(), verdict.acked);
        Results.passed(
            Fault.REPLY_LOST, verdict, Site.Resumed.NONE, replies + " cuts of the reply, " + (cuts - replies) + " of the request");
      }
    }
  }

  private static void publish(Site site, List<Publication> publications) throws Exception {
    int first = publications.size();
    var lines = new ArrayList<String>();
    for (int i = 0; i < 3; i++) {
      lines.add(Publication.payload(0, first + i));
    }
    var answer =
        Publisher.Http.post(site.nodes().getFirst().address(), "/publish?channel=news", String.join("\n", lines), 20_000);
    assertEquals(200, answer.status(), answer.text());
    var ids = answer.text().lines().toList();
    for (int i = 0; i < 3; i++) {
      publications.add(new Publication(0, first + i, Publication.Outcome.ACKED, ids.get(i), 0, 0));
    }
  }
}
