// One host in the table: its row, a row for each of its targets where it has several, and what there is to know
// about it, on demand. An update writes only what changed.

import {element, fromTemplate, setAttribute, setHidden, setText} from './dom.js';
import {drawStrip} from './piece_map.js';
import {bytes, clock, duration, known, number, percent, plural, printable, rate} from './words.js';

const working = new Set(['checking', 'leeching', 'verifying', 'finishing']);
const allVerified = new Set(['finishing', 'done', 'seeding']);

export class HostRow {
  #row = fromTemplate('host-template');
  #cells;
  #button;
  #targets = [];
  #details = null;
  host;

  constructor(host) {
    this.host = host;
    this.#cells = cellsOf(this.#row);
    this.#button = this.#cells.name.querySelector('button');
    this.#button.addEventListener('click', () => this.#toggleDetails());
    this.update();
  }

  // What has to stand together, in this order.
  get rows() {
    return this.#details ? [this.#row, ...this.#targets, this.#details] : [this.#row, ...this.#targets];
  }

  get button() {
    return this.#button;
  }

  set hidden(hidden) {
    for (const row of this.rows) setHidden(row, hidden);
  }

  get hidden() {
    return this.#row.hidden;
  }

  remove() {
    for (const row of this.rows) row.remove();
  }

  // Returns whether rows came or went: the others are to be asked for anew.
  update() {
    const {host} = this;
    const {report} = host;
    const before = this.#targets.length;
    setAttribute(this.#row, 'data-state', host.state);
    setText(this.#button, printable(host.name));
    setText(this.#cells.name.lastElementChild, report.name ? printable(report.address) : '');
    fillState(this.#cells.state, host.state, stateNote(host));
    this.#showProgress();
    this.#showRates();
    setText(this.#cells.eta, timeNote(host));
    this.#showTargets();
    if (this.#details) this.#fillDetails();
    return before !== this.#targets.length;
  }

  #showProgress() {
    const {host} = this;
    const [track, text] = this.#cells.progress.children;
    setShare(track, '--have', host.progress);
    setShare(track, '--verified', allVerified.has(host.state) ? 1 : host.verified);
    setText(text, percent(host.progress));
  }

  #showRates() {
    const {report, state} = this.host;
    const [down, up] = this.#cells.rate.children;
    const receives = state === 'leeching' || number(report.down_bytes_per_s) > 0;  // a leecher's 0 is news
    setText(down, receives ? `↓ ${rate(report.down_bytes_per_s)}` : '');
    setText(up, number(report.up_bytes_per_s) > 0 ? `↑ ${rate(report.up_bytes_per_s)}` : '');
  }

  #showTargets() {
    const {host} = this;
    const {targets} = host;
    const several = targets.length > 1;
    const [path, model] = this.#cells.target.children;
    if (several) {
      setText(path, plural(targets.length, 'target'));
      setText(model, '');
    } else {
      setText(path, targets.length ? printable(targets[0].path) : '');
      setText(model, targets.length ? disk(targets[0]) : foreignNote(host));
    }
    setText(this.#cells.error, errorNote(host, several ? null : targets[0]));
    this.#makeTargetRows(several ? targets.length : 0);
    if (several) targets.forEach((target, index) => fillTarget(this.#targets[index], target, host));
  }

  #makeTargetRows(count) {
    while (this.#targets.length > count) this.#targets.pop().remove();
    while (this.#targets.length < count) {
      const row = fromTemplate('target-template');
      row.hidden = this.#row.hidden;
      (this.#targets.at(-1) ?? this.#row).after(row);
      this.#targets.push(row);
    }
  }

  #toggleDetails() {
    if (this.#details) {
      this.#details.remove();
      this.#details = null;
    } else {
      this.#details = fromTemplate('details-template');
      this.#fillDetails();
      this.rows.at(-2).after(this.#details);
    }
    this.#button.setAttribute('aria-expanded', String(this.#details !== null));
  }

  #fillDetails() {
    const {host} = this;
    fillFacts(this.#details.querySelector('dl'), factsOf(host));
    const strip = this.#details.querySelector('canvas');
    setHidden(strip, !drawStrip(strip, host.map));
    setAttribute(strip, 'aria-label', `Pieces from begin to end of the image: ${percent(host.progress)} there`);
  }
}

function cellsOf(row) {
  return Object.fromEntries(Array.from(row.children, (cell) => [cell.className, cell]));
}

function fillState(cell, state, note) {
  setText(cell.children[1], state);
  if (cell.children[2]) setText(cell.children[2], note);
}

// In steps of a thousandth, so that what nobody sees is not drawn.
function setShare(track, name, share) {
  const text = `${Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10}%`;
  if (track.style.getPropertyValue(name) !== text) track.style.setProperty(name, text);
}

function stateNote(host) {
  if (host.state === 'lost') return `was ${known(host.report.last_state)}`;
  if (host.state === 'verifying') return percent(host.verified);
  return '';
}

function timeNote(host) {
  const {eta_s: eta, finished} = host.report;
  if (Number.isFinite(eta) && working.has(host.state)) return duration(eta);
  return Number.isFinite(finished) && finished > 0 ? `at ${clock(finished)}` : '';
}

function errorNote(host, target) {
  const {report, state} = host;
  const error = report.error || target?.error;
  if (error) return printable(error);
  return state === 'lost' ? `silent since ${clock(report.last_seen)}` : '';
}

function foreignNote(host) {
  return host.report.reports === false ? 'announces only' : '';
}

function disk({model, serial}) {
  return printable([model, serial].filter(Boolean).join(' · '));
}

function fillTarget(row, target, host) {
  const cells = cellsOf(row);
  setAttribute(row, 'data-state', known(target.state));
  setText(cells.name.firstElementChild, printable(host.name));
  setText(cells.target.children[0], printable(target.path));
  setText(cells.target.children[1], disk(target));
  fillState(cells.state, known(target.state), '');
  setText(cells.error, printable(target.error));
}

// [what, how much] for the details, in reading order; those with nothing to say are left out.
function factsOf(host) {
  const {report} = host;
  const pieces = number(report.pieces);
  const ways = ['fetched', 'reused', 'zeroed'].filter((way) => number(report[way]) > 0);
  const waysText = ways.length ? `: ${ways.map((way) => `${number(report[way])} ${way}`).join(', ')}` : '';
  const only = host.targets.length === 1 ? [printable(host.targets[0].path), disk(host.targets[0])] : [];
  return [
    ['Host', printable(report.name)],
    ['Target', only.filter(Boolean).join(' · ')],
    ['Addresses', (report.addresses ?? [report.address]).map(printable).join(', ')],
    ['Pieces', pieces > 0 ? `${number(report.have)} of ${pieces}${waysText}` : ''],
    ['Read back', pieces > 0 ? `${number(report.verified)} of ${pieces}` : ''],
    ['Received', bytes(report.downloaded)],
    ['Sent', bytes(report.uploaded)],
    ['Left', bytes(report.left)],
    ['First seen', clock(report.first_seen)],
    ['Last seen', clock(report.last_seen)],
    ['Finished', Number.isFinite(report.finished) && report.finished > 0 ? clock(report.finished) : ''],
    ['Version', printable(report.version)],
  ].filter(([, text]) => text !== '');
}

function fillFacts(list, facts) {
  if (list.childElementCount !== facts.length) {
    list.replaceChildren(...facts.map(() => {
      const pair = element('div');
      pair.append(element('dt'), element('dd'));
      return pair;
    }));
  }
  facts.forEach(([what, text], index) => {
    const [term, value] = list.children[index].children;
    setText(term, what);
    setText(value, text);
  });
}
