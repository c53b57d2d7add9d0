package dev.tidings;

import java.net.InetAddress;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The syntax of hosts in Host and Origin headers (RFC 3986, 3.2.2), and in the application's settings. Hosts are
 * normalized before they are compared: names in lower case without a final dot, IPv6 addresses in the JDK's form and in
 * brackets.
 */
final class HostSyntax {
  private static final int LONGEST = 253; // characters of a name (RFC 1035)
  private static final int LONGEST_AUTHORITY = LONGEST + ".:65535".length(); // before a pattern sees it
  private static final Pattern AUTHORITY =
      Pattern.compile("(\\[[0-9A-Fa-f:.]{2,45}]|[A-Za-z0-9._-]+)(?::\\d{0,5})?");
  private static final Pattern LOOPBACK =
      Pattern.compile(
          "(.+\\.)?localhost|127(\\." + OriginSyntax.OCTET + "){3}|\\[0:0:0:0:0:0:0:1]");
  private static final String BELOW = "*.";

  private HostSyntax() {}

  /** Returns the host of {@code host} or {@code host:port}, or empty for any other text. */
  static Optional<String> host(String authority) {
    if (authority.length() > LONGEST_AUTHORITY) {
      return Optional.empty();
    }
    var parts = AUTHORITY.matcher(authority);
    if (!parts.matches()) {
      return Optional.empty();
    }
    String host = parts.group(1).toLowerCase(Locale.ROOT);
    return host.startsWith("[") ? address(host.substring(1, host.length() - 1)) : name(host);
  }

  private static Optional<String> name(String text) {
    String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    boolean emptyLabel = name.isEmpty() || name.startsWith(".") || name.endsWith(".") || name.contains("..");
    return emptyLabel || name.length() > LONGEST ? Optional.empty() : Optional.of(name);
  }

  private static Optional<String> address(String literal) {
    try {
      String address = literal.contains(":") ? InetAddress.ofLiteral(literal).getHostAddress() : "";
      // Java converts an IPv4-mapped address to IPv4.
      return Optional.of(address).filter(a -> !a.isEmpty()).map(a -> a.contains(":") ? "[" + a + "]" : a);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Returns whether the host is a loopback name or address. */
  static boolean isLoopback(String host) {
    return LOOPBACK.matcher(host).matches();
  }

  /** Returns the normalized host. Keeps {@code *.} before a name. */
  static String require(String text) {
    boolean below = text.startsWith(BELOW);
    String name = below ? text.substring(BELOW.length()) : text;
    var host = host(name).filter(any -> isHostAlone(name) && (!below || isDomain(any)));
    return (below ? BELOW : "")
        + host.orElseThrow(
            () ->
                new IllegalArgumentException(
                    "a host must be a name in ASCII (xn-- form) or an IP address, an IPv6 address in brackets, without"
                        + " scheme and port; \"*.\" before a name of two labels or more means all names below it: "
                        + Quoted.java(text)));
  }

  /** Returns whether the text has no port, and is not a number that browsers interpret as another address. */
  private static boolean isHostAlone(String text) {
    return text.startsWith("[")
        ? text.endsWith("]")
        : text.indexOf(':') < 0 && OriginSyntax.isNameOrIpv4(text.toLowerCase(Locale.ROOT));
  }

  /** Returns whether the host is a name below a top-level domain, which anyone could otherwise register. */
  private static boolean isDomain(String host) {
    return host.contains(".") && !OriginSyntax.isNumeric(host);
  }

  /** Returns whether a normalized host is the named host, or below it. */
  static boolean matches(String named, String host) {
    return named.startsWith(BELOW)
        ? host.length() >= named.length() && host.endsWith(named.substring(1))
        : named.equals(host);
  }
}
