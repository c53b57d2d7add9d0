package dev.tidings.interop.tokens;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import java.net.URI;
import java.util.List;

/** OpenAI's SDK for Java. */
final class OpenAiTokens extends JavaTokens {
  OpenAiTokens() {
    super("com.openai:openai-java", OpenAIClient.class);
  }

  @Override
  public String path() {
    return "/v1/chat/completions";
  }

  @Override
  String ask(URI uri, Way way, String prompt, List<String> tokens) {
    var client =
        OpenAIOkHttpClient.builder()
            .baseUrl(uri.resolve("/v1").toString())
            .apiKey("none")
            .maxRetries(0)
            .disableTelemetry(true)
            .build();
    try {
      var completions = client.chat().completions();
      var request = ChatCompletionCreateParams.builder().model("echo").addUserMessage(prompt).build();
      if (way == Way.PLAIN) {
        return completions.create(request).choices().getFirst().message().content().orElseThrow();
      }
      var whole = ChatCompletionAccumulator.create();
      try (var stream = completions.createStreaming(request)) {
        read(
            () -> stream.stream().iterator(),
            way,
            tokens,
            chunk -> {
              whole.accumulate(chunk);
              chunk.choices().forEach(
                  choice -> choice.delta().content().filter(token -> !token.isEmpty()).ifPresent(tokens::add));
            });
      }
      return way == Way.HELPER
          ? whole.chatCompletion().choices().getFirst().message().content().orElseThrow()
          : null;
    } finally {
      client.close();
    }
  }
}
