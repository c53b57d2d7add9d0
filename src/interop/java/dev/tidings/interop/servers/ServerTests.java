package dev.tidings.interop.servers;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The library's test classes, except those of the client, that start servers in their own JVM, found in the class files.
 * A test class is left out only if neither it nor a helper of the tests that it uses names a class that starts a server,
 * or if its servers run in JVMs of their own, which have the JDK's server.
 */
final class ServerTests {
  private static final Path CLASSES = Path.of("target", "test-classes", "dev", "tidings");
  private static final String OWN_JVM = "dev/tidings/OwnJvm";
  /** Only these start servers. */
  private static final List<String> STARTERS = List.of(
      "com/sun/net/httpserver/HttpServer", "com/sun/net/httpserver/HttpsServer", "dev/tidings/SseServer", "dev/tidings/demo/Demo");
  /** The name of a class in a class file: in its constants, as a whole or in a descriptor. */
  private static final Pattern NAME = Pattern.compile("(?:com/sun/net/httpserver|dev/tidings(?:/\\w+)?)/\\w+");

  private ServerTests() {}

  /** Returns the names below {@code dev.tidings}, in alphabetical order. */
  static Set<String> all() throws IOException {
    var names = names();
    return names.keySet().stream()
        .filter(name -> name.endsWith("Test"))
        .filter(name -> startsServers(name, names))
        .map(name -> name.substring("dev/tidings/".length()).replace('/', '.'))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean startsServers(String test, Map<String, Set<String>> names) {
    var seen = new HashSet<String>();
    var next = new ArrayDeque<>(List.of(test));
    boolean own = names.get(test).contains(OWN_JVM);
    while (!next.isEmpty()) {
      var used = names.getOrDefault(next.pop(), Set.of());
      if (!own && STARTERS.stream().anyMatch(used::contains)) {
        return true;
      }
      used.stream().filter(seen::add).forEach(next::add);
    }
    return false;
  }

  /** Returns the names of classes that each class of the tests mentions, together with its nested classes. */
  private static Map<String, Set<String>> names() throws IOException {
    var names = new HashMap<String, Set<String>>();
    for (Path folder : List.of(CLASSES, CLASSES.resolve("demo"))) {
      try (var files = Files.list(folder)) {
        files.filter(file -> file.toString().endsWith(".class")).forEach(file -> {
          String outer = file.getFileName().toString().replaceAll("(\\$.*)?\\.class", "");
          String name = CLASSES.getParent().getParent().relativize(folder.resolve(outer)).toString();
          NAME.matcher(text(file)).results().forEach(match -> names.computeIfAbsent(name, key -> new HashSet<>()).add(match.group()));
        });
      }
    }
    return names;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
