package dev.tidings.interop.mcp;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.function.Supplier;

/** Messages of JSON-RPC. */
final class Rpc {
  static final List<String> VERSIONS = List.of("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05");

  private Rpc() {}

  /** The client has cancelled the call. */
  static final class CancelledException extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /** The request cannot be answered. */
  static final class RpcException extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int code;

    RpcException(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  static JsonObject error(JsonElement id, int code, String message) {
    var error = new JsonObject();
    error.addProperty("code", code);
    error.addProperty("message", message);
    return message(id, "error", error);
  }

  private static JsonObject message(JsonElement id, String member, JsonObject value) {
    var message = new JsonObject();
    message.addProperty("jsonrpc", "2.0");
    message.add("id", id);
    message.add(member, value);
    return message;
  }

  /** Returns a request or a notification. */
  static JsonObject message(String method, JsonObject params) {
    var message = new JsonObject();
    message.addProperty("jsonrpc", "2.0");
    message.addProperty("method", method);
    message.add("params", params);
    return message;
  }

  /** Returns the answer to a request. */
  static JsonObject answer(JsonObject request, Supplier<JsonObject> result) {
    var id = request.get("id");
    try {
      return message(id, "result", result.get());
    } catch (RpcException e) {
      return error(id, e.code, e.getMessage());
    }
  }

  /** Returns a text member, empty if there is none. */
  static String text(JsonObject object, String name) {
    return object != null && object.has(name) ? object.get(name).getAsString() : "";
  }
}
