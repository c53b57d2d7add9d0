package dev.tidings.interop.servers;

import java.util.Arrays;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs the named test classes of the library, and prints a line for each test. */
final class CoreTests {
  static final String RESULT = "result ";
  static final String END = "all have run";

  private CoreTests() {}

  public static void main(String... classes) {
    var request = LauncherDiscoveryRequestBuilder.request()
        .selectors(Arrays.stream(classes).map(name -> DiscoverySelectors.selectClass("dev.tidings." + name)).toList())
        .build();
    LauncherFactory.create().execute(request, new TestExecutionListener() {
      @Override
      public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        if (test.isTest() || result.getThrowable().isPresent()) {
          print(test, result.getStatus().name(), result.getThrowable());
        }
      }

      @Override
      public void executionSkipped(TestIdentifier test, String reason) {
        print(test, "SKIPPED", Optional.empty());
      }
    });
    System.out.println(END);
    System.exit(0); // even if a server has left threads running
  }

  private static void print(TestIdentifier test, String status, Optional<Throwable> why) {
    var name = new StringBuilder();
    for (var segment : test.getUniqueIdObject().getSegments()) {
      String value = segment.getValue();
      name.append(switch (segment.getType()) {
        case "class" -> value.substring(value.lastIndexOf('.') + 1);
        case "method", "test-template" -> "." + value.replaceAll("\\(.*", "");
        case "test-template-invocation" -> value;
        default -> "";
      });
    }
    String reason = why.map(e -> e.toString().replaceAll("\\s+", " ")).orElse("");
    System.out.println("\n" + RESULT + status + " " + name + " " + reason);
  }
}
