package dev.tidings;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A strict parser of the text format of Prometheus, version 0.0.4, for gauges and counters. Stricter than the format:
 * each metric has HELP and TYPE, in this order and before its samples; no line is empty or another comment.
 */
final class PrometheusText {
  private static final Pattern HEADER = Pattern.compile("# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
  private static final Pattern SAMPLE = Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? (\\S+)");
  private static final Pattern LABEL =
      Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\[\"\\\\n])*)\"(?:,|$)");
  private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?|NaN|[+-]Inf");

  /** A metric, and its values by their labels. */
  record Metric(String name, String type, String help, Map<Map<String, String>, Double> values) {
    double value() {
      return values.get(Map.of());
    }
  }

  private PrometheusText() {}

  /** Returns the metrics by name; throws an exception that names the first line that is not valid. */
  static Map<String, Metric> parse(String text) {
    if (!text.endsWith("\n")) {
      throw new IllegalArgumentException("the last line has no line feed");
    }
    var metrics = new LinkedHashMap<String, Metric>();
    var lines = new ArrayList<>(List.of(text.substring(0, text.length() - 1).split("\n", -1)));
    while (!lines.isEmpty()) {
      var help = header(lines.removeFirst(), "HELP");
      var type = header(lines.isEmpty() ? "" : lines.removeFirst(), "TYPE");
      String name = help.get(0);
      if (!name.equals(type.get(0)) || !List.of("gauge", "counter").contains(type.get(1))) {
        throw new IllegalArgumentException("TYPE of " + name + ": " + type);
      }
      var values = new LinkedHashMap<Map<String, String>, Double>();
      while (!lines.isEmpty() && !lines.getFirst().startsWith("#")) {
        sample(name, lines.removeFirst(), values);
      }
      if (metrics.put(name, new Metric(name, type.get(1), unescape(help.get(1)), values)) != null) {
        throw new IllegalArgumentException("twice: " + name);
      }
    }
    return metrics;
  }

  private static List<String> header(String line, String kind) {
    var matcher = HEADER.matcher(line);
    if (!matcher.matches() || !matcher.group(1).equals(kind)) {
      throw new IllegalArgumentException("not a line of " + kind + ": " + line);
    }
    return List.of(matcher.group(2), matcher.group(3));
  }

  private static void sample(String name, String line, Map<Map<String, String>, Double> values) {
    var matcher = SAMPLE.matcher(line);
    if (!matcher.matches() || !matcher.group(1).equals(name) || !NUMBER.matcher(matcher.group(3)).matches()) {
      throw new IllegalArgumentException("not a sample of " + name + ": " + line);
    }
    var labels = matcher.group(2) == null ? Map.<String, String>of() : labels(matcher.group(2));
    if (values.put(labels, Double.valueOf(matcher.group(3).replace("Inf", "Infinity"))) != null) {
      throw new IllegalArgumentException("the same labels twice: " + line);
    }
  }

  private static Map<String, String> labels(String text) {
    var labels = new TreeMap<String, String>();
    var names = new HashSet<String>();
    var matcher = LABEL.matcher(text);
    int at = 0;
    for (; at < text.length() && matcher.find(at) && matcher.start() == at; at = matcher.end()) {
      if (!names.add(matcher.group(1))) {
        throw new IllegalArgumentException("a label twice: " + text);
      }
      labels.put(matcher.group(1), unescape(matcher.group(2)));
    }
    if (at != text.length()) {
      throw new IllegalArgumentException("not labels: " + text);
    }
    return labels;
  }

  private static String unescape(String text) {
    var plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        c = text.charAt(++i) == 'n' ? '\n' : text.charAt(i);
      }
      plain.append(c);
    }
    return plain.toString();
  }
}
