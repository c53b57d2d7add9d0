package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;
import dev.tidings.Origins;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which texts are origins: a browser agrees with each line of the lists that the library's tests go by. */
@Timeout(60)
class BrowserOriginsTest {
  /** Of a name with an empty label it says so, but no page is found there. */
  private static final List<String> WITHOUT_PAGES = List.of("http://a..b", "http://.");

  @ParameterizedTest
  @EnumSource
  void aBrowserAgrees(Browser browser) throws Exception {
    var all = new ArrayList<>(Origins.ofSites());
    all.addAll(Origins.saidByNoBrowser());
    var expected = new ArrayList<>(Origins.ofSites());
    expected.addAll(WITHOUT_PAGES);
    try (var tab = browser.open()) {
      var said = tab.evaluate(
          "(%s).filter(text => { try { return new URL(text).origin === text; } catch (e) { return false; } })"
              .formatted(new Gson().toJson(all)));
      assertEquals(expected, said.getAsJsonArray().asList().stream().map(one -> one.getAsString()).toList());
    }
    browser.passed("CORS: it says an origin as the library takes it, and none of those that the library refuses");
  }
}
