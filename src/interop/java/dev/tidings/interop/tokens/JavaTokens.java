package dev.tidings.interop.tokens;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import okhttp3.OkHttp;

/** An SDK for Java, on the OkHttp that the other clients use. */
abstract class JavaTokens implements TokenClient {
  private final String artifact;
  private final Class<?> type;

  JavaTokens(String artifact, Class<?> type) {
    this.artifact = artifact;
    this.type = type;
  }

  @Override
  public final String name() {
    return artifact;
  }

  @Override
  public final String version() {
    String jar = type.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceAll(".*-([\\d.]+)\\.jar", "$1") + ", OkHttp " + OkHttp.VERSION;
  }

  @Override
  public final String toString() {
    return name();
  }

  /** Asks, and returns the whole text, or null. */
  abstract String ask(URI uri, Way way, String prompt, List<String> tokens);

  @Override
  public final Answer ask(URI uri, Way way, String prompt) {
    var tokens = new ArrayList<String>();
    try {
      return new Answer(tokens, ask(uri, way, prompt, tokens), null);
    } catch (RuntimeException e) {
      return new Answer(tokens, null, e.getClass().getSimpleName() + " " + e.getMessage());
    }
  }

  /** Reads the events of a stream, up to the end or to the token at which it cancels. */
  static <T> void read(Iterable<T> events, Way way, List<String> tokens, Consumer<T> reader) {
    for (T event : events) {
      reader.accept(event);
      if (way == Way.CANCEL && tokens.size() == CANCEL_AFTER) {
        return;
      }
    }
  }
}
