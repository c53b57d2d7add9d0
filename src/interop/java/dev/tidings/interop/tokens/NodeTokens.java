package dev.tidings.interop.tokens;

import com.google.gson.Gson;
import dev.tidings.interop.Child;
import dev.tidings.interop.Npm;
import java.net.URI;
import java.time.Duration;
import java.util.Locale;

/** An SDK from npm, run by {@code js/tokens.mjs}. */
record NodeTokens(String vendor, String module, String path) implements TokenClient {
  @Override
  public String name() {
    return "npm " + module;
  }

  @Override
  public String version() throws Exception {
    return Npm.versionOnOwnNode(module);
  }

  @Override
  public Answer ask(URI uri, Way way, String prompt) throws Exception {
    String name = way.name().toLowerCase(Locale.ROOT);
    String line =
        Child.run(Duration.ofSeconds(60), Npm.node(), "js/tokens.mjs", vendor, uri.toString(), name, prompt);
    return new Gson().fromJson(line, Answer.class);
  }

  @Override
  public String toString() {
    return name();
  }
}
