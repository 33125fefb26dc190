// Pieces over hosts, as pictures of 64 columns: a row a host, darker where more of the pieces are there, and below how
// many hosts have a part whole. Where a swarm is stuck, a column stays light.

import {isSource} from './totals.js';
import {percent, plural, printable} from './words.js';

const columns = 64;
const maxRows = 168;     // pixels; more hosts than these share rows
const gapRows = 4;
const copiesRows = 22;   // the bars below

// One host's map in a canvas of 64 × 1. Returns whether there is anything to see.
export function drawStrip(canvas, map) {
  if (!map) return false;
  const context = canvas.getContext('2d');
  const image = context.createImageData(columns, 1);
  const {empty, full} = colours();
  for (let x = 0; x < columns; ++x) paint(image, x, 0, empty, full, map[x * map.length / columns | 0] / 255);
  context.putImageData(image, 0, 0);
  return true;
}

export class PieceMap {
  #canvas;
  #caption;
  #figure;
  #lines = [];      // {host, map}
  #rowsAHost = 1;
  #text = '';

  constructor(figure) {
    this.#figure = figure;
    this.#canvas = figure.querySelector('canvas');
    this.#caption = figure.querySelector('.says');
    this.#canvas.addEventListener('pointermove', (event) => this.#pointAt(event));
    this.#canvas.addEventListener('pointerleave', () => this.#say(this.#text));
  }

  // `hosts`: of one torrent, in the order of the table. Sources have everything and are left out.
  draw(hosts) {
    this.#lines = [];
    for (const host of hosts) {
      if (isSource(host)) continue;
      const {map} = host;
      if (map) this.#lines.push({host, map, counts: host.state !== 'failed' && host.state !== 'lost'});
    }
    const open = this.#lines.some(({map}) => map.some((share) => share < 255));
    if (this.#figure.hidden === open) this.#figure.hidden = !open;
    if (!open) return;
    const copies = this.#countCopies();
    this.#paint(copies);
    this.#text = this.#describe(copies);
    this.#canvas.setAttribute('aria-label', `Map of pieces over hosts. ${this.#text}`);
    this.#say(this.#text);
  }

  #say(text) {
    if (this.#caption.textContent !== text) this.#caption.textContent = text;
  }

  // For each part, how many hosts that still take part have it whole.
  #countCopies() {
    const copies = new Array(columns).fill(0);
    for (const {map, counts} of this.#lines) {
      if (!counts) continue;
      for (let x = 0; x < columns; ++x) if (map[x * map.length / columns | 0] === 255) ++copies[x];
    }
    return copies;
  }

  get #counted() {
    return this.#lines.filter(({counts}) => counts).length;
  }

  #paint(copies) {
    const count = this.#lines.length;
    this.#rowsAHost = Math.max(1, Math.min(14, Math.floor(maxRows / count)));
    const rows = Math.min(maxRows, count * this.#rowsAHost);
    const height = rows + gapRows + copiesRows;
    if (this.#canvas.height !== height) {
      this.#canvas.height = height;
      this.#canvas.style.setProperty('height', `${height}px`);
    }
    const context = this.#canvas.getContext('2d');
    const image = context.createImageData(columns, height);
    const colour = colours();
    for (let y = 0; y < rows; ++y) this.#paintRow(image, y, rows, colour);
    const most = Math.max(1, this.#counted);
    for (let x = 0; x < columns; ++x) {
      const tall = Math.round(copies[x] / most * copiesRows);
      for (let y = 0; y < copiesRows; ++y) {
        paint(image, x, height - 1 - y, colour.empty, colour.copies, y < tall ? 1 : 0);
      }
    }
    context.putImageData(image, 0, 0);
  }

  #paintRow(image, y, rows, colour) {
    const isGap = this.#rowsAHost >= 4 && y % this.#rowsAHost === this.#rowsAHost - 1;
    if (isGap) return;
    const lines = this.#linesAt(y, rows);
    const full = lines.every(({counts}) => !counts) ? colour.gone : colour.full;
    for (let x = 0; x < columns; ++x) {
      let sum = 0;
      for (const {map} of lines) sum += map[x * map.length / columns | 0];
      paint(image, x, y, colour.empty, full, sum / lines.length / 255);
    }
  }

  // Those whom a row of pixels stands for: one host, or several where there are more hosts than pixels.
  #linesAt(y, rows) {
    const count = this.#lines.length;
    const first = Math.floor(y * count / rows);
    return this.#lines.slice(first, Math.max(first + 1, Math.floor((y + 1) * count / rows)));
  }

  #describe(copies) {
    const fewest = Math.min(...copies);
    const counted = this.#counted;
    const place = copies.indexOf(fewest);
    const where = `${percent(place / columns)} to ${percent((place + 1) / columns)} of the image`;
    if (fewest === 0) return `Rarest part: ${where}, whole on no host yet.`;
    if (fewest === counted) return `Every part is whole on ${plural(counted, 'host')}.`;
    return `Rarest part: ${where}, whole on ${fewest} of ${plural(counted, 'host')}.`;
  }

  #pointAt(event) {
    const box = this.#canvas.getBoundingClientRect();
    const rows = this.#canvas.height - gapRows - copiesRows;
    const y = Math.floor((event.clientY - box.top) / box.height * this.#canvas.height);
    const x = Math.min(columns - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * columns)));
    if (y < 0 || y >= rows) return this.#say(this.#text);
    const [{host, map}, ...more] = this.#linesAt(y, rows);
    const others = more.length ? ` and ${more.length} more` : '';
    const share = percent(map[x * map.length / columns | 0] / 255);
    this.#say(`${printable(host.name)}${others}: ${share} of the part at ${percent(x / columns)} of the image`);
  }
}

function paint(image, x, y, from, to, share) {
  const at = (y * image.width + x) * 4;
  for (let channel = 0; channel < 3; ++channel) {
    image.data[at + channel] = from[channel] + (to[channel] - from[channel]) * share;
  }
  image.data[at + 3] = 255;
}

// The style sheet's, which knows light from dark; kept until forgetColours().
let known = null;

function colours() {
  if (known) return known;
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));
  return known = {
    empty: rgb('--map-empty'), full: rgb('--map-full'), gone: rgb('--map-gone'), copies: rgb('--map-copies'),
  };
}

export function forgetColours() {
  known = null;
}
