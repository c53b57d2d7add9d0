package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Everything that the map in {@code src/README.md} names must exist. */
class MapTest {
  private static final Path MAP = Path.of("src", "README.md");
  private static final Path MAIN = Path.of("src", "main", "java", "dev", "tidings");
  private static final Path TEST = Path.of("src", "test", "java", "dev", "tidings");
  private static final Pattern TYPE = Pattern.compile("`([A-Z]\\w+)(?:\\.[\\w.]+)?`");

  private static final String ANNOTATED =
      "@(Test|ParameterizedTest|EnumSource|ValueSource|CsvSource|MethodSource)[^;]*? void ";

  private static List<String> rules() throws IOException {
    String map = Files.readString(MAP);
    return map.substring(map.indexOf("## What always holds")).lines()
        .filter(line -> line.startsWith("| ") && !line.startsWith("| **") && !line.startsWith("| rule"))
        .toList();
  }

  @Test
  void everyRuleNamesItsFileAndTestsOfIt() throws Exception {
    var missing = new ArrayList<String>();
    for (String rule : rules()) {
      var cells = Arrays.stream(rule.split("\\|")).map(String::strip).toList();
      assertEquals(4, cells.size(), rule);
      String file = cells.get(2).replace("`", "");
      if (!isIn(MAIN, file + ".java")) {
        missing.add(file);
      }
      for (String test : cells.get(3).replace("`", "").split(", ")) {
        if (!isTest(test)) {
          missing.add(test);
        }
      }
    }
    assertEquals(List.of(), missing);
    System.out.println("rules in the map: " + rules().size());
    assertTrue(rules().size() >= 60, rules().size() + " rules");
  }

  private static boolean isTest(String name) throws IOException {
    var parts = name.split("\\.");
    Path file = TEST.resolve(parts[0] + ".java");
    if (!Files.exists(file)) {
      file = TEST.resolve("client").resolve(parts[0] + ".java");
    }
    return parts.length == 2
        && Files.exists(file)
        && Pattern.compile(ANNOTATED + Pattern.quote(parts[1]) + "\\(").matcher(Files.readString(file)).find();
  }

  private static boolean isIn(Path folder, String file) {
    return Files.exists(folder.resolve(file)) || Files.exists(folder.resolve("client").resolve(file));
  }

  @Test
  void everyFileThatTheMapNamesIsThere() throws Exception {
    var missing = new ArrayList<String>();
    var types = TYPE.matcher(Files.readString(MAP));
    while (types.find()) {
      String name = types.group(1) + ".java";
      if (!isIn(MAIN, name) && !isIn(TEST, name) && !types.group(1).equals("ReentrantLock")) {
        missing.add(name);
      }
    }
    assertEquals(List.of(), missing);
  }

  @Test
  void theDocumentationOfEachPackageHasTheSameMap() throws Exception {
    assertHasMap(MAIN, "## The map");
    assertHasMap(MAIN.resolve("client"), "## The client");
  }

  private static void assertHasMap(Path folder, String heading) throws IOException {
    String map = Files.readString(MAP).split(heading + "\\s+```\\n")[1].split("```")[0];
    String documentation = Files.readString(folder.resolve("package-info.java")).replaceAll("(?m)^ \\* ?", "");
    assertTrue(documentation.contains(map), map);
  }

  /** No reader finds a file that no line of the map leads to. */
  @Test
  void everyFileIsInThePlanWhichTheMapNames() throws Exception {
    String plan = Files.readString(Path.of("src", "test", "resources", "rooms.txt"));
    String map = Files.readString(MAP);
    plan.lines().forEach(room -> assertTrue(map.contains("| " + room.split("\\s+")[0] + " | "), room));
  }
}
