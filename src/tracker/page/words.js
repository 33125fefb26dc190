// How the page says things: states, amounts, times, and text of strangers. Pure functions, no DOM.

// The states of a host in the order of its life, as the tracker spells them.
export const states = ['waiting', 'checking', 'leeching', 'verifying', 'finishing', 'done', 'seeding', 'failed', 'lost'];

// What needs a person comes first.
const byUrgency = ['failed', 'lost', 'finishing', 'verifying', 'leeching', 'checking', 'waiting', 'done', 'seeding'];
const urgency = new Map(byUrgency.map((state, rank) => [state, rank]));

// A state as this page knows it; a word from a newer tracker counts as waiting, and never becomes a class name.
export function known(state) {
  return urgency.has(state) ? state : 'waiting';
}

export function urgencyOf(state) {
  return urgency.get(known(state));
}

export function number(value) {
  return Number.isFinite(value) ? value : 0;
}

// Controls, and marks that turn the direction of writing, can make text look like other text.
const deceptive = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

// Text from a stranger as one line of plain text. It still goes into the page as text only.
export function printable(text) {
  return typeof text === 'string' ? text.replace(deceptive, '\ufffd') : '';
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

// 1234567 → "1.23 MB": three digits, powers of 1000 as networks and disks count.
export function bytes(amount) {
  let value = number(amount);
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    ++unit;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export function rate(bytesPerSecond) {
  return `${bytes(bytesPerSecond)}/s`;
}

// Never 100 % before all is there.
export function percent(share) {
  return `${Math.floor(Math.min(1, Math.max(0, number(share))) * 100)} %`;
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(number(seconds)));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

const two = (value) => String(value).padStart(2, '0');

// Unix time → "14:03:22" of the reader's own clock; another day's with its date in front.
export function clock(unix) {
  const date = new Date(number(unix) * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
