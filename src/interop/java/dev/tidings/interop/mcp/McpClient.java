package dev.tidings.interop.mcp;

import java.net.URI;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntConsumer;

/** The client of an SDK. */
interface McpClient {
  /**
   * What the client has received.
   *
   * @param progress each number that was reported, in the order of their arrival
   * @param result the text of the result
   */
  record Counted(List<Integer> progress, String result) {}

  String name();

  String version() throws Exception;

  /** Opens a session, calls the tool that counts, calls the consumer for each number, and ends the session. */
  Counted count(URI uri, int to, OptionalInt closeAt, IntConsumer consumer) throws Exception;
}
