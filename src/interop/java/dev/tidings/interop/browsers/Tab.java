package dev.tidings.interop.browsers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonElement;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One tab of a browser, operated as a person would, and asked as only a test can. */
public final class Tab implements AutoCloseable {
  private final Browser browser;
  private final String name;
  private final BlockingQueue<String> told = new LinkedBlockingQueue<>();
  private final Queue<String> complaints = new ConcurrentLinkedQueue<>();

  Tab(Browser browser, String name) {
    this.browser = browser;
    this.name = name;
  }

  String name() {
    return name;
  }

  /** The driver tells one of both. */
  void take(String text, String complaint) {
    if (text != null) {
      told.add(text);
    } else {
      complaints.add(complaint);
    }
  }

  /** Without waiting for its end. */
  CompletableFuture<JsonElement> begin(String method, Object... args) throws IOException, InterruptedException {
    return browser.begin(name, method, List.of(args));
  }

  /** A method of Puppeteer's Page, awaited. */
  JsonElement call(String method, Object... args) throws IOException, InterruptedException {
    try {
      return begin(method, args).get(Browser.BOUND.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      return fail(browser + ": " + method + List.of(args) + ": " + e.getCause().getMessage() + "; " + complaints);
    } catch (TimeoutException e) {
      return fail(browser + ": " + method + List.of(args) + " has no end; " + complaints);
    }
  }

  /** Returns when the page and its parts have loaded. */
  public void go(URI uri) throws IOException, InterruptedException {
    call("goto", uri.toString());
  }

  /** Through the page's controls: what is in them before is overwritten. */
  void fill(String selector, String text) throws IOException, InterruptedException {
    call("fill", selector, text);
  }

  void click(String selector) throws IOException, InterruptedException {
    call("click", selector);
  }

  public JsonElement evaluate(String expression) throws IOException, InterruptedException {
    return call("evaluate", expression);
  }

  /** Waits until an expression is true in the page. */
  public void await(String expression) throws IOException, InterruptedException {
    call("until", expression);
  }

  /** The next thing that the page told, by {@code console.debug('tell …')}. */
  String told() throws InterruptedException {
    String next = told.poll(Browser.BOUND.toSeconds(), TimeUnit.SECONDS);
    return next != null ? next : fail(browser + ": the page tells nothing; " + complaints);
  }

  /** Each of these must be the next. */
  void awaitTold(String... texts) throws InterruptedException {
    for (String text : texts) {
      assertEquals(text, told(), browser + "; " + complaints);
    }
  }

  public BlockingQueue<String> allTold() {
    return told;
  }

  /** Errors and warnings of the console, uncaught errors, requests that failed. */
  List<String> complaints() {
    return List.copyOf(complaints);
  }

  void screenshot(Path file, boolean wholePage) throws IOException, InterruptedException {
    Files.createDirectories(file.getParent());
    call("screenshot", Map.of("path", file.toAbsolutePath().toString(), "fullPage", wholePage));
  }

  @Override
  public void close() throws IOException, InterruptedException {
    call("close");
    browser.forget(this);
  }
}
