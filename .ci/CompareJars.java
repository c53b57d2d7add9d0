import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Compares the jars of two builds byte by byte, and names the entries that differ. Each artifact must have a jar of
 * classes, of sources and of Javadoc, and the library also that of its contract.
 */
class CompareJars {
  private static final Map<String, List<String>> JARS = new LinkedHashMap<>();

  static {
    JARS.put("target/tidings-", List.of("", "-sources", "-javadoc", "-tests"));
    JARS.put("src/redis/target/tidings-redis-", List.of("", "-sources", "-javadoc"));
  }

  static void main(String... args) throws Exception {
    Path one = Path.of(args[0]);
    Path two = Path.of(args[1]);
    String version = Files.readString(one.resolve("pom.xml")).split("<version>")[1].split("</version>")[0];
    var differences = new ArrayList<String>();
    int count = 0;
    for (var artifact : JARS.entrySet()) {
      for (String kind : artifact.getValue()) {
        String jar = artifact.getKey() + version + kind + ".jar";
        compare(jar, one.resolve(jar), two.resolve(jar), differences);
        count++;
      }
    }
    // Published in place of the POM of the source tree.
    Path pom = Path.of("src", "redis", "target", ".flattened-pom.xml");
    if (Files.mismatch(one.resolve(pom), two.resolve(pom)) >= 0) {
      differences.add(pom.toString());
    }
    if (!differences.isEmpty()) {
      System.err.println("the build is not reproducible: " + differences.size() + " differences");
      differences.stream().limit(20).forEach(System.err::println);
      System.exit(1);
    }
    System.out.println("the same in both builds: " + count + " jars");
  }

  private static void compare(String jar, Path one, Path two, List<String> differences) throws Exception {
    if (Files.mismatch(one, two) < 0) {
      return;
    }
    int before = differences.size();
    try (var first = new ZipFile(one.toFile()); var second = new ZipFile(two.toFile())) {
      var firstNames = first.stream().map(ZipEntry::getName).toList();
      var secondNames = second.stream().map(ZipEntry::getName).toList();
      var names = new TreeSet<>(firstNames);
      names.addAll(secondNames);
      for (String name : names) {
        var a = first.getEntry(name);
        var b = second.getEntry(name);
        if (a == null || b == null) {
          differences.add(jar + ": " + name + " is in one build only");
        } else if (!Arrays.equals(first.getInputStream(a).readAllBytes(), second.getInputStream(b).readAllBytes())) {
          differences.add(jar + ": " + name + " has other contents");
        } else if (!a.getTimeLocal().equals(b.getTimeLocal())) {
          differences.add(jar + ": " + name + " has another time: " + a.getTimeLocal() + ", " + b.getTimeLocal());
        } else if (a.getMethod() != b.getMethod() || a.getCompressedSize() != b.getCompressedSize()
            || !Arrays.equals(a.getExtra(), b.getExtra())) {
          differences.add(jar + ": " + name + " is compressed or described in another way");
        }
      }
      if (differences.size() == before) {
        for (int i = 0; i < firstNames.size() && differences.size() == before; i++) {
          if (!firstNames.get(i).equals(secondNames.get(i))) {
            differences.add(jar + ": " + firstNames.get(i) + " has another place");
          }
        }
      }
      if (differences.size() == before) {
        differences.add(jar + ": permissions of entries, or bytes between them");
      }
    }
  }
}
