package dev.tidings.redis;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The code of the README is part of {@link Readme}, which compiles without a warning. */
final class ReadmeTest {
  private static final Pattern CODE = Pattern.compile("```java\n(.*?)```|`(RedisLogs\\.[^`]*)`", Pattern.DOTALL);

  private static String withoutSpace(String text) {
    return text.replaceAll("\\s", "");
  }

  @Test
  void allCodeOfTheReadmeCompiles() throws IOException {
    String source = Files.readString(Path.of("test", "dev", "tidings", "redis", "Readme.java"));
    String code = withoutSpace(source.replaceAll("(?s) *// @end\n.*?// @start[^\n]*\n", "")) + withoutSpace(source);
    var found = CODE.matcher(Files.readString(Path.of("README.md"))).results().toList();
    assertTrue(found.size() >= 2, () -> found.size() + " pieces of code");
    for (var piece : found) {
      String text = piece.group(1) == null ? piece.group(2) : piece.group(1);
      assertTrue(code.contains(withoutSpace(text)), () -> "not in Readme.java: " + text);
    }
  }
}
