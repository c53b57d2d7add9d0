package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code samples/Metrics.java}: its text is that of Prometheus, and its page receives figures. */
class MetricsSampleTest {

  @Test
  void metricsAreInTheTextFormatOfPrometheus() throws Exception {
    try (var sample = Sample.start("Metrics")) {
      var response = sample.get("/metrics");
      assertEquals(
          "text/plain; version=0.0.4; charset=utf-8", response.headers().firstValue("Content-Type").orElseThrow());
      var metrics = PrometheusText.parse(response.body());
      for (var metric : metrics.values()) {
        assertEquals(metric.type().equals("counter"), metric.name().endsWith("_total"), metric.name());
        assertFalse(metric.name().matches(".*_(ms|millis|kb|mb|minutes|percent)(_.*)?"), metric.name());
        assertFalse(metric.values().isEmpty(), metric.name());
      }
      var reasons = Arrays.stream(Ending.values()).map(reason -> Map.of("reason", reason.name().toLowerCase(Locale.ROOT)));
      assertEquals(reasons.collect(Collectors.toSet()), metrics.get("tidings_streams_ended_total").values().keySet());
      assertTrue(metrics.get("jvm_memory_used_bytes").values().get(Map.of("area", "heap")) > 100_000);
      assertTrue(metrics.get("jvm_threads").value() > 1);
      assertTrue(metrics.get("process_cpu_seconds_total").value() > 0);
    }
  }

  @Test
  void streamsAndTheirEventsAreCounted() throws Exception {
    try (var sample = Sample.start("Metrics")) {
      assertEquals(0, PrometheusText.parse(sample.get("/metrics").body()).get("tidings_streams_open").value());
      try (var stream = sample.listen("/live")) {
        stream.nextEvent();
        stream.nextEvent();
        var metrics = PrometheusText.parse(sample.get("/metrics").body());
        assertEquals(1, metrics.get("tidings_streams_open").value());
        assertEquals(1, metrics.get("tidings_streams_opened_total").value());
        assertTrue(metrics.get("tidings_events_written_total").value() >= 2);
        assertTrue(metrics.get("tidings_events_written_bytes_total").value() > 100);
      }
    }
  }

  @Test
  void pageThatOpensLaterReceivesEarlierFiguresToo() throws Exception {
    try (var sample = Sample.start("Metrics"); var first = sample.listen("/live")) {
      assertEquals("event: tidings:position", first.nextEvent().getFirst());
      var earlier = first.nextEvent();
      var later = first.nextEvent();
      assertEquals("event: figures", earlier.getFirst());
      assertTrue(
          later.getLast().matches(
              "data: \\{\"time\":[\\d.E]+,\"open\":1,\"events\":\\d+,\"bytes\":\\d+,\"heap\":\\d+,\"threads\":\\d+,\"cpu\":[\\d.E-]+}"),
          later::toString);
      try (var second = sample.listen("/live")) {
        assertEquals("event: tidings:position", second.nextEvent().getFirst());
        assertEquals(earlier, second.nextEvent());
        assertEquals(later, second.nextEvent());
      }
    }
  }

  @Test
  void pageUsesNoScriptOfOtherSites() throws Exception {
    try (var sample = Sample.start("Metrics")) {
      var page = sample.get("/");
      assertEquals(
          "default-src 'self'; frame-ancestors 'none'",
          page.headers().firstValue("Content-Security-Policy").orElseThrow());
      assertTrue(page.body().startsWith("<!doctype html>"), page.body());
      for (String part : List.of("metrics.js", "metrics.css")) {
        assertTrue(page.body().contains("\"" + part + "\""), page.body());
        assertEquals(200, sample.get("/" + part).statusCode());
      }
    }
  }

  @Test
  void anyTextOfALabelAndOfHelpIsEscaped() throws Exception {
    String label = "a\"b\\c\nd,e=\"f\"}\\n";
    String help = "first\\line\nsecond";
    var folder = new URL[] {Sample.compiled("Metrics").toUri().toURL()};
    try (var loader = new URLClassLoader(folder, getClass().getClassLoader())) {
      var create = loader.loadClass("Metrics$Metric").getDeclaredConstructors()[0];
      create.setAccessible(true);
      var metric = create.newInstance("some_bytes", "gauge", help, "what", Map.of(label, 7L));
      var write = loader.loadClass("Metrics").getDeclaredMethod("text", List.class);
      write.setAccessible(true);
      var parsed = PrometheusText.parse((String) write.invoke(null, List.of(metric))).get("some_bytes");
      assertEquals(Map.of(Map.of("what", label), 7.0), parsed.values());
      assertEquals(help, parsed.help());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "# HELP a A.\n# TYPE a gauge\na 1", // no line feed
        "# TYPE a gauge\na 1\n",
        "# HELP a A.\na 1\n",
        "# HELP a A.\n# TYPE a gauge\nb 1\n",
        "# HELP a A.\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a A.\n# TYPE a gauge\na one\n",
        "# HELP a A.\n# TYPE a gauge\na{b=c} 1\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"c\"d\"} 1\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"\\t\"} 1\n",
        "# HELP a A.\n# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n",
        "# HELP a-b A.\n# TYPE a-b gauge\na-b 1\n",
        "# HELP a A.\n# TYPE a size\na 1\n",
      })
  void parserRefusesWhatIsNotValid(String text) {
    assertThrows(IllegalArgumentException.class, () -> PrometheusText.parse(text));
  }
}
