// The table of hosts: who is in it, in what order, which are shown. Torrents are groups of it.

import {columns, sorted} from './columns.js';
import {fromTemplate, setAttribute, setHidden, setText} from './dom.js';
import {HostRow} from './host_row.js';
import {rankByName} from './model.js';
import {plural, printable} from './words.js';

const restMs = 4_000;  // rows that are sorted by what changes all the time are moved no more often

export class HostTable {
  #table;
  #room;
  #filter;
  #head;
  #rows = new Map();    // Host → HostRow
  #groups = new Map();  // Torrent → {body, heading}
  #keys = new Map();    // Host → what it was sorted by
  #sortedAt = -Infinity;
  #order = [];
  #shownCount = 0;

  // Takes over `table`, whose rows the tracker wrote. Calls onSort() when a heading was pressed.
  constructor(table, room, filter, onSort) {
    this.#table = table;
    this.#room = room;
    this.#filter = filter;
    this.#takeOver(onSort);
  }

  get shownCount() {
    return this.#shownCount;
  }

  // All hosts in the order of the table, torrent by torrent, whether shown or not.
  get order() {
    return this.#order;
  }

  #takeOver(onSort) {
    const table = this.#table;
    table.classList.add('live');
    table.setAttribute('role', 'table');
    table.tHead.setAttribute('role', 'rowgroup');
    table.tHead.replaceChildren(this.#head = fromTemplate('head-template'));
    for (const body of [...table.tBodies]) body.remove();
    this.#head.addEventListener('click', (event) => {
      const column = event.target.closest('th')?.dataset.column;
      if (column && event.target.closest('button')) onSort(column);
    });
    table.addEventListener('keydown', (event) => this.#moveByKey(event));
    this.#showSort();
  }

  // Takes in what the room has told since last time.
  update() {
    const room = this.#room;
    if (room.membersChanged || room.gone.size > 0) rankByName(room.hosts());
    let moved = room.membersChanged || room.gone.size > 0;
    let overdue = false;
    const {value, restless} = columns[this.#filter.sort.column];
    for (const host of room.gone) this.#remove(host);
    for (const host of room.changed) {
      moved = this.#take(host) || moved;
      overdue ||= this.#keys.get(host) !== value(host);
    }
    room.membersChanged = false;
    room.gone.clear();
    room.changed.clear();
    this.#updateGroups();
    if (moved || (overdue && (!restless || performance.now() - this.#sortedAt > restMs))) this.sort();
    this.#count();
  }

  sort() {
    const {value} = columns[this.#filter.sort.column];
    const focused = document.activeElement;
    this.#order = [];
    for (const [torrent, {body, heading}] of this.#groups) {
      const hosts = sorted(torrent.hosts.values(), this.#filter.sort);
      arrange(body, [heading, ...hosts.flatMap((host) => this.#rows.get(host).rows)]);
      for (const host of hosts) this.#keys.set(host, value(host));
      this.#order.push(...hosts);
    }
    // Whoever is moved in the document loses the focus.
    if (focused !== document.activeElement && this.#table.contains(focused)) focused.focus({preventScroll: true});
    this.#sortedAt = performance.now();
    this.#showSort();
  }

  applyFilter() {
    for (const [host, row] of this.#rows) row.hidden = !this.#filter.shows(host);
    this.#count();
  }

  // Returns whether rows have to be put in place.
  #take(host) {
    let row = this.#rows.get(host);
    const isNew = row === undefined;
    if (isNew) this.#rows.set(host, row = new HostRow(host));
    const moved = isNew || row.update();
    row.hidden = !this.#filter.shows(host);
    return moved;
  }

  #remove(host) {
    this.#rows.get(host)?.remove();
    this.#rows.delete(host);
    this.#keys.delete(host);
  }

  #updateGroups() {
    const {torrents} = this.#room;
    for (const [torrent, {body}] of this.#groups) {
      if (torrents.get(torrent.infoHash) === torrent) continue;
      body.remove();
      this.#groups.delete(torrent);
    }
    for (const torrent of torrents.values()) {
      if (!this.#groups.has(torrent)) this.#groups.set(torrent, this.#makeGroup());
      const {heading} = this.#groups.get(torrent);
      setHidden(heading, torrents.size < 2);
      setText(heading.firstElementChild.children[0], printable(torrent.name));
    }
  }

  #makeGroup() {
    const body = document.createElement('tbody');
    body.setAttribute('role', 'rowgroup');
    const heading = fromTemplate('group-template');
    body.append(heading);
    this.#table.append(body);
    return {body, heading};
  }

  #count() {
    this.#shownCount = 0;
    for (const [torrent, {heading}] of this.#groups) {
      let shown = 0;
      for (const host of torrent.hosts.values()) if (!this.#rows.get(host).hidden) ++shown;
      this.#shownCount += shown;
      const all = plural(torrent.hosts.size, 'host');
      setText(heading.firstElementChild.children[1], shown === torrent.hosts.size ? all : `${shown} of ${all}`);
    }
  }

  #showSort() {
    for (const heading of this.#head.children) {
      const {column, direction} = this.#filter.sort;
      if (heading.dataset.column === column) setAttribute(heading, 'aria-sort', direction);
      else heading.removeAttribute('aria-sort');
    }
  }

  // Arrows, Home and End go from host to host.
  #moveByKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const shown = this.#order.map((host) => this.#rows.get(host)).filter((row) => !row.hidden);
    const at = shown.findIndex((row) => row.button === event.target);
    const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1}[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    shown[to]?.button.focus();
  }
}

// Makes `rows` the children of `body`, in this order, moving as few as a look at the next one can tell.
function arrange(body, rows) {
  let next = body.firstElementChild;
  for (const row of rows) {
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
  }
}
