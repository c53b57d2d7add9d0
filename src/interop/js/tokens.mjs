// Asks for tokens with the SDK of a vendor: node tokens.mjs openai|anthropic URL raw|helper|plain|cancel PROMPT
// It prints {tokens, whole, error}, one line of JSON. No connection leaves this machine.
import { Socket } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const [vendor, url, way, prompt] = process.argv.slice(2);
const CANCEL_AFTER = 3;

const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const [{ host }] = [args[0]].flat();
  if (host !== '127.0.0.1') {
    throw new Error('a connection to ' + host);
  }
  return connect.apply(this, args);
};

const messages = [{ role: 'user', content: prompt }];
const tokens = [];

// For each way, a function that adds to the tokens, and returns the whole text.
const vendors = {
  openai() {
    const { completions } = new OpenAI({ baseURL: url + 'v1', apiKey: 'none', maxRetries: 0 }).chat;
    const request = { model: 'echo', messages };
    return {
      raw: async () => {
        for await (const { choices } of await completions.create({ ...request, stream: true })) {
          tokens.push(...choices.map(({ delta }) => delta.content).filter(Boolean));
        }
      },
      helper: async () => {
        const stream = completions.stream(request).on('content', token => token && tokens.push(token));
        return (await stream.finalChatCompletion()).choices[0].message.content;
      },
      plain: async () => (await completions.create(request)).choices[0].message.content,
      cancel: async () => {
        for await (const { choices } of await completions.create({ ...request, stream: true })) {
          tokens.push(...choices.map(({ delta }) => delta.content).filter(Boolean));
          if (tokens.length === CANCEL_AFTER) {
            break;
          }
        }
      },
    };
  },
  anthropic() {
    const api = new Anthropic({ baseURL: url.slice(0, -1), apiKey: 'none', maxRetries: 0 }).messages;
    const request = { model: 'echo', max_tokens: 100, messages };
    const text = event => event.type === 'content_block_delta' && tokens.push(event.delta.text);
    return {
      raw: async () => {
        for await (const event of await api.create({ ...request, stream: true })) {
          text(event);
        }
      },
      helper: async () => api.stream(request).on('text', token => tokens.push(token)).finalText(),
      plain: async () => (await api.create(request)).content[0].text,
      cancel: async () => {
        for await (const event of await api.create({ ...request, stream: true })) {
          text(event);
          if (tokens.length === CANCEL_AFTER) {
            break;
          }
        }
      },
    };
  },
};

let whole = null;
let error = null;
try {
  whole = (await vendors[vendor]()[way]()) ?? null;
} catch (e) {
  error = `${e.constructor.name} ${e.status ?? ''} ${e.message}`;
}
console.log(JSON.stringify({ tokens, whole, error }));
