package dev.tidings.interop.tokens;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.helpers.MessageAccumulator;
import com.anthropic.models.messages.MessageCreateParams;
import java.net.URI;
import java.util.List;

/** Anthropic's SDK for Java. */
final class AnthropicTokens extends JavaTokens {
  AnthropicTokens() {
    super("com.anthropic:anthropic-java", AnthropicClient.class);
  }

  @Override
  public String path() {
    return "/v1/messages";
  }

  @Override
  String ask(URI uri, Way way, String prompt, List<String> tokens) {
    String base = uri.toString();
    var client =
        AnthropicOkHttpClient.builder()
            .baseUrl(base.substring(0, base.length() - 1))
            .apiKey("none")
            .maxRetries(0)
            .build();
    try {
      var request = MessageCreateParams.builder().model("echo").maxTokens(100).addUserMessage(prompt).build();
      if (way == Way.PLAIN) {
        return client.messages().create(request).content().getFirst().asText().text();
      }
      var whole = MessageAccumulator.create();
      try (var stream = client.messages().createStreaming(request)) {
        read(
            () -> stream.stream().iterator(),
            way,
            tokens,
            event -> {
              whole.accumulate(event);
              event.contentBlockDelta().flatMap(delta -> delta.delta().text()).ifPresent(text -> tokens.add(text.text()));
            });
      }
      return way == Way.HELPER ? whole.message().content().getFirst().asText().text() : null;
    } finally {
      client.close();
    }
  }
}
