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

/** One tab of a browser: operates its page as a person would, and evaluates expressions in it. */
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

  /** Receives a text or a complaint from the driver; the other one is null. */
  void take(String text, String complaint) {
    if (text != null) {
      told.add(text);
    } else {
      complaints.add(complaint);
    }
  }

  /** Calls a method of Puppeteer's Page without waiting for its result. */
  CompletableFuture<JsonElement> begin(String method, Object... args) throws IOException, InterruptedException {
    return browser.begin(name, method, List.of(args));
  }

  /** Calls a method of Puppeteer's Page, and waits for its result. */
  JsonElement call(String method, Object... args) throws IOException, InterruptedException {
    try {
      return begin(method, args).get(Browser.BOUND.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      return fail(browser + ": " + method + List.of(args) + ": " + e.getCause().getMessage() + "; " + complaints);
    } catch (TimeoutException e) {
      return fail(browser + ": " + method + List.of(args) + " did not finish; " + complaints);
    }
  }

  /** Opens a page, and returns when the page and its parts have loaded. */
  public void go(URI uri) throws IOException, InterruptedException {
    call("goto", uri.toString());
  }

  /** Fills a control of the page, and replaces its content. */
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

  /** Returns the next text that the page reported by {@code console.debug('tell …')}. */
  String told() throws InterruptedException {
    String next = told.poll(Browser.BOUND.toSeconds(), TimeUnit.SECONDS);
    return next != null ? next : fail(browser + ": the page reported nothing; " + complaints);
  }

  /** Waits for these texts, in this order and with no others between them. */
  void awaitTold(String... texts) throws InterruptedException {
    for (String text : texts) {
      assertEquals(text, told(), browser + "; " + complaints);
    }
  }

  public BlockingQueue<String> allTold() {
    return told;
  }

  /** Returns errors and warnings of the console, uncaught errors, and failed requests. */
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
