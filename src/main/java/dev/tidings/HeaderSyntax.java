package dev.tidings;

/** What RFC 9110, sections 5.1 and 5.5, allows in a field's name and value. */
final class HeaderSyntax {
  private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

  private HeaderSyntax() {}

  static void check(String name, String value) {
    checkToken("header name", name);
    if (!value.chars().allMatch(HeaderSyntax::isValueChar)) {
      throw new IllegalArgumentException(
          "header value must be one line of ISO-8859-1 without controls (RFC 9110, 5.5): "
              + Quoted.java(value));
    }
  }

  static void checkToken(String what, String text) {
    if (text.isEmpty() || !text.chars().allMatch(HeaderSyntax::isTokenChar)) {
      throw new IllegalArgumentException(
          what + " must be a token (RFC 9110, 5.6.2): " + Quoted.java(text));
    }
  }

  private static boolean isTokenChar(int c) {
    return c >= 'a' && c <= 'z'
        || c >= 'A' && c <= 'Z'
        || c >= '0' && c <= '9'
        || TOKEN_MARKS.indexOf(c) >= 0;
  }

  private static boolean isValueChar(int c) {
    return c == '\t' || c >= ' ' && c <= '~' || c >= 0xA0 && c <= 0xFF;
  }
}
