package dev.tidings.interop.servers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Optional;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs test classes of the library, whose names it reads line by line, and prints a line for each test. */
final class CoreTests {
  static final String RESULT = "result ";
  static final String END = "the class has run ";

  private CoreTests() {}

  public static void main(String... none) throws IOException {
    var launcher = LauncherFactory.create();
    var classes = new BufferedReader(new InputStreamReader(System.in));
    for (String name; (name = classes.readLine()) != null; ) {
      run(launcher, name);
      System.out.println("\n" + END + name);
    }
    System.exit(0); // even if a server has left threads running
  }

  private static void run(Launcher launcher, String name) {
    var request = LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectClass("dev.tidings." + name)).build();
    launcher.execute(request, new TestExecutionListener() {
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
