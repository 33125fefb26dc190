// What the tracker has told: its torrents and their hosts. No DOM. Views take `changed` and `gone` and empty them.

import {known, number} from './words.js';

// A curve that outgrows this loses every other point.
const maxCurvePoints = 480;

const maxParts = 64;

// base64url → bytes.
export function decodeMap(text) {
  if (typeof text !== 'string' || text === '') return null;
  try {
    const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    if (binary.length === 0 || binary.length > maxParts) return null;
    return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

export class Host {
  constructor(torrent, id) {
    this.torrent = torrent;
    this.id = id;
    this.report = {};
    this.nameRank = 0;  // its place among all hosts by name
    this.parts = null;
  }

  take(report) {
    this.report = report;
    this.words = undefined;
  }

  get state() {
    return known(this.report.state);
  }

  get name() {
    return this.report.name || this.report.address || this.id;
  }

  get targets() {
    return Array.isArray(this.report.targets) ? this.report.targets : [];
  }

  // Pieces had, 0 to 1.
  get progress() {
    const {pieces, have, progress} = this.report;
    return number(pieces) > 0 ? number(have) / pieces : number(progress);
  }

  // Pieces read back from the target, 0 to 1.
  get verified() {
    const {pieces, verified} = this.report;
    return number(pieces) > 0 ? number(verified) / pieces : 0;
  }

  // How much of each of up to 64 equal parts of the image is there, 0 to 255; null where nothing is known.
  get map() {
    if (this.mapText !== this.report.map) {
      this.mapText = this.report.map;
      this.parts = decodeMap(this.mapText);
    }
    return this.parts;
  }

  // What a text filter looks at.
  get searchText() {
    if (this.words === undefined) {
      const {name, address, addresses, error} = this.report;
      const targets = this.targets.flatMap((target) => [target.path, target.model, target.serial, target.error]);
      this.words = [name, address, ...(addresses ?? []), error, ...targets].join('\n').toLowerCase();
    }
    return this.words;
  }
}

export class Torrent {
  constructor(infoHash) {
    this.infoHash = infoHash;
    this.facts = {};
    this.hosts = new Map();
    this.curve = [];  // [unix time, bytes a second], oldest first
  }

  get name() {
    return this.facts.name || this.infoHash;
  }

  take({hosts, rate_curve: curve, rate_point: point, ...facts}) {
    this.facts = facts;
    if (Array.isArray(curve)) this.curve = curve;
    if (Array.isArray(point)) this.#append(point);
  }

  #append(point) {
    const last = this.curve.at(-1);
    if (last && last[0] >= point[0]) return;
    this.curve.push(point);
    if (this.curve.length > maxCurvePoints) this.curve = this.curve.filter((_, index) => index % 2 === 1);
  }
}

export class Room {
  tracker = {};              // version, uptime_s, connections …
  now = 0;                   // the tracker's clock, unix time
  summary = '';
  torrents = new Map();      // by info-hash
  changed = new Set();       // hosts that are new or say something new
  gone = new Set();
  membersChanged = false;    // hosts came, went or took another name: the ranks by name are out of date

  // All there is: an `event: stats`, or /stats.
  replace({torrents, now, summary, ...tracker}) {
    this.tracker = tracker;
    this.#say(now, summary);
    const present = new Set();
    for (const facts of torrents ?? []) {
      const torrent = this.#torrent(facts);
      present.add(torrent);
      const ids = new Set();
      for (const report of facts.hosts ?? []) {
        ids.add(report.id);
        this.#take(torrent, report);
      }
      for (const host of torrent.hosts.values()) if (!ids.has(host.id)) this.#forget(host);
    }
    for (const torrent of this.torrents.values()) if (!present.has(torrent)) this.#forgetTorrent(torrent);
  }

  // What changed: an `event: hosts`.
  merge({torrents, hosts, gone, now, summary, ...tracker}) {
    Object.assign(this.tracker, tracker);
    this.#say(now, summary);
    for (const facts of torrents ?? []) this.#torrent(facts);
    for (const report of hosts ?? []) {
      const torrent = this.torrents.get(report.info_hash) ?? this.#torrent({info_hash: report.info_hash});
      this.#take(torrent, report);
    }
    for (const {info_hash: infoHash, id} of gone ?? []) {
      const torrent = this.torrents.get(infoHash);
      if (id === undefined && torrent) this.#forgetTorrent(torrent);
      const host = torrent?.hosts.get(id);
      if (host) this.#forget(host);
    }
  }

  // All hosts, of all torrents.
  * hosts() {
    for (const torrent of this.torrents.values()) yield* torrent.hosts.values();
  }

  #say(now, summary) {
    if (Number.isFinite(now)) this.now = now;
    if (typeof summary === 'string') this.summary = summary;
  }

  #torrent(facts) {
    let torrent = this.torrents.get(facts.info_hash);
    if (!torrent) this.torrents.set(facts.info_hash, torrent = new Torrent(facts.info_hash));
    torrent.take(facts);
    return torrent;
  }

  #take(torrent, report) {
    let host = torrent.hosts.get(report.id);
    if (!host) torrent.hosts.set(report.id, host = new Host(torrent, report.id));
    const name = host.name;
    host.take(report);
    this.changed.add(host);
    this.membersChanged ||= host.nameRank === 0 || name !== host.name;
  }

  #forget(host) {
    host.torrent.hosts.delete(host.id);
    this.changed.delete(host);
    this.gone.add(host);
  }

  #forgetTorrent(torrent) {
    for (const host of torrent.hosts.values()) this.#forget(host);
    this.torrents.delete(torrent.infoHash);
  }
}

const byName = new Intl.Collator('en', {numeric: true});

// Numbers hosts by name (lab-9 before lab-10), so that sorting need not compare text.
export function rankByName(hosts) {
  const all = [...hosts].map((host) => [host.name, host]);
  all.sort((a, b) => byName.compare(a[0], b[0]));
  all.forEach(([, host], index) => host.nameRank = index + 1);
}
