// Opens ten EventSources in each of these pages, and prints for each the protocol, how many of the ten have
// opened, and how many when one was closed.
import { launch } from './launch.mjs';

const [executablePath, ...pages] = process.argv.slice(2);

const openTen = async () => {
  for (let i = 0; i < 4; i++) { // Apache httpd begins with six of a connection, and doubles that with such
    await (await fetch('/events/page')).text();
    await new Promise(resolve => setTimeout(resolve, 300));
  }
  const QUIET = 1500; // for so long no further one has opened
  const sources = Array.from({ length: 10 }, () => new EventSource('/events?name=' + crypto.randomUUID()));
  let opened = 0;
  let last = performance.now();
  sources.forEach(source => source.addEventListener('open', () => {
    opened++;
    last = performance.now();
  }));
  const settled = () => new Promise(resolve => {
    last = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - last > QUIET) {
        clearInterval(timer);
        resolve(opened);
      }
    }, 100);
  });
  const first = await settled();
  sources.find(source => source.readyState === EventSource.OPEN)?.close();
  const then = await settled();
  sources.forEach(source => source.close());
  const [navigation] = performance.getEntriesByType('navigation');
  return { protocol: navigation.nextHopProtocol, first, then };
};

const browser = await launch('chrome', executablePath);
try {
  console.log(JSON.stringify({ version: await browser.version() }));
  for (const result of await Promise.all(pages.map(async page => {
    const tab = await browser.newPage();
    await tab.goto(page);
    return tab.evaluate(openTen);
  }))) {
    console.log(JSON.stringify(result));
  }
} finally {
  await browser.close();
}
