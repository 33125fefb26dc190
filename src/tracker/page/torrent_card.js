// A torrent above the table: what it is, how its hosts do in one bar, and the map of its pieces.

import {element, fromTemplate, setText} from './dom.js';
import {PieceMap} from './piece_map.js';
import {totalsOf} from './totals.js';
import {bytes, duration, number, percent, plural, printable, rate, states} from './words.js';

const barOrder = ['done', 'seeding', 'finishing', 'verifying', 'leeching', 'checking', 'waiting', 'lost', 'failed'];

export class TorrentCard {
  root = fromTemplate('torrent-template');
  #name = this.root.querySelector('h2');
  #facts = this.root.querySelector('.facts');
  #figures = this.root.querySelector('.figures');
  #segments = new Map();
  #map = new PieceMap(this.root.querySelector('.map'));

  constructor() {
    const bar = this.root.querySelector('.states');
    for (const state of barOrder) {
      const segment = element('span');
      segment.dataset.state = state;
      segment.hidden = true;
      this.#segments.set(state, segment);
      bar.append(segment);
    }
  }

  update(torrent) {
    const {facts} = torrent;
    setText(this.#name, printable(torrent.name));
    setText(this.#facts, [
      number(facts.size_bytes) > 0 ? bytes(facts.size_bytes) : '',
      number(facts.pieces) > 0 ? plural(facts.pieces, 'piece') : '',
      `${torrent.infoHash.slice(0, 10)}…`,
    ].filter(Boolean).join(' · '));
    this.#facts.title = torrent.infoHash;
    const sum = totalsOf([torrent]);
    setText(this.#figures, figuresOf(sum));
    for (const state of states) this.#showSegment(state, sum.counts[state]);
    if (sum.missing > 0) this.#showSegment('waiting', sum.counts.waiting + sum.missing);
  }

  drawMap(hosts) {
    this.#map.draw(hosts);
  }

  #showSegment(state, count) {
    const segment = this.#segments.get(state);
    if (segment.count === count) return;
    segment.count = count;
    segment.hidden = count === 0;
    segment.style.setProperty('flex-grow', String(count));
    setText(segment, String(count));
  }
}

function figuresOf(sum) {
  return [
    `${sum.done} of ${sum.waitedFor} done`,
    percent(sum.share),
    rate(sum.down),
    sum.eta === null ? '' : `${duration(sum.eta)} left`,
  ].filter(Boolean).join(' · ');
}
