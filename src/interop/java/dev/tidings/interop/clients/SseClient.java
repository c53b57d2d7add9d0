package dev.tidings.interop.clients;

import java.io.IOException;
import java.net.URI;

/** A client that can run the scenarios. */
interface SseClient {
  /** Returns the version that the client reports. */
  String version() throws IOException, InterruptedException;

  /** Opens a stream and returns. The client then reconnects by its own rules. */
  Connection open(URI uri, Inbox inbox) throws IOException;

  /** An open client. Closing it closes the client in its own way. */
  interface Connection extends AutoCloseable {
    @Override
    void close() throws IOException, InterruptedException;
  }
}
