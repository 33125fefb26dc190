// Tells a screen reader what a person would want to be interrupted for: failures, lost hosts, every quarter of the way,
// the end, and the connection. Not every figure, and never more than one sentence in a while.

const pauseMs = 15_000;

export class Announcer {
  #region;
  #key = null;
  #said = -Infinity;
  #waiting = null;

  // `region`: an element with role=status.
  constructor(region) {
    this.#region = region;
  }

  // `text` is said when `key` is another one than last time: at once, or as soon as the pause is over, and then
  // what is true by that time.
  tell(key, text) {
    if (this.#waiting) {
      this.#waiting.text = text;
      this.#key = key;
      return;
    }
    if (key === this.#key) return;
    const first = this.#key === null;
    this.#key = key;
    if (first) return;  // the reader reads the page itself
    const rest = this.#said + pauseMs - performance.now();
    this.#waiting = {text};
    setTimeout(() => this.#speak(), Math.max(0, rest));
  }

  // What the reader asked for, or has to know now.
  say(text) {
    this.#region.textContent = text;
  }

  #speak() {
    this.#said = performance.now();
    this.say(this.#waiting.text);
    this.#waiting = null;
  }
}
