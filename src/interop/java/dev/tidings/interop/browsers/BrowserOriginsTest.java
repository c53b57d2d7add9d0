package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.Gson;
import dev.tidings.Origins;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests that browsers agree with the lists of valid and invalid origins in the library's tests. */
@Timeout(60)
class BrowserOriginsTest {
  /** A browser accepts names with an empty label as origins, but no page can have such an origin. */
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
    browser.passed("CORS: agrees with the library about the texts that are origins and those that are not");
  }
}
