// Sums over torrents and hosts. No DOM.

import {number, states} from './words.js';

const guessedPieceBytes = 1 << 20;  // where the tracker does not know a torrent's size

// {counts, down, up, eta, done, waitedFor, missing, share} of these torrents. `waitedFor`: hosts that are to end with
// the image, `missing` of which have not been seen; `share`: what they have of it, 0 to 1; `eta`: seconds until the
// last is done, or null.
export function totalsOf(torrents) {
  const counts = Object.fromEntries(states.map((state) => [state, 0]));
  const sum = {counts, down: 0, up: 0, eta: null, waitedFor: 0, missing: 0};
  let wanted = 0;
  let had = 0;
  for (const {facts, hosts} of torrents) {
    sum.down += number(facts.down_bytes_per_s);
    sum.up += number(facts.up_bytes_per_s);
    if (Number.isFinite(facts.eta_s)) sum.eta = Math.max(sum.eta ?? 0, facts.eta_s);
    let takers = 0;
    for (const host of hosts.values()) {
      ++counts[host.state];
      if (isSource(host)) continue;
      ++takers;
      const size = number(facts.size_bytes) || number(host.report.pieces) * guessedPieceBytes;
      wanted += size;
      had += size * host.progress;
    }
    const missing = Math.max(0, number(facts.expected) - takers);
    sum.missing += missing;
    sum.waitedFor += takers + missing;
  }
  return {...sum, done: counts.done, share: wanted > 0 ? had / wanted : 0};
}

// A host that had everything before: nobody waits for it.
export function isSource(host) {
  const {state, last_state: last, leecher} = host.report;
  if (typeof leecher === 'boolean') return !leecher;
  return state === 'seeding' || (state === 'lost' && last === 'seeding');
}

// What all torrents' curves add up to, at most `samples` points.
export function sumOfCurves(curves, samples = 240) {
  const used = curves.filter((curve) => curve.length > 0);
  if (used.length <= 1) return used[0] ?? [];
  const begin = Math.min(...used.map((curve) => curve[0][0]));
  const end = Math.max(...used.map((curve) => curve.at(-1)[0]));
  const sums = [];
  const at = used.map(() => -1);
  for (let sample = 0; sample <= samples; ++sample) {
    const time = begin + (end - begin) * sample / samples;
    let sum = 0;
    used.forEach((curve, index) => {
      while (at[index] + 1 < curve.length && curve[at[index] + 1][0] <= time) ++at[index];
      if (at[index] >= 0) sum += number(curve[at[index]][1]);
    });
    sums.push([time, sum]);
  }
  return sums;
}
