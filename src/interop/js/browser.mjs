// Drives one browser for the tests: node browser.mjs chrome|firefox EXECUTABLE
// The input has commands, one line of JSON each: {call, tab, method, args}, where the method is one of Puppeteer's Page
// or of act below. Each result is printed when it is known, as {call, value} or {call, error}. Texts that a page logs by
// console.debug('tell …') are printed in order, as {tab, told}; errors and warnings of the page and the browser, as
// {tab, complaint}. The browser is closed at the end of the input.
import { createInterface } from 'node:readline';
import { launch } from './launch.mjs';

const [browserName, executablePath] = process.argv.slice(2);
const browser = await launch(browserName, executablePath);
const tabs = new Map();

// Prints ASCII only, so that the locale does not matter.
function print(value) {
  const text = JSON.stringify(value).replace(/[^ -~]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
  process.stdout.write(text + '\n');
}

async function open(tab) {
  const page = await browser.newPage();
  tabs.set(tab, page);
  page.setDefaultTimeout(20_000);
  const complain = complaint => print({ tab, complaint });
  page.on('console', message => {
    const text = message.text();
    if (text.startsWith('tell ')) {
      print({ tab, told: text.slice(5) });
    } else if (['error', 'warn', 'assert'].includes(message.type())) {
      complain('console: ' + text);
    }
  });
  page.on('pageerror', error => complain('error: ' + (error?.message ?? error)));
  page.on('requestfailed', request => complain('failed: ' + request.url() + ' ' + request.failure()?.errorText));
  page.on('response', response => response.status() >= 400 && complain(response.status() + ': ' + response.url()));
}

// Not waitForFunction, which a page's Content-Security-Policy forbids.
async function until(page, condition) {
  // A navigation ends the evaluation in the old page.
  const holds = () => page.evaluate(condition).catch(error => {
    if (!/context was destroyed|Cannot find context|navigation|detached|no such frame/i.test(error.message)) {
      throw error;
    }
  });
  for (const end = performance.now() + 20_000; !await holds();) {
    if (performance.now() > end) {
      throw new Error('the condition did not become true');
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

async function fill(page, selector, text) {
  await page.$eval(selector, field => field.select());
  await page.focus(selector);
  await page.keyboard.press('Backspace');
  await page.type(selector, text);
}

async function act({ tab, method, args }) {
  if (method === 'open') {
    return open(tab);
  }
  const own = { until, fill }[method];
  if (own) {
    return own(tabs.get(tab), ...args);
  }
  const value = await tabs.get(tab)[method](...args);
  return method === 'evaluate' ? value : null; // the results of other methods are useful only in this process
}

async function run(command) {
  try {
    print({ call: command.call, value: (await act(command)) ?? null });
  } catch (e) {
    print({ call: command.call, error: e.message });
  }
}

print({ version: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  run(JSON.parse(line)); // not awaited: some commands wait for the effects of others
}
await browser.close();
