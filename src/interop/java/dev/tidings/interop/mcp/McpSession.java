package dev.tidings.interop.mcp;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.tidings.Channels;
import dev.tidings.Event;
import dev.tidings.EventSource;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** A session: its channels, the tools that run, and the requests that the client has to answer. */
final class McpSession implements AutoCloseable {
  private final String id;
  private final Channels channels;
  private final Set<String> names = ConcurrentHashMap.newKeySet(); // of its channels
  private final AtomicInteger number = new AtomicInteger();
  private final Map<JsonElement, Call> calls = new ConcurrentHashMap<>(); // by the client's id
  private final Map<String, CompletableFuture<JsonObject>> asked = new ConcurrentHashMap<>(); // by the server's id

  McpSession(String id, Channels channels) {
    this.id = id;
    this.channels = channels;
    names.add(listening());
  }

  String id() {
    return id;
  }

  /** Returns the name of the channel for messages that belong to no call. */
  String listening() {
    return id + "/0";
  }

  /** Returns whether the channel belongs to this session. */
  boolean has(String name) {
    return names.contains(name);
  }

  /** Accepts a notification, or the answer to a request of the server. */
  void accept(JsonObject message) {
    if (Rpc.text(message, "method").equals("notifications/cancelled")) {
      var call = calls.get(message.getAsJsonObject("params").get("requestId"));
      if (call != null) {
        call.thread.interrupt();
      }
    } else if (message.has("id")) {
      var answer = asked.remove(message.get("id").getAsString());
      if (answer != null) {
        answer.complete(message);
      }
    }
  }

  /** Starts the tool of a request. */
  Call begin(JsonObject request) {
    var call = new Call(request, id + "/" + number.incrementAndGet());
    names.add(call.channel);
    calls.put(request.get("id"), call);
    call.thread.start();
    return call;
  }

  /** A tool that runs. */
  final class Call {
    private final JsonObject request;
    private final String channel;
    private final Thread thread = Thread.ofVirtual().name("mcp-call").unstarted(this::run);
    private volatile EventSource stream;

    private Call(JsonObject request, String channel) {
      this.request = request;
      this.channel = channel;
    }

    String channel() {
      return channel;
    }

    /** Sets the stream of the request. */
    void streams(EventSource sse) {
      stream = sse;
    }

    private void run() {
      try {
        publish(Rpc.answer(request, () -> Everything.call(this)));
      } catch (IllegalStateException e) {
        // the session is closed
      } catch (Rpc.CancelledException e) {
        // no answer is sent
      } finally {
        calls.remove(request.get("id"));
        channels.complete(channel);
      }
    }

    JsonObject params() {
      return request.getAsJsonObject("params");
    }

    private void publish(JsonObject message) {
      channels.publish(channel, Event.of(message.toString()));
    }

    void sendNotification(String method, JsonObject params) {
      publish(Rpc.message(method, params));
    }

    /** Sends a request to the client, and returns its result. */
    JsonObject ask(String method, JsonObject params) {
      String key = channel + "#" + asked.size();
      var answer = new CompletableFuture<JsonObject>();
      asked.put(key, answer);
      var message = Rpc.message(method, params);
      message.addProperty("id", key);
      publish(message);
      try {
        return answer.get(20, TimeUnit.SECONDS).getAsJsonObject("result");
      } catch (InterruptedException e) {
        throw new Rpc.CancelledException();
      } catch (ExecutionException | TimeoutException e) {
        throw new IllegalStateException("the client does not answer " + method, e);
      }
    }

    /** Closes the stream, as a server does that does not want to keep it during a long call. */
    void closeStream() {
      stream.close();
    }
  }

  /** Ends all calls and streams. */
  @Override
  public void close() {
    calls.values().forEach(call -> call.thread.interrupt());
    channels.complete(listening());
    names.clear();
  }
}
