// Starts a headless browser without background traffic, which accepts the self-signed certificates of the tests. The
// name foreign.test resolves to the loopback address, like the name of a site that uses DNS rebinding.
import puppeteer from 'puppeteer-core';

const CHROMIUM = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-background-timer-throttling',
  '--disable-component-update',
  '--disable-sync',
  '--ignore-certificate-errors',
  '--host-resolver-rules=MAP foreign.test 127.0.0.1',
];

export const launch = (browser, executablePath) => puppeteer.launch({
  browser,
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
  args: browser === 'chrome' ? CHROMIUM : [],
  extraPrefsFirefox: { 'network.dns.localDomains': 'foreign.test' },
});
