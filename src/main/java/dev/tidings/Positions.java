package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Positions in several channels as one id: {@code news=1795342825000-17&prices=1795342825000-3}. */
final class Positions {
  private Positions() {}

  static String join(Map<String, String> byName) {
    return byName.entrySet().stream()
        .map(position -> encode(position.getKey()) + "=" + encode(position.getValue()))
        .collect(Collectors.joining("&"));
  }

  /**
   * The positions in those of the channels that are named. An id that is no such one is everybody's, so
   * that each channel finds out that it never gave it.
   */
  static Map<String, String> split(String id, Set<String> names) {
    var byName = new LinkedHashMap<String, String>();
    for (String pair : id.split("&", -1)) {
      int equals = pair.indexOf('=');
      try {
        byName.put(decode(pair.substring(0, equals)), decode(pair.substring(equals + 1)));
      } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
        return names.stream().collect(Collectors.toMap(name -> name, name -> id));
      }
    }
    byName.keySet().retainAll(names);
    return byName;
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, UTF_8);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, UTF_8);
  }
}
