// A server of better-sse with the paths that Foreign describes: node better-sse.mjs PORT
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventBuffer, createSession } from 'better-sse';

let visits = 0;
let busy = 0;

// A block of text: the package writes a value as one line, so the lines of a text are fields of their own.
function block(session, text, { name, id, comment } = {}) {
  const buffer = createEventBuffer({ serializer: line => ' ' + line });
  if (comment) buffer.comment(comment);
  if (name) buffer.event(name);
  if (id) buffer.id(id);
  text.split('\n').forEach(line => buffer.data(line));
  return session.batch(buffer.dispatch());
}

const paths = {
  async '/receive'(request, response) {
    visits++;
    const session = await createSession(request, response, { keepAlive: 50 });
    block(session, 'plain');
    block(session, 'one\ntwo\n\nfour');
    block(session, 'with a name', { name: 'named' });
    block(session, 'Grüße, 世界, 🎈');
    block(session, ': a colon');
    block(session, 'with an id', { id: 'id 1', comment: 'nobody sees this' });
    block(session, ' a leading space');
    block(session, 'x'.repeat(1_000_000));
    block(session, 'that is all', { name: 'last' });
  },
  '/visits'(request, response) {
    response.end(String(visits));
  },
  async '/count'(request, response) {
    let number = Number(request.headers['last-event-id'] ?? 0);
    if (number >= 100) {
      response.writeHead(204).end();
      return;
    }
    const session = await createSession(request, response, { retry: 100 });
    do {
      number++;
      session.push('number ' + number, 'message', String(number));
      await sleep(5);
    } while (number % 25 !== 0 && session.isConnected);
    response.end();
  },
  async '/fail'(request, response) {
    if (request.headers['last-event-id']) {
      response.writeHead(204).end();
      return;
    }
    const session = await createSession(request, response, { retry: 100 });
    session.push('before', 'message', '1');
    await sleep(5);
    response.destroy();
  },
  async '/say'(request, response) {
    const session = await createSession(request, response);
    let text = '';
    for await (const chunk of request) text += chunk;
    for (const line of text.split('\n')) block(session, line);
    response.end();
  },
  async '/lines'(request, response) {
    const session = await createSession(request, response, { serializer: text => text });
    session.push('one\ntwo');
    response.end();
  },
  async '/busy'(request, response) {
    if (busy++ === 1) {
      response.writeHead(503, { 'Retry-After': '1' }).end();
      return;
    }
    const session = await createSession(request, response, { retry: 10 });
    block(session, 'not busy');
    response.end();
  },
};

const server = createServer((request, response) => {
  const path = paths[request.url];
  return path ? path(request, response) : response.writeHead(404, { 'Content-Type': 'text/plain' }).end('nothing here');
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listens'));
