// Chromium, a tracker that is made up, and a page of it.

import assert from 'node:assert/strict';
import {mkdirSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {after, before} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';

import {began} from './deployment.mjs';
import {MockTracker} from './mock_tracker.mjs';

const directory = process.env.EZIO_WEB_DIR;
const require = createRequire(path.join(directory, 'package.json'));
const {chromium} = require('playwright-core');
export const axePath = require.resolve('axe-core/axe.min.js');

export const sizes = {wide: {width: 1440, height: 1000}, phone: {width: 390, height: 844}};
const trackerTimeMs = (began + 600) * 1000;

const patienceMs = 120_000;  // machines are shared

// Runs in the page before its own scripts: notes the last event that they were given.
function noteEvents() {
  const Plain = EventSource;
  window.EventSource = class extends Plain {
    constructor(...how) {
      super(...how);
      for (const name of ['stats', 'hosts']) {
        super.addEventListener(name, (event) => { window.heardEvent = Number(event.lastEventId); });
      }
    }
  };
}

let browser;
before(async () => {
  // Tests run as root, which Chromium's own sandbox does not want; the pages are ours.
  const args = ['--no-sandbox', '--disable-dev-shm-usage'];
  browser = await chromium.launch({executablePath: '/usr/bin/chromium', args});
});
after(() => browser?.close());

export class Visit {
  #faults = new Set();

  constructor(tracker, context, page) {
    Object.assign(this, {tracker, context, page});
    page.on('pageerror', (error) => this.#faults.add(String(error)));
    page.on('console', (message) => this.#hear(message));
  }

  // What the console may say: `expected` matches it.
  expects(expected) {
    this.expected = expected;
  }

  #hear(message) {
    if (!['error', 'warning'].includes(message.type()) || this.expected?.test(message.text())) return;
    this.#faults.add(message.text());
  }

  get faults() {
    return [...this.#faults];
  }

  // The text of every cell of the hosts that are shown: [[host, target, state, …], …].
  rows() {
    return this.page.$$eval('.live tr.host:not([hidden])', (rows) => (
      rows.map((row) => Array.from(row.children, (cell) => cell.textContent.replace(/\s+/g, ' ').trim()))));
  }

  // The names of the hosts that are shown, from top to bottom.
  names() {
    return this.page.$$eval('.live tr.host:not([hidden]) .name button', (all) => all.map((button) => button.textContent));
  }

  // Waits until the page has heard what the tracker told before, and frames have shown it.
  async settle() {
    const told = this.tracker.streams > 0 ? this.tracker.lastEvent : 0;
    while (await this.page.evaluate(() => window.heardEvent ?? 0) < told) await sleep(10);
    await this.page.evaluate(async () => {
      for (let frame = 0; frame < 2; ++frame) await new Promise((resolve) => requestAnimationFrame(resolve));
    });
  }

  async tell(change) {
    this.tracker.tell(change);
    await this.settle();
  }

  screenshot(name) {
    const folder = path.join(directory, 'screenshots');
    mkdirSync(folder, {recursive: true});
    return this.page.screenshot({path: path.join(folder, `${name}.png`)});
  }
}

// Opens the page of a tracker that tells `stats`; as openPage does.
export async function visit(t, stats, options = {}) {
  return openPage(t, await MockTracker.start(stats), options);
}

// Opens the page of a tracker. Everything is closed when test `t` is over, which fails if the page complained of
// anything, a breach of its policy included.
//
//   before     called with the visit before the page is opened
//   live       whether to wait until the script has taken over
//   time       'date': only the date is made up; 'fake': timers run when the test says so (page.clock); 'real'
export async function openPage(t, tracker, options = {}) {
  const {scheme = 'light', size = 'wide', hash = '', scripts = true, time = 'date', live = scripts, before: prepare, ...more} = options;
  const context = await browser.newContext({
    viewport: sizes[size], colorScheme: scheme, javaScriptEnabled: scripts, timezoneId: 'UTC', ...more});
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  await page.addInitScript(noteEvents);
  const visited = new Visit(tracker, context, page);
  t.after(async () => {
    await context.close();
    await tracker.stop();
    assert.deepEqual(visited.faults, []);
  });
  if (time === 'fake') await page.clock.install({time: trackerTimeMs});
  if (time === 'date') await page.clock.setFixedTime(trackerTimeMs);
  await prepare?.(visited);
  await page.goto(tracker.url + hash);
  if (live) {
    await page.waitForSelector('table.live');
    if (time !== 'fake') await visited.settle();
  }
  return visited;
}
