package dev.tidings;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A key and a self-signed certificate for localhost, one of each per JVM. */
public final class SelfSigned {
  private static final char[] PASSWORD = "changeit".toCharArray();
  private static final KeyStore KEYS = generate();
  private static final SSLContext CONTEXT = make();

  private SelfSigned() {}

  /** Returns the context for the server, and for clients that trust it. */
  public static SSLContext context() {
    return CONTEXT;
  }

  /** Returns the certificate as PEM, for programs. */
  public static String certificate() {
    try {
      return pem("CERTIFICATE", KEYS.getCertificate("test").getEncoded());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns the key as PEM, for programs. */
  public static String key() {
    try {
      return pem("PRIVATE KEY", KEYS.getKey("test", PASSWORD).getEncoded());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String pem(String what, byte[] bytes) {
    String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes);
    return "-----BEGIN " + what + "-----\n" + text + "\n-----END " + what + "-----\n";
  }

  /** Runs keytool, since the JDK creates certificates in no other way. */
  private static KeyStore generate() {
    try {
      Path store = Files.createTempDirectory("tidings-keys-").resolve("keys.p12");
      String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
      var process =
          new ProcessBuilder(
                  keytool, "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-alias", "test", "-dname", "CN=localhost",
                  "-ext", "san=dns:localhost,ip:127.0.0.1", "-validity", "2", "-storetype", "PKCS12",
                  "-keystore", store.toString(), "-storepass", new String(PASSWORD))
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes());
      if (process.waitFor() != 0) {
        throw new IllegalStateException(output);
      }
      var keys = KeyStore.getInstance("PKCS12");
      try (InputStream in = Files.newInputStream(store)) {
        keys.load(in, PASSWORD);
      }
      Files.delete(store);
      Files.delete(store.getParent());
      return keys;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static SSLContext make() {
    try {
      var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keyManagers.init(KEYS, PASSWORD);
      var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trustManagers.init(KEYS);
      var context = SSLContext.getInstance("TLS");
      context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
