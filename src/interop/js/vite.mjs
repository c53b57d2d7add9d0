// Vite's development server in front of a server: node vite.mjs FOLDER PORT [change-origin] [cured]
// It serves the page in FOLDER, forwards /events to PORT, prints its own port, and exits at the end of its input.
// With "cured", the entry of server.proxy has the `configure` of the README.
import { createServer } from 'vite';

const [root, port, ...options] = process.argv.slice(2);

// As in the README.
const configure = proxy => {
  proxy.on('proxyRes', (upstream, request, response) => upstream.on('error', () => response.destroy()));
};

const vite = await createServer({
  root,
  configFile: false,
  logLevel: 'silent', // the server is killed on purpose
  optimizeDeps: { noDiscovery: true },
  server: {
    host: '127.0.0.1',
    port: 0,
    hmr: false,
    watch: null,
    proxy: {
      '/events': {
        target: 'http://127.0.0.1:' + port,
        changeOrigin: options.includes('change-origin'),
        ...(options.includes('cured') ? { configure } : {}),
      },
    },
  },
});
await vite.listen();
console.log('port ' + vite.httpServer.address().port);
process.stdin.resume().once('end', () => process.exit());
