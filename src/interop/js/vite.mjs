// Vite's development server with a page, which forwards /events to the server under test:
// node vite.mjs FOLDER PORT UPSTREAM [change-origin]
import { createServer } from 'vite';

const [root, port, target, changeOrigin] = process.argv.slice(2);
const vite = await createServer({
  root,
  configFile: false,
  logLevel: 'warn',
  server: {
    host: '127.0.0.1',
    port: Number(port),
    strictPort: true,
    hmr: false,
    proxy: { '/events': { target, changeOrigin: changeOrigin === 'change-origin' } },
  },
});
await vite.listen();
console.log('listens');
