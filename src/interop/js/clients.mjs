// One client of the scenarios: node clients.mjs NAME URL [slow]
// It prints its messages, one line of JSON each, and closes its client when it reads the line "close".
// It exits when the client has released all its resources.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { EventSource as NpmEventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import { EventSource as UndiciEventSource } from 'undici';

const [name, url, pace] = process.argv.slice(2);
const version = createRequire(import.meta.url)(`${name}/package.json`).version;
const TYPES = ['message', 'named', 'last'];

// Each function opens a stream, calls got for each message and over at the end, and returns a function that closes it.
const clients = {
  eventsource: () => standard(NpmEventSource),
  undici: () => standard(UndiciEventSource),
  'eventsource-client': () => {
    const source = createEventSource({
      url,
      onMessage: ({ event, data, id }) => got({ type: event ?? 'message', data, lastEventId: id ?? '' }),
      onDisconnect: () => setImmediate(() => source.readyState === 'closed' && over()),
    });
    return () => source.close();
  },
};

function standard(EventSource) {
  const source = new EventSource(url);
  for (const type of TYPES) {
    source.addEventListener(type, ({ data, lastEventId }) => got({ type, data, lastEventId }));
  }
  source.addEventListener('error', () => setImmediate(() => source.readyState === source.CLOSED && over()));
  return () => source.close();
}

let count = 0;

function got(message) {
  print({ message });
  if (pace === 'slow' && count++ < 40) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50); // nothing is read meanwhile
  }
}

function over() {
  print({ over: true });
}

// Prints ASCII only, so that the locale does not matter.
function print(value) {
  const text = JSON.stringify(value).replace(/[^ -~]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
  process.stdout.write(text + '\n');
}

print({ version });
const close = clients[name]();
createInterface({ input: process.stdin }).once('line', () => {
  close();
  process.stdin.destroy();
});
