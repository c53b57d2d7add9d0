package dev.tidings;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Plain HTTP or TLS, for tests that have to hold on both. */
enum Scheme {
  HTTP,
  HTTPS;

  private static final char[] PASSWORD = "changeit".toCharArray();
  private static final SSLContext CONTEXT = selfSigned();

  static SSLContext context() {
    return CONTEXT;
  }

  SseServer.Builder builder() {
    return this == HTTP ? SseServer.builder() : SseServer.builder().tls(CONTEXT);
  }

  /** A connected socket; a small buffer makes a client that does not read stall soon. */
  static Socket connect(URI uri, int receiveBuffer) throws IOException {
    var socket = new Socket();
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.setTcpNoDelay(true);
    socket.connect(new InetSocketAddress(uri.getHost(), uri.getPort()), 10_000);
    socket.setSoTimeout(20_000);
    return socket;
  }

  /** The same socket, or TLS over it. */
  static Socket secure(Socket socket, URI uri) throws IOException {
    if (uri.getScheme().equals("http")) {
      return socket;
    }
    var tls =
        (SSLSocket) CONTEXT.getSocketFactory().createSocket(socket, uri.getHost(), uri.getPort(), true);
    tls.startHandshake();
    return tls;
  }

  private static SSLContext selfSigned() {
    try {
      Path store = Files.createTempDirectory("tidings").resolve("keys.p12");
      String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
      var process =
          new ProcessBuilder(
                  keytool, "-genkeypair", "-keyalg", "EC", "-alias", "test", "-dname", "CN=localhost",
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
      var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keyManagers.init(keys, PASSWORD);
      var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trustManagers.init(keys);
      var context = SSLContext.getInstance("TLS");
      context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
      return context;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
