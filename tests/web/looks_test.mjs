// What the page looks like, and whether everybody can read it. Keeps screenshots.

import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {test} from 'node:test';

import {axePath, visit} from './lib/browser.mjs';
import {host, hostileName, manyHosts, room, stats, torrent} from './lib/deployment.mjs';

const several = () => stats([
  torrent('sda1', room().torrents[0].hosts),
  torrent('sda2', [host(1), host(2, 'done'), host(3, 'lost')]),
], '8 of 36 done');
const finished = () => stats([torrent('lab', [host(0, 'seeding'), host(1, 'done'), host(2, 'done')])], '2 of 2 done');
const nobody = () => stats([], '');
const deployments = {room: room(), several: several(), finished: finished(), nobody: nobody(), many: manyHosts(60)};

// What axe-core finds, one line each. It is put into the page past its policy, which only the tests may.
async function violations(visited) {
  await visited.page.evaluate(await readFile(axePath, 'utf8'));
  const {violations: found} = await visited.page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));
  const where = (nodes) => nodes.map(({html, failureSummary}) => `${html} ${failureSummary}`).join('; ').slice(0, 600);
  return found.map(({id, nodes}) => `${id}: ${where(nodes)}`);
}

for (const [name, told] of Object.entries(deployments)) {
  for (const scheme of ['light', 'dark']) {
    for (const size of ['wide', 'phone']) {
      test(`axe-core finds nothing: ${name}, ${scheme}, ${size}`, async (t) => {
        const visited = await visit(t, told, {scheme, size});
        assert.deepEqual(await violations(visited), []);
        await visited.screenshot(`${name}-${scheme}-${size}`);
      });
    }
  }
}

for (const scheme of ['light', 'dark']) {
  test(`axe-core finds nothing in use: details, filter, a lost connection, ${scheme}`, async (t) => {
    const visited = await visit(t, room(), {scheme});
    const {page, tracker} = visited;
    visited.expects(/ERR_/);
    for (const index of [0, 2, 4]) await page.locator('.name button').nth(index).click();
    await page.getByRole('button', {name: /^leeching/}).click();
    await tracker.stop();
    await page.locator('#lost-link').waitFor({state: 'visible'});
    assert.deepEqual(await violations(visited), []);
    await visited.screenshot(`in-use-${scheme}`);
    await page.getByRole('searchbox').fill('nobody');
    assert.deepEqual(await violations(visited), []);
  });

  test(`axe-core finds nothing without scripts, ${scheme}`, async (t) => {
    // axe-core is a script itself: the page's own is kept away instead.
    const nothing = {contentType: 'text/javascript', body: ''};
    const before = ({page}) => page.route('**/room.js', (route) => route.fulfill(nothing));
    const visited = await visit(t, room(), {scheme, before, live: false});
    assert.equal(await visited.page.locator('tbody tr').count(), 34);
    assert.deepEqual(await violations(visited), []);
  });
}

test('nothing is wider than a phone, whatever strangers call themselves', async (t) => {
  const long = 'x'.repeat(256);
  const name = long.slice(0, 64);
  const target = {path: `/dev/${long}`, model: name, serial: name, state: 'failed', error: long};
  const told = several();
  told.torrents[0].hosts.push(host(40, 'failed', {
    name, error: long, version: long.slice(0, 32), address: long.slice(0, 45), targets: [target, target]}));
  told.torrents[1].name = long;
  told.summary = `1 of 2 done, ${long}`;
  for (const width of [320, 390, 830, 831, 1250, 1251, 1440]) {
    const visited = await visit(t, told, {viewport: {width, height: 800}});
    const {page} = visited;
    await page.getByRole('button', {name, exact: true}).click();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} pixels`);
    const tooWide = await page.$$eval('main *', (all) => (
      all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.quiet'))
        .map((one) => one.outerHTML.slice(0, 100))));
    assert.deepEqual(tooWide, [], `${width} pixels`);
  }
});

test('on a phone a host is a card with all that the row has', async (t) => {
  const visited = await visit(t, room(), {size: 'phone'});
  const row = visited.page.locator('tr.host', {hasText: 'lab-07'});
  for (const part of ['lab-07', '/dev/nvme0n1p2', 'failed', '63 %', 'Input/output error']) {
    assert.ok(await row.getByText(part).first().isVisible(), part);
  }
  await row.scrollIntoViewIfNeeded();
  await visited.screenshot('phone-cards');
  await visited.page.getByRole('columnheader', {name: 'Host'}).getByRole('button').click();
  assert.equal((await visited.names())[0], hostileName);
});

test('dark where the reader wants it dark, at once when that changes', async (t) => {
  const visited = await visit(t, room(), {scheme: 'light'});
  const {page} = visited;
  visited.expects(/Canvas2D/);  // about the reading below
  const brightness = () => page.evaluate(() => (
    getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).reduce((sum, value) => sum + Number(value), 0)));
  const mapCorner = () => page.locator('.map canvas').evaluate((canvas) => (
    [...canvas.getContext('2d').getImageData(0, canvas.height - 22, 1, 1).data].join()));
  const light = [await brightness(), await mapCorner()];
  await page.emulateMedia({colorScheme: 'dark'});
  await visited.settle();
  const dark = [await brightness(), await mapCorner()];
  assert.ok(light[0] > 600 && dark[0] < 150, `${light} ${dark}`);
  assert.notEqual(light[1], dark[1]);
});

test('states differ by word and shape, not by colour alone', async (t) => {
  const states = ['waiting', 'checking', 'leeching', 'verifying', 'finishing', 'done', 'seeding', 'failed', 'lost'];
  const visited = await visit(t, stats([torrent('lab', states.map((state, index) => host(index, state)))], 'x'));
  const seen = await visited.page.$$eval('tr.host', (rows) => rows.map((row) => {
    const mark = getComputedStyle(row.querySelector('.mark'));
    return [row.querySelector('.mark + span').textContent, mark.maskImage || mark.webkitMaskImage];
  }));
  assert.deepEqual(seen.map(([word]) => word).sort(), [...states].sort());
  assert.equal(new Set(seen.map(([, shape]) => shape)).size, states.length);
  assert.ok(seen.every(([, shape]) => shape.startsWith('url("data:image/svg+xml')));
});

test('where the reader forces colours, marks and bars are still there', async (t) => {
  const visited = await visit(t, room(), {forcedColors: 'active'});
  const {page} = visited;
  const backgrounds = (selector) => page.$$eval(selector, (all) => (
    [...new Set(all.map((one) => getComputedStyle(one).backgroundColor))]));
  const marks = await backgrounds('tr.host .mark');
  assert.equal(marks.length, 1);
  assert.notDeepEqual(marks, await backgrounds('html'));
  await visited.screenshot('forced-colours');
});

test('a screen reader finds a table: rows, headings, cells', async (t) => {
  const visited = await visit(t, room());
  const tree = await visited.page.locator('#hosts').ariaSnapshot();
  assert.match(tree, /^- table "Hosts of the deployment"/m);
  assert.match(tree, /- columnheader "Host":?\n/);
  assert.match(tree, /- rowheader "lab-07 10\.0\.0\.7"/);
  assert.match(tree, /- cell "failed"/);
  assert.match(tree, /- button "lab-07"/);
  const cells = await visited.page.$$eval('tr.host', (rows) => rows.map((row) => row.children.length));
  assert.deepEqual([...new Set(cells)], [7]);
});
