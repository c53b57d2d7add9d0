package dev.tidings.interop.clients;

import java.io.IOException;
import java.net.URI;

/** A client as the scenarios need it. */
interface SseClient {
  /** As it says itself. */
  String version() throws IOException, InterruptedException;

  /** Opens a stream, and goes on by itself: it reconnects whenever and as often as the client does. */
  Connection open(URI uri, Inbox inbox) throws IOException;

  /** Ends when the client is closed in its own way. */
  interface Connection extends AutoCloseable {
    @Override
    void close() throws IOException, InterruptedException;
  }
}
