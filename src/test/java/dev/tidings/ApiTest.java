package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor.Exports;
import java.lang.module.ModuleFinder;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The public API must match {@code api.txt}, so that a review shows each change to it as a line.
 * {@code mvn test -Dtest=ApiTest -Dapi.update} rewrites that file.
 */
class ApiTest {
  private static final Path CLASSES = Path.of("target", "classes");
  private static final Path WRITTEN = Path.of("src", "test", "resources", "api.txt");

  @Test
  void publicApiIsWhatIsWrittenDown() throws Exception {
    var api = api();
    if (System.getProperty("api.update") != null) {
      Files.write(WRITTEN, api);
    }
    var written = Files.readAllLines(WRITTEN);
    String how = "if the change is intended: mvn test -Dtest=ApiTest -Dapi.update";
    assertEquals("", differences(written, api), how);
    assertEquals(written, api, how);
  }

  @Test
  void onlyTheLibraryAndItsClientAreExported() {
    var module = ModuleFinder.of(CLASSES).find("dev.tidings").orElseThrow().descriptor();
    assertEquals(Set.of("dev.tidings", "dev.tidings.client"), module.exports().stream().map(Exports::source).collect(Collectors.toSet()));
    assertEquals(Set.of(), module.opens());
  }

  private static String differences(List<String> written, List<String> api) {
    var lines = new StringBuilder();
    written.stream().filter(line -> !api.contains(line)).forEach(l -> lines.append("\n- " + l));
    api.stream().filter(line -> !written.contains(line)).forEach(l -> lines.append("\n+ " + l));
    return lines.toString();
  }

  /** Each line is a type, or a type and one of its members. */
  private static List<String> api() throws Exception {
    var api = new ArrayList<String>();
    for (Class<?> type : publicTypes()) {
      String name = type.getName().substring("dev.tidings.".length()).replace('$', '.');
      javap(type).lines()
          .filter(line -> !line.startsWith("Compiled from") && !line.equals("}"))
          .map(line -> line.replaceAll("(dev\\.tidings|java(\\.[a-z]+)+)\\.", "").replace('$', '.'))
          .map(line -> line.startsWith("  ") ? name + " | " + line.strip() : line.replace(" {", ""))
          .sorted(Comparator.comparing((String line) -> line.contains(" | ")).thenComparing(l -> l))
          .forEach(api::add);
    }
    return api;
  }

  private static List<Class<?>> publicTypes() throws IOException, ClassNotFoundException {
    var types = new ArrayList<Class<?>>();
    for (String name : List.of("dev.tidings", "dev.tidings.client")) {
      types.addAll(publicTypes(name));
    }
    return types;
  }

  private static List<Class<?>> publicTypes(String packageName) throws IOException, ClassNotFoundException {
    var types = new ArrayList<Class<?>>();
    try (Stream<Path> files = Files.list(CLASSES.resolve(packageName.replace('.', '/')))) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).sorted().toList()) {
        String name = file.getFileName().toString().replace(".class", "");
        if (!name.equals("package-info")) {
          var type = Class.forName(packageName + "." + name);
          if (isPublic(type)) {
            types.add(type);
          }
        }
      }
    }
    return types;
  }

  private static boolean isPublic(Class<?> type) {
    return Modifier.isPublic(type.getModifiers())
        && (type.getEnclosingClass() == null || isPublic(type.getEnclosingClass()));
  }

  /** Includes protected members, which subclasses can use. */
  private static String javap(Class<?> type) {
    var text = new StringWriter();
    var out = new PrintWriter(text);
    var javap = ToolProvider.findFirst("javap").orElseThrow();
    int status = javap.run(out, out, "-protected", "-cp", CLASSES.toString(), type.getName());
    assertEquals(0, status, text::toString);
    return text.toString();
  }
}
