/**
 * A log in Redis or Valkey for the channels of Tidings, shared by several servers.
 */
@SuppressWarnings({"requires-automatic", "requires-transitive-automatic"}) // Jedis has no module descriptor
module dev.tidings.redis {
  requires transitive dev.tidings;
  requires transitive redis.clients.jedis;

  exports dev.tidings.redis;
}
