package dev.tidings.interop.mcp;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What the conformance suite requires of a server. {@code js/everything.json} has the results that do not vary. */
final class Everything {
  private static final JsonObject FIXED = fixed();

  private Everything() {}

  private static JsonObject fixed() {
    try {
      return JsonParser.parseString(Files.readString(Path.of("js/everything.json"))).getAsJsonObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonObject json(String text, Object... values) {
    String json = text.replace('\'', '"');
    for (Object value : values) {
      json = json.replaceFirst("\\?", java.util.regex.Matcher.quoteReplacement(String.valueOf(value)));
    }
    return JsonParser.parseString(json).getAsJsonObject();
  }

  /** Returns the result of {@code initialize}. */
  static JsonObject welcome(JsonObject request) {
    String asked = Rpc.text(request.getAsJsonObject("params"), "protocolVersion");
    return json(
        "{'protocolVersion': '?', 'capabilities': {'logging': {}, 'completions': {}, 'tools': {}, 'prompts': {}, "
            + "'resources': {'subscribe': true}}, 'serverInfo': {'name': 'tidings', 'version': '1'}}",
        Rpc.VERSIONS.contains(asked) ? asked : Rpc.VERSIONS.getFirst());
  }

  /** Returns the result of a request that needs no stream. */
  static JsonObject result(JsonObject request) {
    String method = Rpc.text(request, "method");
    var params = request.has("params") ? request.getAsJsonObject("params") : new JsonObject();
    return switch (method) {
      case "resources/read" -> fixed(method + " " + Rpc.text(params, "uri"), new JsonObject(), -32_002);
      case "prompts/get" -> fixed(method + " " + Rpc.text(params, "name"), params.getAsJsonObject("arguments"), -32_602);
      default -> fixed(method, new JsonObject(), -32_601);
    };
  }

  /** Returns a value of the file, in which each {@code $name} is replaced by this argument. */
  private static JsonObject fixed(String key, JsonObject arguments, int error) {
    if (!FIXED.has(key)) {
      throw new Rpc.RpcException(error, "unknown: " + key);
    }
    String text = FIXED.get(key).toString();
    if (arguments != null) {
      for (String name : arguments.keySet()) {
        if (arguments.get(name).isJsonPrimitive()) {
          String quoted = arguments.getAsJsonPrimitive(name).toString().replaceAll("^\"|\"$", "");
          text = text.replace("$" + name, quoted);
        }
      }
    }
    return JsonParser.parseString(text).getAsJsonObject();
  }

  // Tools.

  /** Runs a tool. */
  static JsonObject call(McpSession.Call call) {
    String name = Rpc.text(call.params(), "name");
    var arguments = call.params().has("arguments") ? call.params().getAsJsonObject("arguments") : new JsonObject();
    return switch (name) {
      case "count" -> count(call, arguments);
      case "test_tool_with_logging" -> {
        for (String text : new String[] {"Tool execution started", "Tool processing data", "Tool execution completed"}) {
          call.sendNotification("notifications/message", json("{'level': 'info', 'data': '?'}", text));
          pause(50);
        }
        yield text("logged");
      }
      case "test_tool_with_progress" -> {
        for (int progress = 0; progress <= 100; progress += 50) {
          sendProgress(call, progress, 100);
          pause(50);
        }
        yield text("done");
      }
      case "test_sampling" -> {
        var content = json("{'type': 'text'}");
        content.add("text", arguments.get("prompt"));
        var message = json("{'role': 'user'}");
        message.add("content", content);
        var params = json("{'messages': [], 'maxTokens': 100}");
        params.getAsJsonArray("messages").add(message);
        var answer = call.ask("sampling/createMessage", params);
        yield text("LLM response: " + Rpc.text(answer.getAsJsonObject("content"), "text"));
      }
      case "test_elicitation", "test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums" -> {
        var answer = call.ask("elicitation/create", fixed("elicit " + name, arguments, -32_602));
        yield text("User response: action=" + Rpc.text(answer, "action") + ", content=" + answer.get("content"));
      }
      case "test_reconnection" -> {
        pause(50);
        call.closeStream();
        pause(50);
        yield text("after the reconnection");
      }
      default -> fixed("tools/call " + name, arguments, -32_602);
    };
  }

  /** Counts, and closes the stream at a number if that is required. */
  private static JsonObject count(McpSession.Call call, JsonObject arguments) {
    int to = arguments.get("to").getAsInt();
    for (int i = 1; i <= to; i++) {
      sendProgress(call, i, to);
      if (arguments.has("closeAt") && arguments.get("closeAt").getAsInt() == i) {
        call.closeStream();
      }
      pause(30);
    }
    return text("counted to " + to);
  }

  private static void sendProgress(McpSession.Call call, int progress, int total) {
    var meta = call.params().getAsJsonObject("_meta");
    if (meta != null && meta.has("progressToken")) {
      var params = json("{'progress': ?, 'total': ?}", progress, total);
      params.add("progressToken", meta.get("progressToken"));
      call.sendNotification("notifications/progress", params);
    }
  }

  private static JsonObject text(String text) {
    var content = json("{'type': 'text'}");
    content.addProperty("text", text);
    var list = new JsonArray();
    list.add(content);
    var result = new JsonObject();
    result.add("content", list);
    return result;
  }

  /** The work of a tool. */
  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new Rpc.CancelledException();
    }
  }
}
