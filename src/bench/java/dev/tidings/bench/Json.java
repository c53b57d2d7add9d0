package dev.tidings.bench;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Formats all samples as JSON, for other programs. */
final class Json {
  private Json() {}

  static String of(List<Sample> samples) {
    return """
        {
          "machine": %s,
          "samples": [
        %s
          ]
        }
        """
        .formatted(
            text(Machine.description()),
            samples.stream().map(Json::of).collect(Collectors.joining(",\n")));
  }

  private static String of(Sample sample) {
    String figures =
        sample.figures().entrySet().stream()
            .map(entry -> text(entry.getKey().label()) + ": " + number(entry.getValue()))
            .collect(Collectors.joining(", "));
    String trouble = sample.trouble().map(what -> ", \"trouble\": " + text(what)).orElse("");
    return "    {\"round\": %d, \"case\": %s, \"peer\": %s%s, \"figures\": {%s}}"
        .formatted(sample.round(), text(sample.test()), text(sample.peer()), trouble, figures);
  }

  private static String number(double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, "%.4f", value) : "null";
  }

  private static String text(String value) {
    var out = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }
}
