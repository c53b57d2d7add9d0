package dev.tidings.interop;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate of its own for localhost: the server's side, and who trusts it. */
final class Tls implements AutoCloseable {
  private static final String PASSWORD = "changeit";

  private final SSLContext context;
  private final Path pem;

  private Tls(SSLContext context, Path pem) {
    this.context = context;
    this.pem = pem;
  }

  static Tls selfSigned() throws IOException, InterruptedException, GeneralSecurityException {
    var folder = Files.createTempDirectory("tidings");
    var store = folder.resolve("keys.p12");
    Child.run(
        Duration.ofSeconds(30),
        Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
        "-genkeypair", "-keyalg", "EC", "-alias", "test", "-dname", "CN=localhost",
        "-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "2", "-storetype", "PKCS12",
        "-keystore", store.toString(), "-storepass", PASSWORD);
    var keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    Files.delete(store);
    var pem = folder.resolve("certificate.pem");
    var encoder = Base64.getMimeEncoder(64, new byte[] {'\n'});
    Files.writeString(
        pem,
        "-----BEGIN CERTIFICATE-----\n"
            + encoder.encodeToString(keys.getCertificate("test").getEncoded())
            + "\n-----END CERTIFICATE-----\n");
    return new Tls(context(keys), pem);
  }

  private static SSLContext context(KeyStore keys) throws GeneralSecurityException {
    var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keyManagers.init(keys, PASSWORD.toCharArray());
    var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trustManagers.init(keys);
    var context = SSLContext.getInstance("TLS");
    context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
    return context;
  }

  SSLContext context() {
    return context;
  }

  /** The certificate, for programs. */
  Path pem() {
    return pem;
  }

  @Override
  public void close() throws IOException {
    Files.delete(pem);
    Files.delete(pem.getParent());
  }
}
