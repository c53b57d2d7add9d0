package dev.tidings.redis;

import java.util.List;
import java.util.Optional;
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

  /**
   * Returns the commands of a round.
   *
   * @param period of contact to the server that they are sent to, which is not always the one that has the log by now
   */
  List<CommandArguments> begin(Optional<Contact.Period> period);

  /**
   * Takes the replies to the commands.
   *
   * @throws RedisFailure if they are errors
   */
  Next take(List<Object> replies);

  void failed(RuntimeException e);
}
