// How the page keeps up: updates, a connection that is lost, a stream that is refused.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {visit} from './lib/browser.mjs';
import {began, host, manyHosts, room, stats, torrent} from './lib/deployment.mjs';

const linkText = (visited) => visited.page.locator('#link-text').innerText();
const lostLine = (visited) => visited.page.locator('#lost-link');
const announced = (visited) => visited.page.locator('#announcer').textContent();

// From now on, what changes in the document is written down.
async function watchDocument(visited) {
  await visited.page.evaluate(() => {
    window.seen = [];
    new MutationObserver((records) => window.seen.push(...records)).observe(document.body, {
      subtree: true, childList: true, characterData: true, attributes: true});
  });
}

// {rows: the hosts whose rows changed, moved: how many elements came or went} since the last call.
function changes(visited) {
  return visited.page.evaluate(() => {
    const records = window.seen.splice(0);
    const places = records.map(({target}) => target.nodeType === Node.TEXT_NODE ? target.parentElement : target);
    const rows = places.map((place) => place?.closest('tr.host')).filter(Boolean);
    const names = rows.map((row) => row.querySelector('button').textContent);
    const nodes = records.flatMap(({addedNodes, removedNodes}) => [...addedNodes, ...removedNodes]);
    return {rows: [...new Set(names)].sort(), moved: nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE).length};
  });
}

test('an update changes the rows of those hosts that it is about, and no element comes or goes', async (t) => {
  const visited = await visit(t, manyHosts(1000));
  const [{info_hash}] = visited.tracker.stats.torrents;
  await watchDocument(visited);
  const hosts = [11, 222, 777].map((index) => (
    {info_hash, ...host(index, 'leeching', {have: 3000, down_bytes_per_s: 1e6 * index, eta_s: index})}));
  await visited.tell({hosts});
  assert.deepEqual(await changes(visited), {rows: ['lab-11', 'lab-222', 'lab-777'], moved: 0});
  await visited.tell({hosts});
  assert.deepEqual(await changes(visited), {rows: [], moved: 0});
});

test('everything told anew changes only what is different', async (t) => {
  const visited = await visit(t, manyHosts(200));
  await watchDocument(visited);
  const anew = manyHosts(200);
  anew.torrents[0].hosts[5].have += 100;
  visited.tracker.stats = anew;
  visited.tracker.tellAll();
  await visited.settle();
  assert.deepEqual(await changes(visited), {rows: ['lab-05'], moved: 0});
});

test('hosts and torrents come and go', async (t) => {
  const visited = await visit(t, stats([torrent('lab', [host(1), host(2)])], '0 of 2 done'));
  const [{info_hash}] = visited.tracker.stats.torrents;
  const {hosts, ...facts} = torrent('more', []);
  await visited.tell({
    summary: '1 of 3 done', gone: [{info_hash, id: 'host-1'}], torrents: [facts],
    hosts: [{info_hash, ...host(2, 'done')}, {info_hash, ...host(3)}, {info_hash: facts.info_hash, ...host(4)}]});
  assert.deepEqual(await visited.names(), ['lab-03', 'lab-02', 'lab-04']);
  assert.deepEqual(await visited.page.locator('.torrent h2').allTextContents(), ['lab', 'more']);
  assert.equal(await visited.page.locator('h1').innerText(), '1 of 3 done');
  visited.tracker.stats = stats([torrent('lab', [host(3, 'done')])], 'left');
  visited.tracker.tellAll();
  await visited.settle();
  assert.deepEqual(await visited.names(), ['lab-03']);
  assert.deepEqual(await visited.page.locator('.torrent h2').allTextContents(), ['lab']);
});

test('targets of a host come and go with its reports', async (t) => {
  const visited = await visit(t, room());
  const [{info_hash}] = visited.tracker.stats.torrents;
  const {targets} = visited.tracker.stats.torrents[0].hosts[22];
  const rows = () => visited.page.locator('tr.one-target').count();
  await visited.tell({hosts: [{info_hash, ...host(22, 'leeching', {targets: targets.slice(0, 2)})}]});
  assert.equal(await rows(), 2);
  await visited.tell({hosts: [{info_hash, ...host(22, 'leeching', {targets: targets.slice(0, 1)})}]});
  assert.equal(await rows(), 0);
  await visited.tell({hosts: [{info_hash, ...host(22, 'leeching', {targets})}]});
  assert.equal(await rows(), 3);
});

test('the rate curve goes on with the points that come', async (t) => {
  const visited = await visit(t, stats([torrent('lab', [host(1)])], ''));
  const {hosts, rate_curve, ...facts} = visited.tracker.stats.torrents[0];
  const label = () => visited.page.locator('#curve svg').getAttribute('aria-label');
  assert.match(await label(), /^Rate of the last 9 min 58 s:/);
  await visited.tell({torrents: [{...facts, rate_point: [began + 660, 4e8]}]});
  assert.equal(await label(), 'Rate of the last 11 min: 400 MB/s now, 400 MB/s at most');
});

test('rows sorted by what changes all the time rest for some seconds', async (t) => {
  const at = (index, rate) => host(index, 'leeching', {down_bytes_per_s: rate});
  const visited = await visit(t, stats([torrent('lab', [at(1, 5e6), at(2, 1e6)])], ''));
  const [{info_hash}] = visited.tracker.stats.torrents;
  const faster = {hosts: [{info_hash, ...at(2, 9e6)}]};
  await visited.page.getByRole('columnheader', {name: 'Rate'}).getByRole('button').click();
  await visited.tell(faster);
  assert.deepEqual(await visited.names(), ['lab-01', 'lab-02']);
  await visited.page.waitForTimeout(4200);
  await visited.tell(faster);
  assert.deepEqual(await visited.names(), ['lab-02', 'lab-01']);
});

test('a connection that is lost is said, and that it is back', async (t) => {
  const visited = await visit(t, room());
  const {tracker, page} = visited;
  visited.expects(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/);
  assert.equal(await linkText(visited), 'live');
  assert.equal(await lostLine(visited).isVisible(), false);
  const {port} = tracker;
  await tracker.stop();
  await lostLine(visited).waitFor({state: 'visible'});
  assert.match(await lostLine(visited).innerText(),
    /^Connection to the tracker lost \d+ s ago, trying again\. What is below is from 15:16:40\.$/);
  assert.equal(await linkText(visited), 'connection lost');
  assert.equal(await announced(visited), 'The connection to the tracker is lost.');
  assert.equal((await visited.names()).length, 34);
  await visited.screenshot('connection-lost');
  tracker.stats = {...tracker.stats, summary: 'back again'};
  await tracker.listen(port);
  await lostLine(visited).waitFor({state: 'hidden', timeout: 20_000});
  assert.equal(await page.locator('h1').innerText(), 'back again');
  assert.equal(await announced(visited), 'The connection to the tracker is back.');
});

function refuseStreams(visited) {
  visited.tracker.refusesStreams = true;
  visited.expects(/503/);
}

test('where the stream is refused the page asks, and takes to the stream when it works', async (t) => {
  const visited = await visit(t, room(), {before: refuseStreams, time: 'fake'});
  const {tracker, page} = visited;
  await page.waitForFunction(() => document.getElementById('link-text').textContent === 'asking every 5 s');
  assert.equal((await visited.names()).length, 34);
  tracker.stats = {...tracker.stats, summary: 'asked for'};
  await page.clock.fastForward(5_000);
  await page.waitForFunction(() => document.querySelector('h1').textContent === 'asked for');
  tracker.refusesStreams = false;
  await page.clock.fastForward(31_000);
  await page.waitForFunction(() => document.getElementById('link-text').textContent === 'live');
  const asked = tracker.asked.get('/stats');
  await page.clock.fastForward(14_000);
  assert.equal(tracker.asked.get('/stats'), asked);
});

test('a stream that falls silent is opened anew', async (t) => {
  const visited = await visit(t, room(), {time: 'fake'});
  const {tracker, page} = visited;
  assert.equal(tracker.asked.get('/events'), 1);
  tracker.stats = {...tracker.stats, summary: 'after the silence'};
  await page.clock.fastForward(16_500);
  await page.waitForFunction(() => document.querySelector('h1').textContent === 'after the silence');
  assert.equal(tracker.asked.get('/events'), 2);
  assert.equal(tracker.streams, 1);
});

test('a screen reader is told what matters, not every figure', async (t) => {
  const visited = await visit(t, manyHosts(100), {time: 'fake'});
  const {page, tracker} = visited;
  const [{info_hash}] = tracker.stats.torrents;
  const tell = async (change) => {
    tracker.tell(change);
    await page.waitForFunction((summary) => document.querySelector('h1').textContent === summary, change.summary);
  };
  await page.evaluate(() => {
    window.said = [];
    new MutationObserver(() => window.said.push(document.getElementById('announcer').textContent)).observe(
      document.getElementById('announcer'), {childList: true, characterData: true, subtree: true});
  });
  const said = () => page.evaluate(() => window.said);
  for (let step = 0; step < 10; ++step) {
    await tell({summary: `step ${step}`, hosts: [{info_hash, ...host(60 + step, 'leeching', {have: 3000 + step})}]});
    await page.clock.fastForward(1_000);
  }
  assert.deepEqual(await said(), []);
  await tell({summary: 'lab-03 failed', hosts: [{info_hash, ...host(3, 'failed', {error: 'x'})}]});
  await page.clock.fastForward(100);
  assert.deepEqual(await said(), ['lab-03 failed']);
  await tell({summary: 'two failed', hosts: [{info_hash, ...host(4, 'failed', {error: 'x'})}]});
  await tell({summary: 'three failed', hosts: [{info_hash, ...host(5, 'failed', {error: 'x'})}]});
  await page.clock.fastForward(10_000);
  assert.deepEqual(await said(), ['lab-03 failed']);
  await tell({summary: 'three failed still', hosts: []});
  await page.clock.fastForward(6_000);
  assert.deepEqual(await said(), ['lab-03 failed', 'three failed still']);
  assert.equal(await page.locator('[aria-live], [role=status], [role=alert], [role=log]').count(), 1);
});

test('a page that is not looked at keeps its title', async (t) => {
  const visited = await visit(t, stats([torrent('lab', [host(1), host(2)])], '0 of 2 done'));
  const [{info_hash}] = visited.tracker.stats.torrents;
  await visited.page.evaluate(() => {
    Object.defineProperty(document, 'hidden', {value: true});
    window.requestAnimationFrame = () => 1;
  });
  visited.tracker.tell({summary: '1 of 2 done', hosts: [{info_hash, ...host(1, 'done')}]});
  await visited.page.waitForFunction(() => document.title.startsWith('1/2 done'));
});
