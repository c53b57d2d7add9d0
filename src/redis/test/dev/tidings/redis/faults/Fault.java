package dev.tidings.redis.faults;

/** The rows of RESULTS.md, in their order. */
enum Fault {
  REPLY_LOST("connection cut at each byte of the reply, and of the request, of a batch", "doubled 0"),
  AOF_ALWAYS("Redis killed with -9 and restarted, AOF `always`", "acknowledged lost 0; resumed ≤ restart + 1.5 s"),
  AOF_EVERYSEC("Redis killed with -9 and restarted, AOF `everysec`", "the loss is told"),
  NO_AOF("Redis killed with -9 and restarted, without persistence", "one gap for each client"),
  TWICE("Redis killed twice, and all events between are lost", "told; doubled 0"),
  FAILOVER("failover by hand, whose replica lacked the tail", "told; doubled 0"),
  FAILOVER_BEHIND("the same, the clock of the replica 3 s behind", "told; doubled 0"),
  FAILOVER_AHEAD("the same, the clock of the replica 1 h ahead", "told; doubled 0"),
  FAILOVERS("failovers in a row, most of which lose the tail", "told; doubled 0"),
  SENTINEL("failover by three sentinels, `down-after` 1 s", "resumed ≤ detection + 2 s"),
  SPLIT_BRAIN("split brain: a node and the old master on one side, sentinels and a node on the other", "what the old master took is told"),
  SPLIT_CLIENTS("the same, with clients that reach both sides", "told; doubled 0"),
  SILENCE("node cut from Redis without a word, 5 s", "streams stay, heartbeats go on; publish ends ≤ 5 s; resumed ≤ 6 s after"),
  SLOW_50("Redis 50 ms away", "laggards catch up at 5,000 events/s"),
  SLOW_500("Redis 500 ms away", "nothing lost"),
  FROZEN("Redis stopped (SIGSTOP) for 3 s", "nothing lost, no storm of connections"),
  DEBUG_SLEEP("`DEBUG SLEEP 2`", "nothing lost, no storm of connections"),
  CLUSTER_MOVED("cluster: slot of a busy channel moved", "nothing lost"),
  CLUSTER_KILLED("cluster: master of a busy channel killed", "told"),
  NOEVICTION("`maxmemory` with `noeviction`", "refused events are not in the log"),
  LOG_EVICTED("the stream evicted, the meta kept", "told"),
  META_EVICTED("the meta evicted, the stream kept", "told"),
  ALLKEYS_LRU("`maxmemory` with `allkeys-lru` under pressure", "told"),
  FLUSHALL("`FLUSHALL`, twice", "one gap each"),
  SCRIPT_FLUSH("`SCRIPT FLUSH` each 100 ms", "nothing lost"),
  KILL_PUBSUB("`CLIENT KILL TYPE PUBSUB` each second", "only time lost"),
  KILL_NORMAL("`CLIENT KILL TYPE NORMAL` each 300 ms", "only time lost"),
  OUTPUT_BUFFER("output buffer limit of 64 kB on bells", "only time lost"),
  CLOCK_BACK("clock of Redis 1 h back, by a restart", "order and numbers right"),
  CLOCK_AHEAD("clock of Redis 1 h ahead and back again, by restarts", "order and numbers right; nothing dropped early"),
  AGE_BACK("clock of Redis 1 h back, by a restart; a log with an age of 3 s", "no event dropped before its age"),
  AGE_AHEAD("clock of Redis 1 h ahead and back again, by restarts; a log with an age of 3 s", "of those appended since then, no event dropped before its age"),
  NODE_KILLED("a node killed with -9 in the middle of publishing, and restarted, repeatedly", "unknown 0 or 1 times"),
  KEYS("the same; events with keys, repeated on any node until acknowledged", "each event exactly once"),
  ROLLING("rolling restart of three nodes", "nothing lost"),
  SITE_RESTARTED("all nodes killed and restarted, Redis kept", "history survives"),
  REVOKED("a user revoked while a node is cut off from Redis", "ended ≤ 2 s after healing"),
  DUPLICATES("streams of one identifier opened on two nodes at once, also while Redis is away", "exactly one lives"),
  HERD("10,000 clients back at once on one node", "≤ 200 commands of Redis for the log"),
  MANY_EPOCHS("20 epochs (`DEBUG CHANGE-REPL-ID`), clients away meanwhile, nodes restarted", "told; nothing doubled"),
  CHAOS("faults in a random order, AOF `always`", "nothing lost"),
  JOIN_AWAY("clients that join while Redis is away", "told a gap at first, or the last place that the node knows");

  final String title;
  final String expected;

  Fault(String title, String expected) {
    this.title = title;
    this.expected = expected;
  }
}
