// Which hosts are shown, and in what order: a text and states to look for. Kept in the page's address, so that a reload
// or a bookmark shows the same.

import {columns, defaultSort} from './columns.js';
import {states} from './words.js';

export class Filter {
  text = '';
  states = new Set();  // empty: all
  sort = {...defaultSort};
  #words = [];

  static fromAddress() {
    const filter = new Filter();
    const kept = new URLSearchParams(location.hash.slice(1));
    filter.setText(kept.get('find') ?? '');
    for (const state of (kept.get('state') ?? '').split(' ')) if (states.includes(state)) filter.states.add(state);
    const [column, direction] = (kept.get('sort') ?? '').split(' ');
    if (Object.hasOwn(columns, column)) {
      filter.sort = {column, direction: direction === 'descending' ? direction : 'ascending'};
    }
    return filter;
  }

  setText(text) {
    this.text = text;
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  toggleState(state) {
    if (!this.states.delete(state)) this.states.add(state);
  }

  // Sorts by that column; by it already, the other way round.
  sortBy(column) {
    const other = this.sort.direction === 'ascending' ? 'descending' : 'ascending';
    this.sort = {column, direction: column === this.sort.column ? other : columns[column].first};
  }

  get isOn() {
    return this.#words.length > 0 || this.states.size > 0;
  }

  // A host is shown when it is in one of the states and each word is found somewhere in what it says.
  shows(host) {
    if (this.states.size > 0 && !this.states.has(host.state)) return false;
    return this.#words.every((word) => host.searchText.includes(word));
  }

  toAddress() {
    const kept = new URLSearchParams();
    if (this.text) kept.set('find', this.text);
    if (this.states.size > 0) kept.set('state', [...this.states].join(' '));
    const {column, direction} = this.sort;
    const isDefault = column === defaultSort.column && direction === defaultSort.direction;
    if (!isDefault) kept.set('sort', `${column} ${direction}`);
    const hash = `${kept}` ? `#${kept}` : '';
    history.replaceState(null, '', location.pathname + location.search + hash);
  }
}
