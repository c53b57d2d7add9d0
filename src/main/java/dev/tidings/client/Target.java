package dev.tidings.client;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The target of a request. Each attempt starts with the address that the application has set. The client follows
 * redirects itself, because {@code HttpClient} would send all headers to other origins. Permanent redirects are not
 * cached.
 *
 * @param isTrusted whether all addresses so far had the origin of the first one: only then the request has the headers
 *     of the application and the last event id
 */
record Target(Options options, URI uri, String method, boolean hasBody, boolean isTrusted) {

  static Target first(Options options) {
    return new Target(options, options.uri(), options.method(), options.body().isPresent(), true);
  }

  /**
   * Returns the target of a redirect, according to WHATWG Fetch, 4.4.
   *
   * @throws IOException if it must not be followed; the message says why
   */
  Target redirected(int status, String location) throws IOException {
    var next = resolve(location);
    String scheme = next.getScheme() == null ? "" : next.getScheme().toLowerCase(Locale.ROOT);
    if (!scheme.equals("http") && !scheme.equals("https") || next.getHost() == null) {
      throw new IOException("a redirect leads to an address that is not http or https");
    }
    if (uri.getScheme().equalsIgnoreCase("https") && scheme.equals("http")) {
      throw new IOException("a redirect leads from https to http");
    }
    boolean toGet = status == 303 || (status == 301 || status == 302) && method.equals("POST");
    boolean keepsBody = hasBody && !toGet;
    boolean sameOrigin = origin(uri).equals(origin(next));
    if (keepsBody && !sameOrigin) {
      throw new IOException("a redirect leads a request with a body to another origin");
    }
    return new Target(options, next, toGet ? "GET" : method, keepsBody, isTrusted && sameOrigin);
  }

  /** Resolves according to RFC 3986, 5.2. {@code URI} follows RFC 2396, where a query alone replaces the last segment. */
  private URI resolve(String location) throws IOException {
    try {
      String base = uri.getScheme() + "://" + uri.getRawAuthority() + uri.getRawPath();
      return uri.resolve(new URI(location.startsWith("?") ? base + location : location));
    } catch (URISyntaxException e) {
      throw new IOException("a redirect leads to an address that is not valid", e);
    }
  }

  private static String origin(URI uri) {
    String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
    int port = uri.getPort() >= 0 ? uri.getPort() : scheme.equals("https") ? 443 : 80;
    return scheme + "://" + uri.getHost().toLowerCase(Locale.ROOT) + ":" + port;
  }

  /**
   * Returns the request.
   *
   * @throws IllegalArgumentException if {@code HttpClient} cannot send the last event id
   */
  HttpRequest request(String lastEventId) {
    var request = HttpRequest.newBuilder(uri);
    if (isTrusted) {
      options.headers().stream()
          .filter(header -> hasBody || !isOfDroppedBody(header))
          .forEach(header -> request.header(header.name(), header.value()));
      if (!lastEventId.isEmpty()) {
        request.setHeader("Last-Event-ID", requireSendable(lastEventId));
      }
    }
    setUnlessSet(request, "Accept", "text/event-stream");
    setUnlessSet(request, "Cache-Control", "no-store");
    if (options.client().isEmpty() && uri.getScheme().equalsIgnoreCase("http")) {
      request.version(Version.HTTP_1_1); // otherwise each request would ask for an upgrade
    }
    if (hasBody) {
      request.method(method, new Once(options.body().orElseThrow()));
    } // otherwise it is a GET
    return request.build();
  }

  /** Returns whether the header describes the body that a redirect to a GET has dropped (WHATWG Fetch, 4.4). */
  private boolean isOfDroppedBody(Options.Header header) {
    return options.body().isPresent() && header.name().toLowerCase(Locale.ROOT).startsWith("content-");
  }

  private void setUnlessSet(HttpRequest.Builder request, String name, String value) {
    if (!isTrusted || options.headers().stream().noneMatch(header -> header.name().equalsIgnoreCase(name))) {
      request.setHeader(name, value);
    }
  }

  /**
   * Checks that {@code HttpClient} sends this id unchanged: it replaces characters that are not ASCII by question
   * marks.
   */
  static String requireSendable(String id) {
    if (!id.chars().allMatch(c -> c >= ' ' && c <= '~' || c == '\t')) {
      throw new IllegalArgumentException("a last event id must be ASCII without controls, to be sent in a header");
    }
    return id;
  }

  /** Returns the address without its query, which may be secret. */
  String name() {
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    return uri.getScheme() + "://" + uri.getHost() + port + path;
  }

  /**
   * A body that is sent once. {@code HttpClient} repeats a request by itself in some cases, if a system property
   * allows it. Then it fails before it sends the head, because it asks for the length first.
   */
  private record Once(BodyPublisher body, AtomicBoolean isSent) implements BodyPublisher {
    Once(BodyPublisher body) {
      this(body, new AtomicBoolean());
    }

    @Override
    public long contentLength() {
      if (isSent.get()) {
        throw new IllegalStateException("a request with a body is not repeated");
      }
      return body.contentLength();
    }

    @Override
    public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
      if (isSent.getAndSet(true)) {
        throw new IllegalStateException("a request with a body is not repeated");
      }
      body.subscribe(subscriber);
    }
  }
}
