package dev.tidings.interop;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A key and its certificate, signed by itself: as text for the proxies, and as what a client trusts. */
record ProxyKeys(String pem, SSLContext trusting) {
  private static final char[] PASSWORD = "changeit".toCharArray();
  static final ProxyKeys KEYS = make();

  private static ProxyKeys make() {
    try {
      Path folder = Files.createTempDirectory("tidings-keys-");
      Path file = folder.resolve("keys.p12");
      Child.run(
          Duration.ofSeconds(30),
          Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
          "-genkeypair", "-keyalg", "EC", "-alias", "test", "-dname", "CN=localhost",
          "-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "2", "-storetype", "PKCS12",
          "-keystore", file.toString(), "-storepass", new String(PASSWORD));
      var keys = KeyStore.getInstance("PKCS12");
      try (InputStream in = Files.newInputStream(file)) {
        keys.load(in, PASSWORD);
      }
      Files.delete(file);
      Files.delete(folder);
      return of(keys);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static ProxyKeys of(KeyStore keys) throws GeneralSecurityException {
    var certificate = keys.getCertificate("test");
    String pem =
        block("CERTIFICATE", certificate.getEncoded())
            + block("PRIVATE KEY", keys.getKey("test", PASSWORD).getEncoded());
    var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    managers.init(keys);
    var context = SSLContext.getInstance("TLS");
    context.init(null, managers.getTrustManagers(), null);
    return new ProxyKeys(pem, context);
  }

  private static String block(String name, byte[] bytes) {
    String text = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(bytes);
    return "-----BEGIN " + name + "-----\n" + text + "\n-----END " + name + "-----\n";
  }
}
