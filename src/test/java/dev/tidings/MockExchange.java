package dev.tidings;

import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;
import static org.mockito.Mockito.withSettings;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;

/** A GET without a network, for tests in which a real one is not possible, or not a thousand times. */
final class MockExchange {
  private MockExchange() {}

  static HttpExchange with(Headers request, OutputStream body) {
    return with(request, body, HttpServer.class);
  }

  /** Returns an exchange with this request body; its response is discarded. */
  static HttpExchange uploading(InputStream requestBody) {
    var headers = new Headers();
    headers.set("Content-Length", "1"); // only indicates a body
    var exchange = with(headers, OutputStream.nullOutputStream());
    when(exchange.getRequestBody()).thenReturn(requestBody);
    return exchange;
  }

  /** Returns an exchange of a server of this kind. */
  static HttpExchange with(Headers request, OutputStream body, Class<? extends HttpServer> kind) {
    var exchange = mock(HttpExchange.class, withSettings().stubOnly());
    var context = mock(HttpContext.class, withSettings().stubOnly());
    var server = mock(kind, withSettings().stubOnly());
    when(server.getExecutor()).thenReturn(Runnable::run);
    when(context.getServer()).thenReturn(server);
    when(exchange.getHttpContext()).thenReturn(context);
    when(exchange.getRequestHeaders()).thenReturn(request);
    when(exchange.getResponseHeaders()).thenReturn(new Headers());
    when(exchange.getRequestMethod()).thenReturn("GET");
    when(exchange.getProtocol()).thenReturn("HTTP/1.1");
    when(exchange.getRequestURI()).thenReturn(URI.create("/"));
    when(exchange.getResponseCode()).thenReturn(-1);
    when(exchange.getRequestBody()).thenReturn(InputStream.nullInputStream());
    when(exchange.getResponseBody()).thenReturn(body);
    return exchange;
  }
}
