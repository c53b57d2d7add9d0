package dev.tidings;

import java.util.List;

/** Texts that are an origin exactly as a browser sends it, and texts that are not. */
public final class Origins {
  private Origins() {}

  /** Origins of sites; a browser can confirm that it sends them in this form. */
  public static List<String> ofSites() {
    return List.of(
        "http://localhost", "http://localhost:8080", "https://app.example:8443", "http://x:443", "https://x:80",
        "https://xn--bcher-kva.example", "https://app.example.", "http://my_service:3000", "http://a-b.c--d",
        "http://127.0.0.1:3000", "http://255.255.255.255", "http://1a.example", "http://0x.example",
        "http://[::1]", "http://[::1]:8080", "http://[::]", "http://[2001:db8::1:0:0:1]", "http://[1::]",
        "http://[1:0:2:3:4:5:6:7]", "http://[1:0:2:3:4:5::]", "http://[::ffff:102:304]", "http://[::102:304]", "https://x:65535",
        "http://x:0", "http://10.20.199.249", "http://[1:0:0:2::3]", "http://[::ffff:c0a8:1ff]");
  }

  static List<String> ofOtherPages() {
    return List.of("chrome-extension://abcdefghijklmnop", "moz-extension://3b5ad1c0-0000-4000-8000-000000000012", "capacitor://localhost",
        "com.example.app2://localhost", "app://1.2");
  }

  public static List<String> saidByNoBrowser() {
    return List.of(
        "https://x:443", "http://x:80", "https://X", "HTTPS://x", "https://app.Example:8443", "https://user@x",
        "https://user:password@x", "https://b\u00fccher.example", "https://\u212A.example", "https://x:", "https://x:0443",
        "https://x:65536", "https://x:99999999999", "https://x/", "https://x/path", "https://x?", "https://x#", "https://", "https:x",
        "https:///x", "https://x y", " https://x", "https://x ", "https://x\n", "https://*.example", "x", "*", "", "//x",
        "http://127.1", "http://127.0.0.01", "http://0x7f.0.0.1", "http://0x7f000001", "http://2130706433",
        "http://256.0.0.1", "http://1.2.3.4.5", "http://127.0.0.1.", "http://a.1", "http://a..b", "http://.", "http://%61",
        "http://[::1", "http://[]", "http://[0:0:0:0:0:0:0:1]", "http://[::0001]", "http://[::FFFF:102:304]",
        "http://[::ffff:1.2.3.4]", "http://[2001:db8:0:0:1::1]", "http://[fe80::1%eth0]",
        "http://[fe80::1%25eth0]", "http://[v1.a]", "http://[1::2:3:4:5:0:0]", "http://[1:2]", "http://::1",
        "https://127.1", "http://a.0x", "http://[1::2:0:0:0:3]", "1x://y", "-x://y");
  }

  static List<String> ofPagesWithoutOne() {
    return List.of("null", "ws://x", "wss://x", "ftp://x", "file://x", "file:///x", "data://x", "blob:https://x", "about:blank",
        "about://x", "blob://x", "javascript://x");
  }
}
