// What the page shows of a deployment.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {visit} from './lib/browser.mjs';
import {host, hostileName, ioError, room, stats, torrent} from './lib/deployment.mjs';

const rowOf = async (visited, name) => (await visited.rows()).find(([first]) => first.startsWith(name));
const text = (visited, selector) => visited.page.locator(selector).innerText();

test('a row says host, target, state, progress, rates, time left and error', async (t) => {
  const visited = await visit(t, room());
  assert.deepEqual(await rowOf(visited, 'lab-02'), [
    'lab-02 10.0.0.2', '/dev/nvme0n1p2 Samsung SSD 980 500GB · S64DNX0R100002', 'leeching', '67 %', '↓ 113 MB/s↑ 100 MB/s',
    '3 min 27 s', '']);
  assert.equal((await visited.rows()).length, 34);
});

test('the sentence on top, the totals and the title tell how far the deployment is', async (t) => {
  const visited = await visit(t, room());
  assert.equal(await text(visited, 'h1'), `7 of 34 done, lab-07 failed: ${ioError}`);
  assert.equal(await text(visited, '#total-done'), '7 of 34');
  assert.equal(await text(visited, '#total-expected'), '1 host not seen yet');
  assert.equal(await text(visited, '#total-rate'), '2.13 GB/s');
  assert.equal(await text(visited, '#total-eta'), '4 min 20 s');
  assert.match(await visited.page.title(), /^7\/34 done, 1 failed, 1 lost/);
  const curve = await visited.page.locator('#curve svg').getAttribute('aria-label');
  assert.match(curve, /^Rate of the last 9 min 58 s: .* now, .* at most$/);
});

test('a failed host stands first, with its reason', async (t) => {
  const visited = await visit(t, room());
  const [first] = await visited.rows();
  assert.equal(first[0], 'lab-07 10.0.0.7');
  assert.equal(first[2], 'failed');
  assert.equal(first[6], ioError);
});

test('a lost host is shown with its last state, and since when it is silent', async (t) => {
  const visited = await visit(t, room());
  const row = await rowOf(visited, 'lab-12');
  assert.equal(row[2], 'lost was leeching');
  assert.equal(row[6], 'silent since 15:15:40');
});

test('a verifying host tells how much it has read back, a done one when it was done', async (t) => {
  const visited = await visit(t, room());
  assert.equal((await rowOf(visited, 'lab-17'))[2], 'verifying 43 %');
  assert.equal((await rowOf(visited, 'lab-04'))[5], 'at 15:16:30');
});

test('a host at its last works has everything, read back', async (t) => {
  const visited = await visit(t, room());
  const row = await rowOf(visited, 'lab-23');
  assert.equal(row[2], 'finishing');
  assert.match(row[3], /100 %/);
  const track = visited.page.locator('tr.host', {hasText: 'lab-23'}).locator('.track');
  assert.equal(await track.evaluate((one) => one.style.getPropertyValue('--verified')), '100%');
});

test('a client that reports nothing is known by its address and its announces', async (t) => {
  const visited = await visit(t, room());
  assert.deepEqual((await rowOf(visited, '10.0.0.21')).slice(0, 3), ['10.0.0.21', 'announces only', 'leeching']);
});

test('several targets of a host are rows of it', async (t) => {
  const visited = await visit(t, room());
  assert.equal((await rowOf(visited, 'lab-22'))[1], '3 targets');
  const targets = await visited.page.$$eval('tr.one-target', (rows) => (
    rows.map((row) => [row.dataset.state, row.innerText.replace(/\s+/g, ' ').trim()])));
  assert.deepEqual(targets.map(([state]) => state), ['leeching', 'leeching', 'failed']);
  assert.match(targets[2][1], /^lab-22 \/dev\/sdc WDC WD5000 · WD-C1 failed No space left on device$/);
  const before = await visited.page.$eval('tr.one-target', (row) => (
    row.previousElementSibling.querySelector('button').textContent));
  assert.equal(before, 'lab-22');
});

test('what strangers wrote is text and not markup, wherever it stands', async (t) => {
  const stranger = room();
  stranger.summary = hostileName;
  stranger.version = hostileName;
  stranger.torrents[0].name = hostileName;
  const second = torrent('second', [host(1, hostileName, {last_state: hostileName})]);
  stranger.torrents.push(second);
  const visited = await visit(t, stranger);
  const {page} = visited;
  for (const button of await page.locator('.name button').all()) await button.click();
  await visited.settle();
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.locator('script').count(), 1);
  assert.match(await page.title(), /^7\/35 done/);
  assert.equal(await text(visited, 'h1'), hostileName);
  assert.equal(await page.locator('.torrent h2').first().textContent(), hostileName);
  assert.ok((await visited.names()).includes(hostileName));
  const states = await page.$$eval('[data-state]', (all) => all.map((one) => one.dataset.state));
  assert.deepEqual(states.filter((state) => !/^[a-z]+$/.test(state)), []);
});

test('marks that turn the direction of writing are made visible', async (t) => {
  const odd = host(1, 'failed', {name: 'lab\u202e10-bal', error: 'a\u0000b\nc'});
  const visited = await visit(t, stats([torrent('lab', [odd])], 'x'));
  const [[name, , , , , , error]] = await visited.rows();
  assert.equal(name, 'lab\ufffd10-bal 10.0.0.1');
  assert.equal(error, 'a\ufffdb\ufffdc');
});

test('torrents are groups with a card and a heading each', async (t) => {
  const hosts = room().torrents[0].hosts;
  const torrents = [torrent('sda1', hosts.slice(0, 6)), torrent('sda2', hosts.slice(3, 5))];
  const visited = await visit(t, stats(torrents, 'two'));
  assert.deepEqual(await visited.page.locator('.torrent h2').allTextContents(), ['sda1', 'sda2']);
  const headings = await visited.page.$$eval('tr.group:not([hidden])', (rows) => rows.map((row) => row.textContent.trim()));
  assert.deepEqual(headings, ['sda1 6 hosts', 'sda2 2 hosts']);
  assert.equal(await visited.page.locator('tbody').nth(1).locator('tr.host').count(), 2);
});

test('the map tells in words where pieces are rare', async (t) => {
  const without = (missing) => Uint8Array.from({length: 64}, (_, part) => part === missing ? 100 : 255);
  const lacks = (index, part) => host(index, 'leeching', {map: Buffer.from(without(part)).toString('base64url')});
  const hosts = [host(0, 'seeding'), lacks(1, 32), lacks(2, 32), lacks(3, 40)];
  const visited = await visit(t, stats([torrent('lab', hosts)], 'x'));
  assert.equal(await text(visited, '.map .says'), 'Rarest part: 50 % to 51 % of the image, whole on 1 of 3 hosts.');
  const canvas = visited.page.locator('.map canvas');
  assert.match(await canvas.getAttribute('aria-label'), /Rarest part: 50 % to 51 %/);
  const box = await canvas.boundingBox();
  await visited.page.mouse.move(box.x + box.width * 40.5 / 64, box.y + 2.5 * 14);
  assert.equal(await text(visited, '.map .says'), 'lab-03: 39 % of the part at 62 % of the image');
});

test('a click on a host shows all there is to know about it', async (t) => {
  const visited = await visit(t, room());
  const button = visited.page.getByRole('button', {name: 'lab-02', exact: true});
  await button.click();
  assert.equal(await button.getAttribute('aria-expanded'), 'true');
  const details = (await text(visited, 'tr.details')).replace(/\s+/g, ' ');
  assert.match(details, /Pieces 2144 of 3200: 2144 fetched/);
  assert.match(details, /Target \/dev\/nvme0n1p2 · Samsung SSD 980 500GB · S64DNX0R100002/);
  await button.click();
  assert.equal(await visited.page.locator('tr.details').count(), 0);
});

test('without a host the page says what it waits for', async (t) => {
  const visited = await visit(t, stats([], ''));
  assert.equal(await text(visited, 'h1'), 'No host yet. Waiting for the first announce.');
  assert.equal(await text(visited, '#nobody'), 'Hosts appear here when they announce.');
});

test('without scripts there is a table', async (t) => {
  const visited = await visit(t, room(), {scripts: false});
  const {page} = visited;
  assert.equal(await page.locator('h1').textContent(), room().summary);
  assert.equal(await page.locator('tbody tr').count(), 34);
  const headings = await page.locator('thead th').allTextContents();
  assert.deepEqual(headings, ['Host', 'Target', 'State', 'Progress', 'Rate', 'Error']);
  assert.equal(await page.locator('img').count(), 0);
  assert.equal(await page.locator('#filter').isVisible(), false);
  await visited.screenshot('no-scripts');
});
