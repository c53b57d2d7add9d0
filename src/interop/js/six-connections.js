// Opens ten EventSources in each of these pages. For each page, prints the protocol, the number of the ten that
// have opened, and their number after one was closed.
import { launch } from './launch.mjs';

const [executablePath, ...pages] = process.argv.slice(2);

const openTen = async () => {
  for (let i = 0; i < 4; i++) { // Apache httpd starts with six concurrent requests per connection; finished requests double that
    await (await fetch('/events/page')).text();
    await new Promise(resolve => setTimeout(resolve, 300));
  }
  const QUIET = 1500; // ms without another open event
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
