// Speaks what the page reads of the tracker: the page's files, /stats and /events. What it tells is said by the test.

import {readFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:";
const pageDirectory = fileURLToPath(new URL('../../../src/tracker/page', import.meta.url));
const types = {'.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript'};

export class MockTracker {
  stats;
  refusesStreams = false;   // /events is answered 503
  refusesAll = false;       // every answer is 503
  asked = new Map();        // path → how often
  lastEvent = 0;            // the number of the last event that a page was sent; ids of events are their numbers
  #server = createServer((request, response) => this.#answer(request, response));
  #streams = new Set();

  // Listens on a free port of loopback.
  static async start(stats) {
    const tracker = new MockTracker();
    tracker.stats = stats;
    await tracker.listen(0);
    return tracker;
  }

  listen(port) {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  get streams() {
    return this.#streams.size;
  }

  // Ends every connection and listens no more; listen() brings it back.
  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  // Sends an event to all pages. Every field of a torrent but its hosts, and hosts with their torrent's info-hash.
  tell({torrents = [], hosts = [], gone = [], ...facts}) {
    const change = {now: this.stats.now, summary: this.stats.summary, torrents, hosts, gone, ...facts};
    for (const stream of this.#streams) this.#send(stream, 'hosts', change);
  }

  // Sends everything to all pages, as after an update that was lost.
  tellAll() {
    for (const stream of this.#streams) this.#send(stream, 'stats', this.stats);
  }

  async #answer(request, response) {
    const {pathname} = new URL(request.url, this.url);
    this.asked.set(pathname, (this.asked.get(pathname) ?? 0) + 1);
    response.setHeader('Content-Security-Policy', policy);
    response.setHeader('Cache-Control', 'no-store');
    if (this.refusesAll) return response.writeHead(503).end();
    if (pathname === '/stats') {
      return response.setHeader('Content-Type', 'application/json').end(JSON.stringify(this.stats));
    }
    if (pathname === '/events') return this.#stream(response);
    return this.#servePage(pathname === '/' ? 'index.html' : pathname.slice(1), response);
  }

  #stream(response) {
    if (this.refusesStreams) return response.writeHead(503).end();
    response.writeHead(200, {'Content-Type': 'text/event-stream'});
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
    this.#send(response, 'stats', this.stats);
  }

  #send(stream, event, object) {
    stream.write(`id: ${++this.lastEvent}\nevent: ${event}\ndata: ${JSON.stringify(object)}\n\n`);
  }

  async #servePage(name, response) {
    const type = types[path.extname(name)];
    if (!type || name.includes('/')) return response.writeHead(404).end();
    const text = await readFile(path.join(pageDirectory, name), 'utf8').catch(() => null);
    if (text === null) return response.writeHead(404).end();
    response.setHeader('Content-Type', type);
    response.end(name === 'index.html' ? this.#withRows(text) : text);
  }

  // What stands in the page for those without scripts.
  #withRows(text) {
    const rows = this.stats.torrents.flatMap((torrent) => torrent.hosts).map((host) => [
      `<tr><th scope="row">${escape(host.name || host.address)}</th>`,
      ...[host.targets[0]?.path, host.state, `${Math.floor(host.progress * 100)} %`, `${host.down_bytes_per_s} B/s`,
        host.error].map((cell) => `<td>${escape(cell ?? '')}</td>`),
      '</tr>'].join('')).join('\n');
    return text.replace('<!--summary-->', () => escape(this.stats.summary)).replace('<!--rows-->', () => rows);
  }
}

function escape(text) {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
