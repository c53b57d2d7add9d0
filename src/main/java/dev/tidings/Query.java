package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Decodes the query of a request as form data (WHATWG URL, 5.1). */
final class Query {
  private Query() {}

  /** Returns all parameters in order. Throws a 400 if one cannot be decoded. */
  static Map<String, List<String>> parse(String rawQuery) {
    var values = new LinkedHashMap<String, List<String>>();
    for (String pair : pairs(rawQuery)) {
      values.computeIfAbsent(decode(name(pair)), key -> new ArrayList<>()).add(decode(value(pair)));
    }
    values.replaceAll((name, list) -> List.copyOf(list));
    return Collections.unmodifiableMap(values);
  }

  /** Returns the first value of this parameter. Ignores pairs without {@code =} and those that cannot be decoded. */
  static Optional<String> find(String rawQuery, String parameter) {
    for (String pair : pairs(rawQuery)) {
      try {
        if (pair.indexOf('=') >= 0 && decode(name(pair)).equals(parameter)) {
          return Optional.of(decode(value(pair)));
        }
      } catch (StatusException e) {
        // A pair that cannot be decoded does not match.
      }
    }
    return Optional.empty();
  }

  private static List<String> pairs(String rawQuery) {
    var pairs = new ArrayList<>(List.of(rawQuery == null ? new String[0] : rawQuery.split("&")));
    pairs.removeIf(String::isEmpty);
    return pairs;
  }

  private static String name(String pair) {
    int equals = pair.indexOf('=');
    return equals < 0 ? pair : pair.substring(0, equals);
  }

  private static String value(String pair) {
    int equals = pair.indexOf('=');
    return equals < 0 ? "" : pair.substring(equals + 1);
  }

  private static String decode(String text) {
    try {
      return URLDecoder.decode(text, UTF_8);
    } catch (IllegalArgumentException e) {
      throw new StatusException(400, "query is not percent-encoded: " + Quoted.java(text));
    }
  }
}
