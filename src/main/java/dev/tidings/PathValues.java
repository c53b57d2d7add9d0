package dev.tidings;

import java.util.List;

/**
 * The values of the placeholders in the path of a request.
 *
 * @param route the path of the route, with placeholders
 * @param names the names of the placeholders, in order
 * @param values their decoded values
 */
record PathValues(String route, List<String> names, List<String> values) {

  /** Returns the value of a placeholder. Throws if the route does not have it, which is an error of the application. */
  String get(String name) {
    int index = names.indexOf(name);
    if (index < 0) {
      throw missing(Quoted.java(route), name);
    }
    return values.get(index);
  }

  static IllegalArgumentException missing(String route, String name) {
    return new IllegalArgumentException("the route " + route + " has no placeholder " + Quoted.java("{" + name + "}"));
  }
}
