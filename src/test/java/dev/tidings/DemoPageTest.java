package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.tidings.demo.Demo;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The demo's page in a browser, operated by a second page around it, which reports what it saw. */
class DemoPageTest {
  private static final String DRIVER =
      """
      <!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
      <iframe id="demo" width="WIDTH" height="900"></iframe>
      <script>
      const steps = [], errors = [];
      const demo = document.getElementById('demo');
      const page = () => demo.contentWindow, $ = id => page().document.getElementById(id);
      const seen = (text, part) => text.includes(part);

      async function until(what, condition) {
        for (const end = performance.now() + 15000; performance.now() < end;) {
          if (condition()) return steps.push(what);
          await new Promise(next => setTimeout(next, 25));
        }
        throw new Error('never came: ' + what);
      }
      function fill(id, value) {
        $(id).value = value;
        $(id).dispatchEvent(new (page().Event)('change'));
      }
      const press = id => $(id).querySelector('button.main').click();
      const fits = () => page().document.documentElement.scrollWidth <= page().innerWidth;
      const card = text => [...$('cards').children].find(card => seen(card.textContent, text));

      async function operate() {
        await new Promise(loaded => { demo.onload = loaded; demo.src = '/'; });
        page().addEventListener('error', e => errors.push('error: ' + e.message));
        page().addEventListener('unhandledrejection', e => errors.push('rejection: ' + e.reason));
        page().document.addEventListener('securitypolicyviolation', e => errors.push('policy: ' + e.blockedURI));
        page().console.error = (...args) => errors.push('console: ' + args.join(' '));
        await until('the page is live', () => $('feed').textContent === 'live');
        const id = '<i>me</i> & "you" \\u2028 ünï';
        fill('identifier', id); fill('ping', '0.3'); fill('ping-text', 'still here');
        press('opener');
        await until('the stream opened', () => card('opened') && seen(card('opened').textContent, 'open ·'));
        await until('it is in the registry', () => seen($('rows').textContent, id));
        if ($('rows').querySelector('i') || $('cards').querySelector('h3 i')) errors.push('an identifier became markup');
        fill('to', 'id'); fill('target', id); fill('text', 'two\\nlines'); fill('event', 'news');
        press('sender');
        await until('the event came', () => seen(card(id).querySelector('ol').textContent, 'news two\\nlines'));
        await until('the sending is told', () => $('sent').textContent === 'sent 1 event to 1 stream');
        await until('a ping was counted', () => seen(card(id).textContent, ': still here') && / [1-9]\\d* comment/.test(card(id).textContent));
        await until('the rate moved', () => Number($('rate').textContent) > 0);
        if (!fits()) errors.push('scrolls sideways with a stream: ' + page().document.documentElement.scrollWidth);

        fill('identifier', 'second'); fill('ping-as', 'event'); fill('ping-event', 'tick');
        press('opener');
        await until('pings came as events', () => card('second') && seen(card('second').textContent, 'tick still here'));
        fill('to', 'prefix'); fill('target', 'sec'); fill('text', 'by prefix');
        press('sender');
        await until('the prefix was reached', () => seen(card('second').textContent, 'by prefix'));
        if (seen(card(id).textContent, 'by prefix')) errors.push('the prefix reached another');

        card(id).querySelector('button').click();
        await until('it is closed', () => seen(card(id).textContent, 'closed ·'));
        await until('it left the registry', () => !seen($('rows').textContent, id) && seen($('rows').textContent, 'second'));
        card(id).querySelector('button').click();
        await until('its card is removed', () => !card(id));

        fill('identifier', 'x'); fill('ping', 'often');
        press('opener');
        await until('bad input is explained', () => $('opened').className.includes('bad') && seen($('opened').textContent, 'ping must be 0.1 to 3600 seconds: "often"'));
        fill('ping', '5');
        for (const n of [1, 2, 3]) { fill('identifier', 'more-' + n); press('opener'); }
        await until('four are open', () => $('open-count').textContent === '4');
        press('opener');
        await until('a fifth is refused', () => seen($('opened').textContent, 'Four streams are open'));
        if (!fits()) errors.push('scrolls sideways with four streams');
        $('drop').click();
        await until('all were dropped', () => [...$('cards').children].every(c => seen(c.textContent, 'ended by the server')));
        await until('the page is live again', () => $('feed').textContent === 'live' && $('open-count').textContent === '0');
      }
      operate().catch(e => errors.push(String(e)))
          .then(() => fetch('/report', {method: 'POST', body: [...errors, ...steps].join('|')}));
      </script>
      """;

  @ParameterizedTest
  @ValueSource(ints = {390, 1280})
  void worksAsAPersonWouldUseIt(int width) throws Exception {
    var reports = new LinkedBlockingQueue<String>();
    try (var server = Demo.start(0)) {
      String page = DRIVER.replace("WIDTH", Integer.toString(width));
      server.httpServer().createContext("/driver", exchange -> answer(exchange, page));
      server
          .httpServer()
          .createContext(
              "/report",
              exchange -> {
                reports.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                answer(exchange, "");
              });
      try (var browser = Chromium.start(server.uri().resolve("driver"))) {
        String report = reports.poll(50, TimeUnit.SECONDS);
        assertNotNull(report, () -> "no report; console: " + browser.console());
        assertEquals(
            List.of(
                "the page is live",
                "the stream opened",
                "it is in the registry",
                "the event came",
                "the sending is told",
                "a ping was counted",
                "the rate moved",
                "pings came as events",
                "the prefix was reached",
                "it is closed",
                "it left the registry",
                "its card is removed",
                "bad input is explained",
                "four are open",
                "a fifth is refused",
                "all were dropped",
                "the page is live again"),
            List.of(report.split("\\|")),
            () -> "console: " + browser.console());
        assertEquals(List.of(), browser.console());
      }
    }
  }

  /** What a page shows is loaded without asking anybody, so a GET must do no more harm than a POST. */
  @Test
  void anotherSitesPageDoesNotEndAStream() throws Exception {
    String page =
        """
        <!doctype html><link rel=icon href='data:,'>
        <script>
        let left = 5;
        const loaded = () => --left || fetch('/report');
        fetch('URL', {mode: 'no-cors'}).then(loaded, loaded);
        new EventSource('URL').onerror = loaded;
        </script>
        <img src='URL' onerror=loaded()>
        <script src='URL' onerror=loaded()></script>
        <iframe src='URL' onload=loaded()></iframe>
        """;
    var reports = new LinkedBlockingQueue<String>();
    var other = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    try (var server = Demo.start(0);
        var mine = Client.get(server.uri().resolve("events?id=me"))) {
      assertEquals("me", mine.next().data());
      String url = "http://localhost:" + server.port() + "/events?id=me";
      other.createContext("/", exchange -> answer(exchange, page.replace("URL", url)));
      other.createContext("/report", exchange -> {
        reports.add("loaded");
        answer(exchange, "");
      });
      other.start();
      // For a browser the address and the name of this machine are two sites.
      try (var browser = Chromium.start(URI.create("http://127.0.0.1:" + other.getAddress().getPort() + "/"))) {
        Await.until("the page asked", () -> !reports.isEmpty() || server.eventSources().opened() > 1);
        assertEquals(1, server.eventSources().opened(), () -> "console: " + browser.console());
        assertEquals(Map.of(), server.eventSources().ended());
      }
    } finally {
      other.stop(0);
    }
  }

  private static void answer(HttpExchange exchange, String html) throws IOException {
    try (exchange) {
      byte[] body = html.getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
      exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
      if (body.length > 0) {
        exchange.getResponseBody().write(body);
      }
    }
  }
}
