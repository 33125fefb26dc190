// The control room: what the tracker tells goes to the model, and from there, once a frame, into the page.

import {Announcer} from './announcer.js';
import {setHidden, setText} from './dom.js';
import {Feed} from './feed.js';
import {Filter} from './filter.js';
import {HostTable} from './host_table.js';
import {Room} from './model.js';
import {Overview} from './overview.js';
import {forgetColours} from './piece_map.js';
import {TorrentCard} from './torrent_card.js';
import {clock, duration, plural, printable} from './words.js';

const byId = (id) => document.getElementById(id);
const sayFilterMs = 700;  // after the last key

class Page {
  #room = new Room();
  #filter = Filter.fromAddress();
  #announcer = new Announcer(byId('announcer'));
  #overview = null;
  #table = null;
  #cards = new Map();  // Torrent → TorrentCard
  #frame = 0;
  #status = 'connecting';
  #lostAt = 0;
  #filterTimer = 0;

  start() {
    new Feed({
      stats: (stats) => this.#take(() => this.#room.replace(stats)),
      change: (change) => this.#take(() => this.#room.merge(change)),
      status: (status) => this.#setStatus(status),
    }).start();
    byId('link-text').textContent = 'connecting';
    setInterval(() => this.#showLost(), 1000);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#changeColours());
  }

  #take(change) {
    change();
    if (!this.#table) this.#takeOver();
    // A page that is not looked at is given no frames; its title still tells.
    if (document.hidden) this.#overview.update(this.#room);
    this.#frame ||= requestAnimationFrame(() => this.#render());
  }

  // From now on the page is ours: what the tracker wrote into it goes.
  #takeOver() {
    this.#overview = new Overview(this.#filter, (state) => this.#filterBy(() => this.#filter.toggleState(state)));
    this.#table = new HostTable(byId('hosts'), this.#room, this.#filter, (column) => this.#sortBy(column));
    const text = byId('filter-text');
    text.value = this.#filter.text;
    text.addEventListener('input', () => this.#filterBy(() => this.#filter.setText(text.value)));
    byId('filter').addEventListener('submit', (event) => event.preventDefault());
  }

  #render() {
    this.#frame = 0;
    const sum = this.#overview.update(this.#room);
    this.#table.update();
    this.#showCards();
    this.#showShown();
    this.#tell(sum);
  }

  #showCards() {
    const {torrents} = this.#room;
    for (const [torrent, card] of this.#cards) {
      if (torrents.get(torrent.infoHash) === torrent) continue;
      card.root.remove();
      this.#cards.delete(torrent);
    }
    for (const torrent of torrents.values()) {
      if (!this.#cards.has(torrent)) {
        const card = new TorrentCard();
        this.#cards.set(torrent, card);
        byId('torrents').append(card.root);
      }
      this.#cards.get(torrent).update(torrent);
    }
    byId('torrents').classList.toggle('several', torrents.size > 1);
    this.#drawMaps();
  }

  #drawMaps() {
    const byTorrent = new Map(Array.from(this.#cards.keys(), (torrent) => [torrent, []]));
    for (const host of this.#table?.order ?? []) byTorrent.get(host.torrent)?.push(host);
    for (const [torrent, card] of this.#cards) card.drawMap(byTorrent.get(torrent));
  }

  #changeColours() {
    forgetColours();
    this.#drawMaps();
  }

  #sortBy(column) {
    this.#filter.sortBy(column);
    this.#filter.toAddress();
    this.#table.sort();
    this.#drawMaps();
    this.#announcer.say(`Sorted by ${column}, ${this.#filter.sort.direction}`);
  }

  #filterBy(change) {
    change();
    this.#filter.toAddress();
    this.#table.applyFilter();
    this.#overview.showChips();
    this.#showShown();
    clearTimeout(this.#filterTimer);
    this.#filterTimer = setTimeout(() => this.#announcer.say(byId('shown').textContent), sayFilterMs);
  }

  #showShown() {
    let all = 0;
    for (const {hosts} of this.#room.torrents.values()) all += hosts.size;
    const {shownCount} = this.#table;
    setText(byId('shown'), this.#filter.isOn ? `${shownCount} of ${plural(all, 'host')} shown` : plural(all, 'host'));
    setText(byId('nobody'), all === 0 ? 'Hosts appear here when they announce.' : 'No host matches.');
    setHidden(byId('nobody'), shownCount > 0);
  }

  #tell({counts, done, waitedFor}) {
    const quarter = waitedFor > 0 ? Math.floor(done / waitedFor * 4) : 0;
    this.#announcer.tell(`${counts.failed} ${counts.lost} ${quarter}`, printable(this.#room.summary));
  }

  #setStatus(status) {
    if (status === this.#status) return;
    const was = this.#status;
    this.#status = status;
    document.documentElement.dataset.link = status;
    setText(byId('link-text'), {live: 'live', polling: 'asking every 5 s', lost: 'connection lost'}[status]);
    if (status === 'lost') {
      this.#lostAt = Date.now();
      this.#announcer.say('The connection to the tracker is lost.');
    } else if (was === 'lost') {
      this.#announcer.say('The connection to the tracker is back.');
    }
    this.#showLost();
  }

  #showLost() {
    const lost = this.#status === 'lost';
    setHidden(byId('lost-link'), !lost);
    if (!lost) return;
    const since = duration((Date.now() - this.#lostAt) / 1000);
    const told = this.#room.now > 0 ? ` What is below is from ${clock(this.#room.now)}.` : '';
    setText(byId('lost-link').lastElementChild, `Connection to the tracker lost ${since} ago, trying again.${told}`);
  }
}

new Page().start();
