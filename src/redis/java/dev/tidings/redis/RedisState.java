package dev.tidings.redis;

import java.time.Instant;
import java.util.List;

/**
 * The state of the connection to Redis, for health checks and metrics.
 *
 * @param servers the servers: one, or each master of a cluster
 * @param alive {@code false} if the logs are closed or a thread of the library has ended; restart the process
 * @param infoForbidden whether a server does not permit {@code INFO}, so that the loss of events in a failover is not
 *     noticed
 * @param subscribeForbidden whether Redis has refused {@code SUBSCRIBE}, so that events of other servers arrive up to 12
 *     seconds late
 * @param queueEvents the number of events that wait for Redis
 * @param queueBytes the size of the events that wait for Redis
 * @param followed the number of channels that this process follows
 * @param ringHits the number of reads that were answered from memory
 * @param redisReads the number of reads that had to ask Redis, including those that shared an answer
 * @param questions the number of questions that were sent to Redis
 * @param bells the number of announcements of events that Redis sent
 */
public record RedisState(
    List<ServerState> servers,
    boolean alive,
    boolean infoForbidden,
    boolean subscribeForbidden,
    int queueEvents,
    long queueBytes,
    int followed,
    long ringHits,
    long redisReads,
    long questions,
    long bells) {

  /**
   * The state of a server.
   *
   * @param address its host and port, or the name that its sentinels know
   * @param connected whether it can be reached
   * @param since the time since which it can be reached, or cannot
   * @param reason the reason why it cannot be reached; empty if it can
   * @param lastContact the time of its last answer
   * @param connections the number of open connections
   * @param opened the number of connections that have been opened
   */
  public record ServerState(
      String address, boolean connected, Instant since, String reason, Instant lastContact, int connections, int opened) {}

  /** Copies the list. */
  public RedisState {
    servers = List.copyOf(servers);
  }

  /**
   * Returns whether events can be published and read now: whether all servers can be reached. This is also true while
   * {@link #subscribeForbidden()}, because events then only arrive late. Use it for readiness only. A process that is not
   * ready must not be restarted for that, because its streams stay open and continue.
   *
   * @return whether all servers can be reached
   */
  public boolean ready() {
    return alive && servers.stream().allMatch(ServerState::connected);
  }
}
