// Reads a live stream with eventsource-parser: node parser.mjs URL SEED
// The response is cut into random slices, also within characters. The parser's callbacks are printed in order,
// one line of JSON each; the last line has the numbers of bytes and slices.
import { get } from 'node:http';
import { createParser } from 'eventsource-parser';

const [url, seed] = process.argv.slice(2);
const random = generator(Number(seed));
const decoder = new TextDecoder();
const parser = createParser({
  onEvent: ({ event, id, data }) => print(['event', event ?? null, id ?? null, data]),
  onComment: text => print(['comment', text]),
  onRetry: millis => print(['retry', millis]),
  onError: ({ type, field, value }) => print([type, field ?? null, value ?? null]),
});
let bytes = 0;
let slices = 0;

get(url, response => {
  response.on('data', chunk => {
    bytes += chunk.length;
    for (let start = 0; start < chunk.length; slices++) {
      const end = start + size();
      parser.feed(decoder.decode(chunk.subarray(start, end), { stream: true }));
      start = end;
    }
  });
  response.on('end', () => {
    parser.feed(decoder.decode());
    print(['end', bytes, slices]);
  });
});

// Mostly short slices, which often end within a character or a line break; a few hold many events.
function size() {
  const kind = random();
  return 1 + Math.floor(random() * (kind < 0.3 ? 3 : kind < 0.95 ? 100 : 10_000));
}

// A linear congruential generator, with the constants of Numerical Recipes.
function generator(state) {
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// Prints ASCII only, so that the locale does not matter.
function print(value) {
  const text = JSON.stringify(value).replace(/[^ -~]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
  process.stdout.write(text + '\n');
}
