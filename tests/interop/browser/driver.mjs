// Chromium for the tests, driven by lines of JSON on standard input, one answer line for each.
// node driver.mjs MODULES CHROMIUM   (MODULES: the directory with node_modules)

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const [modules, chromium] = process.argv.slice(2);
const require = createRequire(join(modules, 'package.json'));
const browser = await require('playwright-core').chromium.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--autoplay-policy=no-user-gesture-required',
    // Calls stay on this machine, and mDNS has nobody to ask here.
    '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns'],
});
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const pages = new Map();

const actions = {
  async open({ page, url }) {
    const opened = await context.newPage();
    pages.set(page, { opened, said: [] });
    opened.on('console', (line) => pages.get(page).said.push(line.text()));
    opened.on('pageerror', (error) => pages.get(page).said.push(`error: ${error}`));
    await opened.goto(url);
  },
  async run({ page, code }) { return pages.get(page).opened.evaluate(code); },
  async said({ page }) { return pages.get(page).said; },
  async reload({ page }) { await pages.get(page).opened.reload(); },
  async crash({ page }) { await pages.get(page).opened.goto('chrome://crash').catch(() => {}); },
  async close({ page }) { await pages.get(page).opened.close(); },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await actions[command.do](command)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
