package dev.tidings;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Set;
import java.util.regex.Pattern;

/** The syntax of a browser's Origin header (WHATWG HTML, 7.1.1; for hosts WHATWG URL, 3.5). */
final class OriginSyntax {
  private static final Pattern ORIGIN =
      Pattern.compile(
          "([a-z][a-z0-9+.-]*)://"
              + "([a-z0-9_-]+(?:\\.[a-z0-9_-]+)*\\.?|\\[[0-9a-f:]+])"
              + "(?::(0|[1-9]\\d{0,4}))?");

  /** Hosts that a browser parses as an IPv4 address, which it sends in dotted form. */
  private static final Pattern NUMBER_AT_THE_END = Pattern.compile("(.*\\.)?(\\d+|0x[0-9a-f]*)\\.?");

  static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");

  /** Schemes of pages that have no origin, or the origin of another page. */
  private static final Set<String> NO_ORIGIN =
      Set.of("about", "blob", "data", "file", "ftp", "javascript", "ws", "wss");

  private static final int MOST_PORTS = 65535;

  private OriginSyntax() {}

  static void check(String origin) {
    if (!isSerialized(origin)) {
      throw new IllegalArgumentException(
          "an origin must be scheme://host or scheme://host:port as browsers send it: in lower case, without"
              + " the default port, with a host in xn-- form if it is not ASCII: "
              + Quoted.java(origin));
    }
  }

  private static boolean isSerialized(String origin) {
    var parts = ORIGIN.matcher(origin);
    return parts.matches()
        && !NO_ORIGIN.contains(parts.group(1))
        && isSerializedHost(parts.group(1), parts.group(2))
        && (parts.group(3) == null || isSaid(parts.group(1), Integer.parseInt(parts.group(3))));
  }

  private static boolean isSaid(String scheme, int port) {
    boolean own = scheme.equals("http") && port == 80 || scheme.equals("https") && port == 443;
    return port <= MOST_PORTS && !own;
  }

  /** Returns whether browsers send the host in this form: an address can be written in many ways. */
  private static boolean isSerializedHost(String scheme, String host) {
    if (host.startsWith("[")) {
      return isSerializedIpv6(host.substring(1, host.length() - 1));
    }
    return !scheme.startsWith("http") || isNameOrIpv4(host);
  }

  /** Returns whether browsers send the host in this form, if it is not an IPv6 address. */
  static boolean isNameOrIpv4(String host) {
    return !isNumeric(host) || IPV4.matcher(host).matches();
  }

  static boolean isNumeric(String host) {
    return NUMBER_AT_THE_END.matcher(host).matches();
  }

  private static boolean isSerializedIpv6(String literal) {
    try {
      return literal.equals(serialized(InetAddress.ofLiteral(literal)));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** Returns the address in hexadecimal, with the first of the longest runs of zeros compressed. */
  private static String serialized(InetAddress address) {
    if (!(address instanceof Inet6Address)) { // Java converts an IPv4-mapped address to IPv4
      byte[] b = address.getAddress();
      return "::ffff:" + hex(b[0], b[1]) + ":" + hex(b[2], b[3]);
    }
    String whole = address.getHostAddress();
    for (int zeros = 8; zeros > 1; zeros--) {
      var run = Pattern.compile("(^|:)0(:0){" + (zeros - 1) + "}(:|$)").matcher(whole);
      if (run.find()) {
        return run.replaceFirst("::");
      }
    }
    return whole;
  }

  private static String hex(byte high, byte low) {
    return Integer.toHexString((high & 0xFF) << 8 | low & 0xFF);
  }
}
