package dev.tidings;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;

/**
 * A filter that refuses requests that a browser sends for pages of other sites. Through the browser, such pages can
 * reach servers on loopback addresses and in private networks. Immutable.
 *
 * <p>{@link SseServer} uses this filter for all its routes if it listens on a loopback address. Add it to every other
 * context, before or after {@link Cors}:
 *
 * {@snippet :
 * context.getFilters().add(HostGuard.loopback().hosts("example.com"));
 * }
 *
 * <p>A request must satisfy these rules. Ports are ignored.
 *
 * <ul>
 *   <li>{@code Host}, and the host of an absolute request target, must be allowed. After DNS rebinding, a page of
 *       another site has the same origin as this server, and only {@code Host} shows the name of the other site. A
 *       request without {@code Host} is accepted if it has no {@code Origin}, because browsers always send
 *       {@code Host}.
 *   <li>{@code Origin}, if present, must be that of an {@code http} or {@code https} page on an allowed host, or be
 *       allowed by a {@link Cors} filter of the same context. {@code null} is also accepted if {@code Sec-Fetch-Site} is
 *       {@code same-origin}: browsers send it for forms of a page whose referrer policy is {@code no-referrer}.
 *   <li>Without {@code Origin}, {@code Sec-Fetch-Site} must not be {@code cross-site}, as for images, frames and scripts
 *       in pages of other sites. A GET that loads a page because the user followed a link ({@code Sec-Fetch-Mode:
 *       navigate}, {@code Sec-Fetch-Dest: document}) is accepted.
 * </ul>
 *
 * <p>Any other request is answered with {@code 403} and a text that names the rule and the call that would allow the
 * request. An EventSource does not reconnect after this response. The first refusal is logged as a warning, later ones
 * at DEBUG.
 *
 * <p>This filter does not replace authentication: clients that are not browsers can send any headers.
 * {@code X-Forwarded-Host} is ignored.
 */
public final class HostGuard extends Filter {
  private static final Pattern ORIGIN = Pattern.compile("https?://(.*)", Pattern.CASE_INSENSITIVE);
  private static final Duration LONGEST_WRITE = Duration.ofSeconds(10);

  private final Set<String> named;
  private final Deadlines deadlines;
  private final AtomicBoolean warned = new AtomicBoolean();

  private HostGuard(Set<String> named, Deadlines deadlines) {
    this.named = named;
    this.deadlines = deadlines;
  }

  /**
   * Allows the names and addresses of the loopback interface: {@code localhost}, names that end with
   * {@code .localhost}, addresses that begin with {@code 127.}, and {@code [::1]}.
   *
   * @return the filter
   */
  public static HostGuard loopback() {
    return new HostGuard(Set.of(), new Deadlines(Ticker.onVirtualThreads(new Threads()), LONGEST_WRITE));
  }

  /**
   * Allows further hosts. Add only names whose addresses you control, because the owner of a name can let it resolve to
   * the address of this server.
   *
   * @param hosts names as in a URL, without scheme and port, compared exactly but ignoring case and a final dot; names
   *     that are not ASCII in {@code xn--} form; {@code *.example.com} for all names below {@code example.com}, which
   *     does not include {@code example.com} itself; or IP addresses, IPv6 in brackets
   * @return a new filter, which allows these hosts and those that were allowed before
   * @throws IllegalArgumentException if no host is given, or if one does not have this form
   */
  public HostGuard hosts(String... hosts) {
    if (hosts.length == 0) {
      throw new IllegalArgumentException("at least one host is required");
    }
    var all = new LinkedHashSet<>(named);
    for (String host : hosts) {
      all.add(HostSyntax.require(host));
    }
    return new HostGuard(Set.copyOf(all), deadlines);
  }

  /** Returns a filter that enforces its limits on blocking calls by these deadlines. */
  HostGuard under(Deadlines deadlines) {
    return new HostGuard(named, deadlines);
  }

  /**
   * Passes the request to the chain if it satisfies the rules. Otherwise responds with {@code 403}.
   *
   * @param exchange the exchange
   * @param chain the filters and the handler after this one
   * @throws IOException if the response cannot be sent, or if the chain throws it
   */
  @Override
  public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
    var reason = reasonToRefuse(exchange);
    if (reason.isPresent()) {
      refuse(exchange, reason.get());
    } else {
      chain.doFilter(exchange);
    }
  }

  private Optional<String> reasonToRefuse(HttpExchange exchange) {
    var hosts = hosts(exchange);
    for (String host : hosts) {
      if (!isAllowed(HostSyntax.host(host))) {
        return Optional.of("Host is not allowed: " + Quoted.java(host) + advice(HostSyntax.host(host)));
      }
    }
    var origins = exchange.getRequestHeaders().getOrDefault("Origin", List.of());
    for (String origin : origins) {
      var host = hostOfOrigin(origin);
      if (!isAllowed(host) && !isOwnPage(exchange, origin) && !isAllowedByCors(exchange, origin)) {
        return Optional.of(
            "Origin is not allowed: " + Quoted.java(origin) + advice(host)
                + "; to allow pages of another site, add a Cors filter to the context");
      }
    }
    if (!origins.isEmpty()) {
      return hosts.isEmpty() ? Optional.of("a request with Origin must have Host") : Optional.empty();
    }
    return isEmbedded(exchange)
        ? Optional.of(
            "Sec-Fetch-Site must not be \"cross-site\" without Origin: pages of other sites may not embed this"
                + " resource; to allow scripts of another site, add a Cors filter to the context")
        : Optional.empty();
  }

  /** Returns the hosts that the request names, each of which could be used as its target (RFC 9112, 3.2.2). */
  private static List<String> hosts(HttpExchange exchange) {
    var hosts = new ArrayList<>(exchange.getRequestHeaders().getOrDefault("Host", List.of()));
    var target = exchange.getRequestURI();
    if (target.isAbsolute() && target.getRawAuthority() != null) {
      hosts.add(target.getRawAuthority());
    }
    return hosts;
  }

  private boolean isAllowed(Optional<String> host) {
    return host.isPresent()
        && (HostSyntax.isLoopback(host.get())
            || named.stream().anyMatch(name -> HostSyntax.matches(name, host.get())));
  }

  private static Optional<String> hostOfOrigin(String origin) {
    var parts = ORIGIN.matcher(origin);
    return parts.matches() ? HostSyntax.host(parts.group(1)) : Optional.empty();
  }

  /**
   * Returns whether a page of this server sent the request without its origin, as a form does if the referrer policy of
   * the page is {@code no-referrer}. Pages cannot set {@code Sec-Fetch-Site}, and after DNS rebinding Host is not allowed.
   */
  private static boolean isOwnPage(HttpExchange exchange, String origin) {
    return origin.equals("null") && List.of("same-origin").equals(exchange.getRequestHeaders().get("Sec-Fetch-Site"));
  }

  private static boolean isAllowedByCors(HttpExchange exchange, String origin) {
    return exchange.getHttpContext().getFilters().stream()
        .anyMatch(filter -> filter instanceof Cors cors && cors.isAllowed(origin));
  }

  /** Returns whether a page of another site caused this request, but not by sending the user to a page of this server. */
  private static boolean isEmbedded(HttpExchange exchange) {
    var headers = exchange.getRequestHeaders();
    boolean page =
        exchange.getRequestMethod().equals("GET")
            && List.of("navigate").equals(headers.get("Sec-Fetch-Mode"))
            && List.of("document").equals(headers.get("Sec-Fetch-Dest"));
    return !page
        && headers.getOrDefault("Sec-Fetch-Site", List.of()).stream()
            .anyMatch(site -> site.toLowerCase(Locale.ROOT).contains("cross-site"));
  }

  private static String advice(Optional<String> host) {
    return host.map(
            name ->
                "; if it is a name of this server, call SseServer.builder().hosts("
                    + Quoted.java(name)
                    + "), or hosts of its HostGuard")
        .orElse(", which names no host");
  }

  private void refuse(HttpExchange exchange, String reason) throws IOException {
    if (!warned.get() && warned.compareAndSet(false, true)) { // otherwise clients could fill the log
      Log.warning("a request was refused with 403: " + reason + " (later refusals are logged at DEBUG)");
    } else {
      Log.debug(() -> "a request was refused with 403: " + reason);
    }
    boolean head = exchange.getRequestMethod().equals("HEAD");
    byte[] body = Refusal.line(reason).getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
    if (head) {
      exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
    }
    var guard = deadlines.newGuard();
    ShortResponse.send(exchange, 403, body, head, RequestBody.hasBytes(exchange), deadlines, guard::run);
  }

  @Override
  public String description() {
    return "refuses requests of other sites";
  }
}
