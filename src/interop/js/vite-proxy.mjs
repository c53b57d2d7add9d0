// Vite's development server in front of a server: node vite-proxy.mjs PORT plain|cured
// It forwards /events, with its defaults or with the cure of the README, prints its port, and exits at the end of its input.
import { createServer } from 'vite';

const [port, mode] = process.argv.slice(2);

// The cure, as in the README.
const configure = proxy => {
  proxy.on('proxyRes', (upstream, request, response) => upstream.on('error', () => response.destroy()));
};

const server = await createServer({
  configFile: false,
  root: 'js',
  logLevel: 'silent',
  optimizeDeps: { noDiscovery: true },
  server: {
    host: '127.0.0.1',
    port: 0,
    hmr: false,
    watch: null,
    proxy: { '/events': { target: 'http://127.0.0.1:' + port, ...(mode === 'cured' ? { configure } : {}) } },
  },
});
await server.listen();
console.log('port ' + server.httpServer.address().port);
process.stdin.resume().once('end', () => process.exit());
