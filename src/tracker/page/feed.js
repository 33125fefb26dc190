// Brings what the tracker tells: by its event stream, or by asking for /stats where that does not work. No DOM.

const silenceMs = 15_000;      // the stream says something every 10 s; after this it is opened anew,
const lostMs = 20_000;         // and after this taken for lost
const pollMs = 5_000;
const retryStreamMs = 30_000;  // while polling, the stream is tried again
const askMs = 10_000;          // how long an answer to a poll may take

// Calls on.stats(object), on.change(object) and on.status(word): "live", "polling" or "lost".
export class Feed {
  #on;
  #source = null;
  #heard = 0;
  #poll = 0;
  #streamTried = 0;

  constructor(on) {
    this.#on = on;
  }

  start() {
    this.#heard = performance.now();
    this.#openStream();
    setInterval(() => this.#watch(), 1000);
  }

  #openStream() {
    this.#source?.close();
    this.#streamTried = performance.now();
    const source = this.#source = new EventSource('events');
    source.addEventListener('stats', (event) => this.#take(event, this.#on.stats));
    source.addEventListener('hosts', (event) => this.#take(event, this.#on.change));
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      // Refused (too many streams, no such path, a proxy's error): the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) this.#startPolling();
      else this.#on.status('lost');
    });
  }

  #take(event, deliver) {
    this.#heard = performance.now();
    this.#stopPolling();
    deliver(JSON.parse(event.data));
    this.#on.status('live');
  }

  // A connection can die without a word; and a stream that was refused may work later.
  #watch() {
    const now = performance.now();
    const polling = this.#poll !== 0;
    if (now - Math.max(this.#heard, this.#streamTried) > (polling ? retryStreamMs : silenceMs)) this.#openStream();
    if (!polling && now - this.#heard > lostMs) this.#on.status('lost');
  }

  #startPolling() {
    if (this.#poll !== 0) return;
    this.#poll = setInterval(() => this.#ask(), pollMs);
    this.#ask();
  }

  #stopPolling() {
    clearInterval(this.#poll);
    this.#poll = 0;
  }

  async #ask() {
    try {
      const answer = await fetch('stats', {cache: 'no-store', signal: AbortSignal.timeout(askMs)});
      if (!answer.ok) throw new Error(`the tracker answers ${answer.status}`);
      const stats = await answer.json();
      if (this.#poll === 0) return;  // the stream was faster
      this.#on.stats(stats);
      this.#on.status('polling');
    } catch {
      if (this.#poll !== 0) this.#on.status('lost');
    }
  }
}
