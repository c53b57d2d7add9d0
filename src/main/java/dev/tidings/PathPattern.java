package dev.tidings;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The path of a route. Segments such as <code>{id}</code> are placeholders.
 *
 * @param path the path as it was given
 * @param segments the parts between slashes
 * @param names the names of the placeholders, in order
 */
record PathPattern(String path, List<Segment> segments, List<String> names) {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{(\\w+)}"); // letters, digits and _ of ASCII

  /**
   * A part of a path between slashes.
   *
   * @param text the text; meaningless for a placeholder
   */
  record Segment(String text, boolean isPlaceholder) {}

  /** Parses a path. The message of the exception names the value and the rule. */
  static PathPattern of(String path) {
    if (!path.startsWith("/")) {
      throw new IllegalArgumentException("path must start with /: " + Quoted.java(path));
    }
    Checks.requireWellFormed("path", path);
    var segments = new ArrayList<Segment>();
    var names = new ArrayList<String>();
    for (String text : path.substring(1).split("/", -1)) {
      var placeholder = PLACEHOLDER.matcher(text);
      segments.add(new Segment(text, placeholder.matches()));
      if (placeholder.matches()) {
        requireNew(placeholder.group(1), names, path);
      } else if (text.indexOf('{') >= 0 || text.indexOf('}') >= 0) {
        throw new IllegalArgumentException(
            "a placeholder must be a whole segment {name} whose name has letters, digits and _ only: "
                + Quoted.java(text) + " in " + Quoted.java(path));
      }
    }
    return new PathPattern(path, List.copyOf(segments), List.copyOf(names));
  }

  private static void requireNew(String name, List<String> names, String path) {
    if (names.contains(name)) {
      throw new IllegalArgumentException(
          "the placeholders of a path must have different names: " + Quoted.java(path));
    }
    names.add(name);
  }

  boolean hasPlaceholders() {
    return !names.isEmpty();
  }
}
