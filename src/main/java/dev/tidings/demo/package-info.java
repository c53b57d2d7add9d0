/**
 * The program that {@code java -jar} runs: a page that opens streams and sends to them. It is no part of the
 * library: the module does not export this package, and it uses nothing but the public classes of {@link
 * dev.tidings}.
 */
package dev.tidings.demo;
