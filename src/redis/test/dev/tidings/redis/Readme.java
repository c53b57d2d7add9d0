package dev.tidings.redis;

import dev.tidings.Channel;
import java.time.Duration;
import redis.clients.jedis.JedisClientConfig;

/** The code of the README and of the documentation of {@link RedisLogs}. {@link ReadmeTest} compares them. */
final class Readme {
  private Readme() {}

  static void logs() {
    // @start region="logs"
    try (var redis = RedisLogs.connect("rediss://app:secret@redis:6380")) {
      var news = Channel.create("news", redis.log("news"));                     // as with any other log
      var prices = Channel.create("prices", redis.log("prices", 50_000, Duration.ofMinutes(10)));
      // @end
      news.close();
      prices.close();
      // @start region="logs"
    }
    // @end
  }

  static RedisLogs client(String url, JedisClientConfig config) {
    return RedisLogs.connect(url, RedisOptions.defaults().withClient(config));
  }
}
