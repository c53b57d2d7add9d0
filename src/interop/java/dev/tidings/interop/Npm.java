package dev.tidings.interop;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** The installed npm packages. */
public final class Npm {
  private static final Path MODULES = Path.of("node_modules");

  private Npm() {}

  /** Returns the text of a file. Its path begins with the name of its package. */
  public static String read(String file) {
    try {
      return Files.readString(MODULES.resolve(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static String version(String name) {
    return new Gson().fromJson(read(name + "/package.json"), JsonObject.class).get("version").getAsString();
  }

  /** Returns the path of Node.js 22, which is a package itself: some packages need more than the installed one. */
  public static String node() {
    var node = MODULES.resolve(".bin/node");
    if (Files.isExecutable(node)) {
      return node.toString();
    }
    String text = "there is no package of Node.js for this processor";
    return "true".equals(System.getenv("CI")) ? fail(text) : abort(text);
  }

  /** Returns the version of a package that runs on {@link #node}, including the version of that. */
  public static String versionOnOwnNode(String name) throws IOException, InterruptedException {
    return version(name) + " on Node.js " + Child.run(Duration.ofSeconds(20), node(), "--version").strip();
  }

  /** Returns the version of a package that runs on Node.js, including the version of Node.js. */
  public static String versionOnNode(String name) throws IOException, InterruptedException {
    return version(name) + " on Node.js " + Child.run(Duration.ofSeconds(20), Child.find("node"), "--version").strip();
  }
}
