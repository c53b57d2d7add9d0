package dev.tidings.interop.tokens;

import java.net.URI;
import java.util.List;
import java.util.Optional;

/** The SDK of a vendor, without retries. */
interface TokenClient {
  /** The number of tokens after which {@link Way#CANCEL} cancels. */
  int CANCEL_AFTER = 3;

  /** A way to ask for tokens. */
  enum Way {
    /** The events of a stream. */
    RAW,
    /** A stream, whose parts the SDK collects. */
    HELPER,
    /** One answer. */
    PLAIN,
    /** A stream that the client cancels. */
    CANCEL
  }

  /**
   * What the SDK has returned.
   *
   * @param tokens those of the stream
   * @param whole the text that the SDK returned as complete; null if there is none
   * @param error the class, status and message of the exception; null if there is none
   */
  record Answer(List<String> tokens, String whole, String error) {
    Optional<String> failure() {
      return Optional.ofNullable(error);
    }
  }

  String name();

  String version() throws Exception;

  /** Returns the path of the requests. */
  String path();

  Answer ask(URI uri, Way way, String prompt) throws Exception;
}
