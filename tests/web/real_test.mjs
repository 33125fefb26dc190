// The page follows a deployment of real programs.

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {openPage} from './lib/browser.mjs';
import {RealDeployment} from './lib/real_deployment.mjs';

const mib = 1 << 20;

// The row whose target is that, once it is in that state.
async function rowOf(visited, target, state) {
  const row = visited.page.locator('.live tr.host', {hasText: target}).filter({hasText: state});
  await row.waitFor();
  return row;
}

test('three hosts clone, one of them fails for want of space and one is killed', async (t) => {
  const room = new RealDeployment(t, 32 * mib);
  await room.start('--expect', '3');
  const visited = await openPage(t, room, {time: 'real'});
  await visited.page.locator('#summary', {hasText: '0 of 3 done'}).waitFor();
  const whole = room.leech('whole');
  const full = room.leech('full', {room: 12 * mib});
  const killed = room.leech('killed', {flags: ['--download-limit', '0.5']});

  const failed = await rowOf(visited, full.target, 'failed');
  assert.match(await failed.locator('.error').textContent(), /No space left on device/);
  await rowOf(visited, killed.target, 'leeching');
  const row = await rowOf(visited, whole.target, 'done');
  assert.match(await row.locator('.progress').textContent(), /100/);
  await visited.screenshot('real-leeching');

  killed.child.kill('SIGKILL');
  await rowOf(visited, killed.target, 'lost');
  const summary = await visited.page.locator('#summary').textContent();
  assert.match(summary, /1 of 3 done, \S+ failed: .*No space left on device.*, \S+ lost at \d+ %/);
  await visited.screenshot('real-end');
});

test('the table is there without scripts', async (t) => {
  const room = new RealDeployment(t, 4 * mib);
  await room.start();
  const whole = room.leech('whole');
  const visited = await openPage(t, room, {scripts: false, time: 'real'});
  const row = visited.page.locator('tbody tr', {hasText: whole.target}).filter({hasText: 'done'});
  for (let tries = 0; tries < 120 && await row.count() === 0; ++tries) {
    await visited.page.waitForTimeout(500);
    await visited.page.reload();
  }
  assert.deepEqual(await visited.page.locator('thead th').allTextContents(), ['Host', 'Target', 'State', 'Progress', 'Rate', 'Error']);
  assert.equal(await row.locator('th, td').count(), 6);
  await visited.screenshot('real-without-scripts');
});

test('a token in the address opens the page and leaves the address', async (t) => {
  const room = new RealDeployment(t, mib);
  await room.start('--token', 'a-secret-token');
  const url = room.url;
  room.url += '?token=a-secret-token';
  const visited = await openPage(t, room, {time: 'real'});
  assert.equal(visited.page.url(), url);
  await visited.page.locator('.live tr.host').waitFor();
});

test('who has no token sees nothing', async (t) => {
  const room = new RealDeployment(t, mib);
  await room.start('--token', 'a-secret-token');
  const answer = await fetch(room.url);
  assert.equal(answer.status, 401);
  assert.doesNotMatch(await answer.text(), /table/);
});
