// Calls tools with the SDK of the Model Context Protocol: node mcp.mjs URL TO [CLOSE_AT]
// It prints its progress and the result, one line of JSON each, and ends the session.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, to, closeAt] = process.argv.slice(2);
const print = value => console.log(JSON.stringify(value));

const transport = new StreamableHTTPClientTransport(new URL(url), {
  reconnectionOptions: { initialReconnectionDelay: 100, maxReconnectionDelay: 1000, reconnectionDelayGrowFactor: 2, maxRetries: 5 },
});
const client = new Client({ name: 'interop', version: '1' });
client.onerror = () => {}; // also after a lost connection that is resumed
await client.connect(transport);
const { tools } = await client.listTools();
print({ session: transport.sessionId, version: transport.protocolVersion, tools: tools.length });
const counted = await client.callTool(
  { name: 'count', arguments: { to: Number(to), ...(closeAt && { closeAt: Number(closeAt) }) } },
  undefined,
  { timeout: 20000, onprogress: ({ progress }) => print({ progress }) },
);
print({ result: counted.content[0].text });
await transport.terminateSession();
await client.close();
