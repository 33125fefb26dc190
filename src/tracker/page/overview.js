// The page at a glance: the sentence on top, the totals, the curve, and how many hosts are in which state.

import {element, setAttribute, setHidden, setText} from './dom.js';
import {RateCurve} from './rate_curve.js';
import {sumOfCurves, totalsOf} from './totals.js';
import {bytes, clock, duration, number, percent, plural, printable, rate, states} from './words.js';

const byId = (id) => document.getElementById(id);

export class Overview {
  #curve = new RateCurve(byId('curve'));
  #chips = new Map();
  #filter;

  // Calls onState(state) when the reader wants to see hosts in that state, or no longer.
  constructor(filter, onState) {
    this.#filter = filter;
    byId('summary-text').textContent = '';
    for (const state of states) byId('chips').append(this.#makeChip(state, onState));
    setHidden(byId('totals'), false);
    setHidden(byId('filter'), false);
    setHidden(byId('summary-mark'), false);
  }

  // Returns the totals.
  update(room) {
    const sum = totalsOf(room.torrents.values());
    const headline = printable(room.summary) || 'No host yet. Waiting for the first announce.';
    setText(byId('summary-text'), headline);
    setAttribute(byId('summary-mark'), 'data-state', worst(sum));
    this.#showTotals(room, sum);
    this.#curve.draw(sumOfCurves(Array.from(room.torrents.values(), (torrent) => torrent.curve)));
    this.#showChips(sum.counts);
    this.#showTracker(room.tracker);
    const title = sum.waitedFor > 0 ? `${sum.done}/${sum.waitedFor} done${troubles(sum)} · ezio` : 'ezio control room';
    if (document.title !== title) document.title = title;
    return sum;
  }

  showChips() {
    for (const [state, {chip}] of this.#chips) {
      setAttribute(chip, 'aria-pressed', String(this.#filter.states.has(state)));
    }
  }

  #showTotals(room, sum) {
    setText(byId('total-done'), sum.waitedFor > 0 ? `${sum.done} of ${sum.waitedFor}` : '–');
    setText(byId('total-expected'), sum.missing > 0 ? `${plural(sum.missing, 'host')} not seen yet` : ended(sum));
    setText(byId('total-share'), sum.waitedFor > 0 ? percent(sum.share) : '–');
    setText(byId('total-bytes'), sizes(room));
    setText(byId('total-rate'), rate(sum.down));
    setText(byId('total-receivers'), sum.counts.leeching > 0 ? `${plural(sum.counts.leeching, 'host')} leeching` : '');
    setText(byId('total-eta'), sum.eta === null ? '–' : duration(sum.eta));
    setText(byId('total-end'), sum.eta === null ? '' : `until ${clock(room.now + sum.eta)}`);
  }

  #showTracker({version, uptime_s: uptime, connections}) {
    setText(byId('tracker'), [
      version ? `tracker ${printable(version)}` : '',
      `up ${duration(uptime)}`,
      Number.isFinite(connections) ? plural(connections, 'connection') : '',
    ].filter(Boolean).join(' · '));
  }

  #makeChip(state, onState) {
    const chip = element('button', 'chip');
    chip.type = 'button';
    chip.dataset.state = state;
    chip.hidden = true;
    const count = element('b');
    chip.append(element('span', 'mark'), element('span', '', state), ' ', count);
    chip.addEventListener('click', () => onState(state));
    this.#chips.set(state, {chip, count});
    return chip;
  }

  // A state that nobody is in has no chip, unless it is looked for.
  #showChips(counts) {
    for (const [state, {chip, count}] of this.#chips) {
      setText(count, String(counts[state]));
      setHidden(chip, counts[state] === 0 && !this.#filter.states.has(state));
    }
    this.showChips();
  }
}

function worst({counts, waitedFor, done}) {
  if (counts.failed > 0) return 'failed';
  if (counts.lost > 0) return 'lost';
  if (waitedFor > 0 && done === waitedFor) return 'done';
  return ['finishing', 'verifying', 'leeching', 'checking'].find((state) => counts[state] > 0) ?? 'waiting';
}

function troubles({counts}) {
  return ['failed', 'lost'].filter((state) => counts[state] > 0).map((state) => `, ${counts[state]} ${state}`).join('');
}

function ended({counts, waitedFor, done}) {
  if (waitedFor > 0 && done === waitedFor) return 'all of them verified';
  return troubles({counts}).slice(2);
}

function sizes({torrents}) {
  let total = 0;
  for (const {facts} of torrents.values()) total += number(facts.size_bytes);
  const images = torrents.size > 1 ? ` in ${torrents.size} torrents` : ' a host';
  return total > 0 ? bytes(total) + images : '';
}
