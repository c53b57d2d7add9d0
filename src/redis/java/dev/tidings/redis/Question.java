package dev.tidings.redis;

import java.util.List;
import redis.clients.jedis.CommandArguments;

/** A question to Redis about a channel, in one or several rounds. One thread at a time uses it. */
interface Question {
  /** What follows a round of replies. */
  enum Next {
    DONE,
    /** Ask again, with other commands. */
    AGAIN,
    /** Make the epoch of the log, then ask again. */
    BEGIN
  }

  Feed feed();

  /** Returns the commands of a round. */
  List<CommandArguments> begin();

  /**
   * Takes the replies to the commands.
   *
   * @throws RedisFailure if they are errors
   */
  Next take(List<Object> replies);

  void failed(RuntimeException e);
}
