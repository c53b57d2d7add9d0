// One stream for all tabs of a page. Over HTTP/1.1 a browser opens six connections to a server, so if each tab has a
// stream, the seventh tab does not load. This file is a script of the page, and of a SharedWorker that has the stream:
//
//   const events = new SharedEvents("/events", { names: ["news"], silence: 12_000, recent: 50 });
//   events.addEventListener("news", event => …event.data, event.lastEventId…);
//   events.addEventListener("gap", event => …);         // as a Channel reports it
//   events.addEventListener("connection", event => …);  // event.data is "connecting", "open", "completed" or "failed"
//
// names: the events to receive, besides "message" and "gap". silence: after so many milliseconds without an event, the
// stream is opened again; the server must send pings as events named "ping" more often. recent: how many events are kept
// for tabs that open later. A page that the browser kept for the Back button continues after the last id that it received.
// Tabs with the same URL and options share a stream.
//
// Browsers have Web Locks, which this needs, only on pages from https or localhost.

if (self.SharedWorkerGlobalScope) {
  const ports = new Set();
  const { url, names, silence, recent } = JSON.parse(self.name);
  const kept = [];
  let source, silent, retry, lastEventId = "", failures = 0, state = "connecting";

  const tell = message => ports.forEach(port => port.postMessage(message));
  const become = next => { if (state !== next) tell({ type: "connection", data: state = next }); };

  function open() {
    close();
    const to = new URL(url, location);
    if (lastEventId) to.searchParams.set("lastEventId", lastEventId);
    source = new EventSource(to);
    source.onopen = () => { failures = 0; become("open"); listen(); };
    source.onerror = () => {
      become("connecting");
      if (source.readyState === EventSource.CLOSED) again();  // as after a 502; otherwise it reconnects itself
    };
    for (const name of new Set(["message", "gap", "ping", "tidings:position", "tidings:completed", ...names])) {
      source.addEventListener(name, take);
    }
    listen();
  }
  function listen() {
    clearTimeout(silent);
    silent = setTimeout(() => { become("connecting"); again(); }, silence);
  }
  function close() {
    source?.close();
    clearTimeout(silent);
    clearTimeout(retry);
  }
  function again() {
    close();
    retry = setTimeout(open, Math.min(30_000, 500 * 2 ** failures++) * (0.5 + Math.random() / 2));
  }
  function take({ type, data, lastEventId: id }) {
    listen();
    if (id) lastEventId = id;  // events before the first one with an id have none
    if (type === "tidings:completed") {  // the server sends no more events
      close();
      become("completed");
    } else if (type !== "ping" && type !== "tidings:position") {
      kept.push({ type, data, id });
      if (kept.length > recent) kept.shift();
      tell({ type, data, id });
    }
  }
  function leave(port) {
    ports.delete(port);
    if (ports.size === 0 && state !== "completed") { close(); state = "connecting"; }
  }
  self.onconnect = ({ ports: [port] }) => {
    port.onmessage = ({ data: { lock, after } }) => {
      ports.add(port);
      port.postMessage({ type: "connection", data: state });
      kept.slice(kept.findIndex(event => after && event.id === after) + 1).forEach(event => port.postMessage(event));
      lastEventId ||= after;  // of a page that was kept for longer than this worker has lived
      if (ports.size === 1 && state !== "completed") open();
      // A port has no event for its end. So the tab holds this lock, which the browser releases however the tab ends.
      navigator.locks.request(lock, () => leave(port));
    };
  };
} else {
  self.SharedEvents = class extends EventTarget {
    #options;
    #closed = false;
    #lastEventId = "";
    #leave = () => {};

    constructor(url, { names = [], silence = 40_000, recent = 0 } = {}) {
      super();
      this.#options = JSON.stringify({ url: new URL(url, location).href, names, silence, recent });
      this.#join();
      // While a page is kept for the Back button, it receives nothing.
      addEventListener("pagehide", () => this.#leave());
      addEventListener("pageshow", event => event.persisted && !this.#closed && this.#join());
    }
    #join() {
      const worker = new SharedWorker(SharedEvents.script, { name: this.#options });
      const { port } = worker;
      const dispatch = ({ type, data, id = "" }) => {
        this.#lastEventId = id || this.#lastEventId;
        this.dispatchEvent(new MessageEvent(type, { data, lastEventId: id }));
      };
      port.onmessage = message => dispatch(message.data);
      worker.onerror = () => dispatch({ type: "connection", data: "failed" });  // no script at this address
      const lock = crypto.randomUUID();
      const left = new Promise(resolve => this.#leave = () => {
        port.close();  // first, so that a lock that is granted later is not announced
        resolve();
      });
      navigator.locks.request(lock, () => {
        port.postMessage({ lock, after: this.#lastEventId });
        return left;
      });
    }
    /** Stops receiving events. The stream is closed with the last tab. */
    close() {
      this.#closed = true;
      this.#leave();
    }
  };
  SharedEvents.script = document.currentScript.src;
}
