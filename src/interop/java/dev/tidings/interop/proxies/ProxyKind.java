package dev.tidings.interop.proxies;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.tidings.interop.Child;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The proxies, with the minimal configuration that each needs in addition to run as one process in its own
 * folder. As in the README, 127.0.0.1:8080 in a configuration is the server, and the proxy listens on :80.
 */
enum ProxyKind {
  NGINX("nginx", "location / { proxy_pass http://127.0.0.1:8080; }", "nginx") {
    @Override
    String whole(String configuration, int port, int tlsPort) {
      return """
          daemon off;
          master_process off;
          pid nginx.pid;
          error_log stderr warn;
          events {}
          http {
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            server {
              listen 127.0.0.1:%d;
              listen 127.0.0.1:%d ssl http2;
              ssl_certificate keys.pem;
              ssl_certificate_key keys.pem;
              %s
            }
          }
          """
          .formatted(port, tlsPort, configuration);
    }

    @Override
    List<String> command(Path folder) {
      return List.of(binary(), "-p", folder.toString(), "-c", "proxy.conf", "-e", "stderr");
    }
  },

  HAPROXY(
      "HAProxy",
      """
      listen all
        mode http
        bind :80
        server tidings 127.0.0.1:8080
      """,
      "haproxy") {
    @Override
    String whole(String configuration, int port, int tlsPort) {
      String binds =
          """
          bind 127.0.0.1:%d
          bind 127.0.0.1:%d ssl crt keys.pem alpn h2,http/1.1
          """
              .formatted(port, tlsPort);
      return Proxy.replace(configuration, "bind :80\n", binds);
    }

    @Override
    List<String> command(Path folder) {
      return List.of(binary(), "-db", "-C", folder.toString(), "-f", "proxy.conf");
    }
  },

  APACHE("Apache httpd", "ProxyPass \"/\" \"http://127.0.0.1:8080/\"\n", "apache2", "httpd") {
    @Override
    String whole(String configuration, int port, int tlsPort) {
      return """
          ServerName 127.0.0.1
          PidFile apache.pid
          DefaultRuntimeDir .
          ErrorLog /dev/stderr
          User nobody
          Group nogroup
          LoadModule mpm_event_module %1$s/mod_mpm_event.so
          LoadModule authz_core_module %1$s/mod_authz_core.so
          LoadModule filter_module %1$s/mod_filter.so
          LoadModule deflate_module %1$s/mod_deflate.so
          LoadModule proxy_module %1$s/mod_proxy.so
          LoadModule proxy_http_module %1$s/mod_proxy_http.so
          LoadModule ssl_module %1$s/mod_ssl.so
          LoadModule http2_module %1$s/mod_http2.so
          ThreadsPerChild 64
          Listen 127.0.0.1:%2$d
          Listen 127.0.0.1:%3$d
          <VirtualHost 127.0.0.1:%3$d>
            Protocols h2 http/1.1
            SSLEngine on
            SSLCertificateFile keys.pem
          </VirtualHost>
          %4$s
          """
          .formatted("/usr/lib/apache2/modules", port, tlsPort, configuration);
    }

    @Override
    List<String> command(Path folder) {
      return List.of(binary(), "-X", "-d", folder.toString(), "-f", "proxy.conf");
    }
  };

  private static final List<Path> READMES = List.of(Path.of("..", "..", "README.md"), Path.of("README.md"));
  private static final Pattern VERSION = Pattern.compile("\\d+\\.\\d+\\.\\d+\\S*");

  /** The name of the software. */
  final String title;

  /** The minimal configuration. */
  final String defaults;

  private final String[] binaries;

  ProxyKind(String title, String defaults, String... binaries) {
    this.title = title;
    this.defaults = defaults;
    this.binaries = binaries;
  }

  abstract String whole(String configuration, int port, int tlsPort);

  /** Returns the command that starts it in the foreground with {@code proxy.conf}. */
  abstract List<String> command(Path folder);

  String binary() {
    return Child.find(binaries);
  }

  String version() throws IOException, InterruptedException {
    var version = VERSION.matcher(Child.run(Duration.ofSeconds(10), binary(), "-v"));
    assertTrue(version.find(), "no version");
    return version.group();
  }

  /**
   * Returns the fenced block of a README, of the project or of this part, whose language is the lower-case
   * name of the constant.
   */
  String readme() {
    try {
      String fence = "```" + name().toLowerCase(Locale.ROOT) + "\n";
      var texts = new StringBuilder();
      for (Path readme : READMES) {
        texts.append(Files.readString(readme));
      }
      var block = Pattern.compile(fence + "(.*?)```", Pattern.DOTALL).matcher(texts);
      assertTrue(block.find(), "in no README.md: " + fence);
      return block.group(1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
