// What the table can be sorted by. No DOM.

import {number, urgencyOf} from './words.js';

// `value` of a host is a number or a text; a text that is missing comes last when ascending. `first`: the direction
// that a first click gives. `restless`: changes with every report; rows are not moved under the reader all the time.
export const columns = {
  host: {first: 'ascending', value: (host) => host.nameRank},
  target: {first: 'ascending', value: (host) => host.targets[0]?.path || '\uffff'},
  state: {first: 'ascending', value: (host) => urgencyOf(host.state)},
  progress: {first: 'ascending', restless: true, value: progressOf},
  rate: {first: 'descending', restless: true, value: rateOf},
  eta: {first: 'descending', restless: true, value: ({report}) => Number.isFinite(report.eta_s) ? report.eta_s : -1},
  error: {first: 'ascending', value: (host) => host.report.error || '\uffff'},
};

// Read back comes after fetched, and is over where the last works are under way.
function progressOf(host) {
  if (host.state === 'finishing') return 2;
  return host.state === 'verifying' ? 1 + host.verified : host.progress;
}

// Who receives comes before who only sends.
function rateOf({report}) {
  return number(report.down_bytes_per_s) || number(report.up_bytes_per_s) / 1e12;
}

export const defaultSort = {column: 'state', direction: 'ascending'};

// Hosts in that order; equal ones by name.
export function sorted(hosts, {column, direction}) {
  const {value} = columns[column];
  const sign = direction === 'descending' ? -1 : 1;
  const keyed = Array.from(hosts, (host) => ({host, key: value(host)}));
  keyed.sort((a, b) => {
    if (a.key < b.key) return -sign;
    if (a.key > b.key) return sign;
    return a.host.nameRank - b.host.nameRank;
  });
  return keyed.map(({host}) => host);
}
