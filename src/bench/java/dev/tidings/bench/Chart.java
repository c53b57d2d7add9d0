package dev.tidings.bench;

import java.util.Locale;

/** Draws a bar chart for each case: the median of its main figure, with a line from minimum to maximum. */
final class Chart {
  private static final int ROW = 18;
  private static final int LABEL = 150;
  private static final int BARS = 420;
  private static final int WIDTH = LABEL + BARS + 130;

  private Chart() {}

  static String of(Results results) {
    var out = new StringBuilder();
    int y = 20;
    for (Case test : results.plan().keySet()) {
      var peers = results.plan().get(test);
      var figure = main(test);
      out.append(text(8, y, "bold", test.name() + ": " + test.title() + ", " + figure.label()));
      y += 8;
      double most =
          peers.stream()
              .flatMap(peer -> results.spread(test.name(), peer, figure).stream())
              .mapToDouble(Results.Spread::max)
              .max()
              .orElse(1);
      for (String peer : peers) {
        out.append(text(8, y + 13, "normal", peer));
        var spread = results.spread(test.name(), peer, figure);
        out.append(
            spread.isPresent()
                ? bar(y, spread.get(), most, peer, figure)
                : text(LABEL, y + 13, "normal", "-"));
        y += ROW;
      }
      y += 30;
    }
    return """
        <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
        <rect width="100%%" height="100%%" fill="white"/>
        %s</svg>
        """
        .formatted(WIDTH, y, out);
  }

  private static Figure main(Case test) {
    return switch (test.kind()) {
      case FANOUT ->
          switch (test.name()) {
            case "B" -> Figure.EVENTS;
            case "C" -> Figure.CPU;
            default -> Figure.P99;
          };
      case IDLE -> Figure.CPU_TOTAL;
      case CONNECT -> Figure.CONNECTS;
      case SINGLE -> Figure.EVENTS;
      case WAYS, RETURN, NAMES -> Figure.CPU;
      case CHANNELS -> Figure.CHANNEL_HEAP;
      case CHURN -> Figure.CHURN_CPU;
    };
  }

  private static String bar(
      int y, Results.Spread spread, double most, String peer, Figure figure) {
    double scale = BARS / Math.max(most, 1e-9);
    return String.format(
            Locale.ROOT,
            """
            <rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>
            <line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="black"/>
            """,
            LABEL,
            y + 2,
            spread.median() * scale,
            ROW - 4,
            color(peer),
            LABEL + spread.min() * scale,
            LABEL + spread.max() * scale,
            y + ROW / 2,
            y + ROW / 2)
        + text(
            (int) (LABEL + spread.max() * scale) + 6,
            y + 13,
            "normal",
            figure.text(spread.median()));
  }

  private static String color(String peer) {
    if (Peer.OURS.contains(Peer.plain(peer))) {
      return Peer.OURS.contains(peer) ? "#2a6fb0" : "#9cc3e6";
    }
    return Peer.FLOORS.contains(peer) ? "#bbbbbb" : "#e0a050";
  }

  private static String text(int x, int y, String weight, String what) {
    return "<text x=\"%d\" y=\"%d\" font-weight=\"%s\">%s</text>\n".formatted(x, y, weight, what);
  }
}
