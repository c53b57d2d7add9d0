/**
 * The demo that {@code java -jar} runs: a page that opens streams and sends events to them. The module does not export
 * this package, because it is not part of the library. It uses only the public classes of {@link dev.tidings}.
 */
package dev.tidings.demo;
