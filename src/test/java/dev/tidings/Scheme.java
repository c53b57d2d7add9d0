package dev.tidings;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import javax.net.ssl.SSLSocket;

/** Plain HTTP or TLS, for tests that have to hold on both. */
enum Scheme {
  HTTP,
  HTTPS;

  SseServer.Builder builder() {
    return this == HTTP ? SseServer.builder() : SseServer.builder().tls(SelfSigned.context());
  }

  /** Returns a connected socket; with a small receive buffer, a client that does not read stalls soon. */
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

  /** Returns the socket, or TLS over it for https. */
  static Socket secure(Socket socket, URI uri) throws IOException {
    if (uri.getScheme().equals("http")) {
      return socket;
    }
    var tls =
        (SSLSocket) SelfSigned.context().getSocketFactory().createSocket(socket, uri.getHost(), uri.getPort(), true);
    tls.startHandshake();
    return tls;
  }
}
