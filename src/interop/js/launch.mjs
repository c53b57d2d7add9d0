// Starts a headless browser without background traffic, which accepts the self-signed certificates of the tests.
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
];

export const launch = (browser, executablePath) => puppeteer.launch({
  browser,
  executablePath,
  headless: true,
  acceptInsecureCerts: true,
  args: browser === 'chrome' ? CHROMIUM : [],
});
