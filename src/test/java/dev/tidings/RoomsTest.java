package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.lang.reflect.TypeVariable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Checks the library against its plan, {@code rooms.txt}: one room per line, ground floor first. A file may use
 * the files of its own room and of the rooms above it in the plan. A file uses another one if its source names
 * it outside of comments and strings.
 */
class RoomsTest {
  private static final Path SOURCES = Path.of("src", "main", "java", "dev", "tidings");
  private static final List<String> PACKAGES = List.of("", "client"); // below it; the plan names all their files
  private static final Path PLAN = Path.of("src", "test", "resources", "rooms.txt");
  private static final int LARGEST_CIRCLE = 6; // files
  private static final int LONGEST_WITHOUT_REASON = 300; // lines of code
  /** Also names of {@code Flow}, which has types with names of this library's. */
  private static final Pattern NO_CODE =
      Pattern.compile(
          "\\bFlow\\.\\w+|\"\"\".*?\"\"\"|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\])+'|//[^\\n]*|/\\*.*?\\*/", Pattern.DOTALL);

  private static final Map<String, Integer> ROOMS = new TreeMap<>(); // by file
  private static final Map<String, String> CODE = new TreeMap<>(); // by file
  private static final Map<String, Path> PATHS = new TreeMap<>(); // by file
  private static final Map<String, Set<String>> USES = new TreeMap<>(); // by file

  /** Fields of these types hide the code that they call. */
  private static final Set<Class<?>> NAMELESS =
      Set.of(
          Object.class, Runnable.class, Callable.class, Supplier.class, BooleanSupplier.class, Consumer.class,
          BiConsumer.class, Function.class, Predicate.class);

  /** Fields for functions and objects of the application. */
  private static final Set<String> OF_THE_APPLICATION =
      Set.of("Member.client", "Settings.client", "Overflow.key", "Frame$Message.key");

  @BeforeAll
  static void read() throws IOException {
    var rooms = Files.readAllLines(PLAN);
    for (int i = 0; i < rooms.size(); i++) {
      for (String file : Arrays.stream(rooms.get(i).split("\\s+")).skip(1).toList()) {
        ROOMS.put(file, i);
      }
    }
    for (String folder : PACKAGES) {
      try (var files = Files.list(SOURCES.resolve(folder))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          String name = file.getFileName().toString().replace(".java", "");
          if (!name.equals("package-info")) {
            assertEquals(null, PATHS.put(name, file), "two files have this name");
            CODE.put(name, code(Files.readString(file)));
          }
        }
      }
    }
    CODE.forEach((name, code) -> USES.put(name, uses(name, code)));
  }

  /** Returns the source without comments and strings. */
  private static String code(String source) {
    return NO_CODE.matcher(source).replaceAll(" ");
  }

  private static Set<String> uses(String name, String code) {
    var words = new TreeSet<>(List.of(code.split("\\W+")));
    words.retainAll(CODE.keySet());
    words.remove(name);
    return words;
  }

  @Test
  void whatIsNoCodeIsLeftOut() {
    assertEquals("a   b  \nc", code("a /* x */ b // \"x\nc"));
    assertEquals("f( ,  ,  )", code("f(\"a \\\" // b\", '\"', \"\"\"\n x \"y\" \"\"\")"));
  }

  @Test
  void everyFileHasARoomAndEveryNameInThePlanIsAFile() {
    assertEquals(ROOMS.keySet(), CODE.keySet());
  }

  @Test
  void noFileUsesOneOfALowerRoom() {
    var wrong = new ArrayList<String>();
    USES.forEach(
        (file, used) ->
            used.stream()
                .filter(other -> ROOMS.get(other) > ROOMS.get(file))
                .forEach(other -> wrong.add(file + " uses " + other)));
    assertEquals(List.of(), wrong);
  }

  @Test
  void theLargestCircleIsSmallAndInOneRoom() {
    var circles = new Circles().all();
    circles.sort((one, other) -> other.size() - one.size());
    System.out.println("files: " + CODE.size() + ", circles: " + circles);
    assertTrue(circles.getFirst().size() <= LARGEST_CIRCLE, circles::toString);
    for (var circle : circles) {
      assertEquals(1, circle.stream().map(ROOMS::get).distinct().count(), circle::toString);
    }
  }

  /** Tarjan's strongly connected components. */
  private static final class Circles {
    private final Map<String, Integer> number = new TreeMap<>();
    private final Map<String, Integer> lowest = new TreeMap<>();
    private final Deque<String> open = new ArrayDeque<>();
    private final List<Set<String>> circles = new ArrayList<>();

    List<Set<String>> all() {
      CODE.keySet().stream().filter(file -> !number.containsKey(file)).forEach(this::visit);
      return circles;
    }

    private void visit(String file) {
      number.put(file, number.size());
      lowest.put(file, number.get(file));
      open.push(file);
      for (String used : USES.get(file)) {
        if (!number.containsKey(used)) {
          visit(used);
          lowest.merge(file, lowest.get(used), Math::min);
        } else if (open.contains(used)) {
          lowest.merge(file, number.get(used), Math::min);
        }
      }
      if (lowest.get(file).equals(number.get(file))) {
        var circle = new TreeSet<String>();
        for (String next = null; !file.equals(next); ) {
          next = open.pop();
          circle.add(next);
        }
        if (circle.size() > 1) {
          circles.add(circle);
        }
      }
    }
  }

  /** Such a field would hide a dependency. */
  @Test
  void noFieldIsOfATypeWithoutAName() throws Exception {
    var hidden = new ArrayList<String>();
    for (String folder : PACKAGES) {
      try (var classes = Files.list(Path.of("target", "classes", "dev", "tidings", folder))) {
        for (Path file : classes.filter(f -> f.toString().endsWith(".class")).sorted().toList()) {
          String name = file.getFileName().toString().replace(".class", "");
          if (!name.equals("package-info")) {
            String type = "dev.tidings." + (folder.isEmpty() ? "" : folder + ".") + name;
            hidden.addAll(namelessFields(name, Class.forName(type, false, getClass().getClassLoader())));
          }
        }
      }
    }
    assertEquals(List.of(), hidden);
  }

  private static List<String> namelessFields(String name, Class<?> type) {
    var hidden = new ArrayList<String>();
    for (var field : type.getDeclaredFields()) {
      String place = name + "." + field.getName();
      boolean generic = field.getGenericType() instanceof TypeVariable;
      if (NAMELESS.contains(field.getType()) && !generic && !field.isSynthetic() && !OF_THE_APPLICATION.contains(place)) {
        hidden.add(place + " is a " + field.getType().getSimpleName());
      }
    }
    return hidden;
  }

  @Test
  void aLongFileSaysWhyAtItsHead() throws IOException {
    for (var file : CODE.entrySet()) {
      long lines = file.getValue().lines().filter(line -> !line.isBlank()).count();
      String source = Files.readString(PATHS.get(file.getKey()));
      String head = source.substring(0, source.indexOf("*/"));
      assertTrue(
          lines <= LONGEST_WITHOUT_REASON || head.contains("class is long because"), file.getKey() + " has " + lines + " lines");
    }
  }

  /** Apart from its public API, a stream is accessed only through its parts. */
  @Test
  void aStreamHasFewDoors() {
    var doors = new TreeSet<String>();
    Arrays.stream(EventSource.class.getDeclaredMethods())
        .filter(method -> !method.isSynthetic() && isPackagePrivate(method.getModifiers()))
        .forEach(method -> doors.add(method.getName()));
    Arrays.stream(EventSource.class.getDeclaredConstructors())
        .filter(constructor -> isPackagePrivate(constructor.getModifiers()))
        .forEach(constructor -> doors.add("constructor"));
    assertEquals(Set.of("constructor", "life", "sender"), doors);
  }

  private static boolean isPackagePrivate(int modifiers) {
    return (modifiers & (Modifier.PUBLIC | Modifier.PROTECTED | Modifier.PRIVATE)) == 0;
  }
}
