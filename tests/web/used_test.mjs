// Sorting, filtering and getting around by keyboard.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {visit} from './lib/browser.mjs';
import {host, hostileName, room, stats, torrent} from './lib/deployment.mjs';

const heading = (visited, name) => visited.page.getByRole('columnheader', {name}).getByRole('button');
const sortedBy = (visited) => visited.page.$$eval('[aria-sort]', (cells) => (
  cells.map((cell) => `${cell.dataset.column} ${cell.ariaSort}`)));
const chip = (visited, state) => visited.page.getByRole('button', {name: new RegExp(`^${state} \\d+$`)});

// Five hosts, told apart in every column. Made so that no two columns sort them alike.
function five() {
  const of = (index, name, state, path, have, down, eta, error) => host(index, state, {
    name, have, progress: have / 3200, down_bytes_per_s: down, up_bytes_per_s: 0, eta_s: eta, error, finished: null,
    targets: [{path, model: '', serial: '', state, error: ''}]});
  return stats([torrent('lab', [
    of(1, 'lab-10', 'leeching', '/dev/sdb', 800, 5e6, 90, ''),
    of(2, 'lab-9', 'failed', '/dev/sdd', 1600, 0, null, 'bad'),
    of(3, 'lab-1', 'leeching', '/dev/sdc', 400, 9e6, 400, ''),
    of(4, 'alpha', 'done', '/dev/sde', 3200, 0, null, ''),
    of(5, 'lab-2', 'lost', '/dev/sda', 2400, 0, null, 'aha'),
  ])], 'five');
}

const orders = {
  Host: ['alpha', 'lab-1', 'lab-2', 'lab-9', 'lab-10'],
  Target: ['lab-2', 'lab-10', 'lab-1', 'lab-9', 'alpha'],
  Progress: ['lab-1', 'lab-10', 'lab-9', 'lab-2', 'alpha'],
  Rate: ['lab-1', 'lab-10', 'alpha', 'lab-2', 'lab-9'],
  'Time left': ['lab-1', 'lab-10', 'alpha', 'lab-2', 'lab-9'],
  Error: ['lab-2', 'lab-9', 'alpha', 'lab-1', 'lab-10'],
};

test('without asking, what needs a person comes first', async (t) => {
  const visited = await visit(t, five());
  assert.deepEqual(await visited.names(), ['lab-9', 'lab-2', 'lab-1', 'lab-10', 'alpha']);
  assert.deepEqual(await sortedBy(visited), ['state ascending']);
});

for (const [name, order] of Object.entries(orders)) {
  test(`sorts by ${name}, and says so`, async (t) => {
    const visited = await visit(t, five());
    await heading(visited, name).click();
    assert.deepEqual(await visited.names(), order);
    const [first] = await sortedBy(visited);
    await heading(visited, name).click();
    const [second] = await sortedBy(visited);
    assert.notEqual(first, second);
    assert.equal(first.split(' ')[0], second.split(' ')[0]);
    assert.notDeepEqual(await visited.names(), order);
  });
}

test('a text is looked for in names, addresses, disks and errors, in small letters and large', async (t) => {
  const visited = await visit(t, room());
  const found = async (words) => {
    await visited.page.getByRole('searchbox').fill(words);
    return visited.names();
  };
  assert.deepEqual(await found('LAB-1'), [
    'lab-12', 'lab-17', 'lab-10', 'lab-11', 'lab-13', 'lab-14', 'lab-15', 'lab-18', 'lab-19', 'lab-16']);
  assert.deepEqual(await found('10.0.0.33'), [hostileName]);
  assert.deepEqual(await found('r100005'), ['lab-05']);
  assert.deepEqual(await found('input/output 0x3f0000'), ['lab-07']);
  assert.deepEqual(await found('wdc sdb'), ['lab-22']);
  assert.deepEqual(await found('<img'), [hostileName]);
  assert.deepEqual(await found('nowhere'), []);
  assert.equal(await visited.page.locator('#nobody').innerText(), 'No host matches.');
  assert.equal((await found('  ')).length, 34);
});

test('states are filtered by their buttons, which tell how many are in them', async (t) => {
  const visited = await visit(t, room());
  assert.equal(await chip(visited, 'done').textContent(), 'done 7');
  await chip(visited, 'failed').click();
  await chip(visited, 'lost').click();
  assert.deepEqual(await visited.names(), ['lab-07', 'lab-12']);
  assert.equal(await chip(visited, 'lost').getAttribute('aria-pressed'), 'true');
  assert.equal(await visited.page.locator('#shown').innerText(), '2 of 34 hosts shown');
  await chip(visited, 'failed').click();
  assert.deepEqual(await visited.names(), ['lab-12']);
});

test('rows of targets and details go with their host', async (t) => {
  const visited = await visit(t, room());
  const {page} = visited;
  await page.getByRole('button', {name: 'lab-22', exact: true}).click();
  assert.equal(await page.locator('tr.one-target:visible, tr.details:visible').count(), 4);
  await page.getByRole('searchbox').fill('lab-05');
  assert.equal(await page.locator('tr.one-target:visible, tr.details:visible').count(), 0);
});

test('a host that changes its state comes into the filter or leaves it', async (t) => {
  const visited = await visit(t, room());
  const {tracker} = visited;
  await chip(visited, 'failed').click();
  const [{info_hash}] = tracker.stats.torrents;
  await visited.tell({hosts: [{info_hash, ...host(5, 'failed', {error: 'gone bad'})}]});
  assert.deepEqual(await visited.names(), ['lab-05', 'lab-07']);
  await visited.tell({hosts: [{info_hash, ...host(7, 'leeching')}]});
  assert.deepEqual(await visited.names(), ['lab-05']);
});

test('the address keeps filter and order, and a page opened by it shows them', async (t) => {
  const visited = await visit(t, room());
  await visited.page.getByRole('searchbox').fill('lab-0');
  await chip(visited, 'done').click();
  await heading(visited, 'Host').click();
  await heading(visited, 'Host').click();
  const names = await visited.names();
  assert.deepEqual(names, ['lab-08', 'lab-04']);
  const {hash} = new URL(visited.page.url());
  const other = await visit(t, room(), {hash});
  assert.deepEqual(await other.names(), names);
  assert.equal(await other.page.getByRole('searchbox').inputValue(), 'lab-0');
});

test('an address that makes no sense shows all hosts', async (t) => {
  const visited = await visit(t, five(), {hash: '#sort=constructor+up&state=__proto__&find='});
  assert.equal((await visited.names()).length, 5);
  assert.deepEqual(await sortedBy(visited), ['state ascending']);
});

test('arrows, Home and End go from host to host, Enter opens one', async (t) => {
  const visited = await visit(t, room());
  const {page} = visited;
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  const names = await visited.names();
  await page.locator('.name button').first().focus();
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), names[1]);
  await page.keyboard.press('End');
  assert.equal(await focused(), names.at(-1));
  await page.keyboard.press('ArrowUp');
  assert.equal(await focused(), names.at(-2));
  await page.keyboard.press('Home');
  await page.keyboard.press('Enter');
  assert.equal(await focused(), names[0]);
  assert.equal(await page.locator('tr.details').count(), 1);
});

test('everything is reached with Tab, and the first stop leads to the hosts', async (t) => {
  const visited = await visit(t, five());
  const {page} = visited;
  const stops = [];
  for (let stop = 0; stop < 22; ++stop) {
    await page.keyboard.press('Tab');
    stops.push(await page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id));
  }
  const expected = ['Skip to the hosts', 'stats', 'metrics', 'torrents', 'filter-text',
    'leeching 2', 'done 1', 'failed 1', 'lost 1',
    'Host', 'Target', 'State', 'Progress', 'Rate', 'Time left', 'Error', 'lab-9', 'lab-2', 'lab-1', 'lab-10', 'alpha'];
  assert.deepEqual(stops.slice(0, expected.length), expected);
});

test('the focus stays with a host whose row moves', async (t) => {
  const visited = await visit(t, five());
  const {page, tracker} = visited;
  await page.getByRole('button', {name: 'lab-10', exact: true}).focus();
  const [{info_hash}] = tracker.stats.torrents;
  await visited.tell({hosts: [{info_hash, ...host(1, 'failed', {name: 'lab-10', error: 'x'})}]});
  assert.deepEqual((await visited.names())[1], 'lab-10');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'lab-10');
});
