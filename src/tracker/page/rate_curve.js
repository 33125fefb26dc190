// A rate over time, as an area in an SVG.

import {setAttribute, setText} from './dom.js';
import {duration, number, rate} from './words.js';

const width = 240;
const height = 64;
const headroom = 18;  // above the line that its label stands on, as in index.html

export class RateCurve {
  #area;
  #line;
  #picture;
  #labels;

  constructor(figure) {
    this.#picture = figure.querySelector('svg');
    this.#area = figure.querySelector('.area');
    this.#line = figure.querySelector('.line');
    this.#labels = figure.querySelector('figcaption').children;
  }

  // `points`: [unix time, bytes a second], oldest first.
  draw(points) {
    const values = points.map(([, value]) => number(value));
    const top = niceTop(Math.max(0, ...values));
    const begin = points[0]?.[0] ?? 0;
    const span = Math.max(1e-3, (points.at(-1)?.[0] ?? 0) - begin);
    const line = points.map(([time, value], index) => {
      const x = (time - begin) / span * width;
      const y = height - number(value) / top * (height - headroom);
      return `${index ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    }).join('');
    setAttribute(this.#line, 'd', line);
    setAttribute(this.#area, 'd', line && `${line}L${width} ${height}L0 ${height}Z`);
    const [topLabel, from, to] = this.#labels;
    setText(topLabel, points.length > 1 ? rate(top) : '');
    setText(from, points.length > 1 ? `${duration(span)} ago` : '');
    setText(to, points.length > 1 ? 'now' : '');
    const peak = Math.max(0, ...values);
    const text = `Rate of the last ${duration(span)}: ${rate(values.at(-1))} now, ${rate(peak)} at most`;
    setAttribute(this.#picture, 'aria-label', points.length > 1 ? text : 'Rate: no figures yet');
  }
}

// The next of 1, 2, 5, 10, 20 … that the curve fits under, so that the scale does not move all the time.
function niceTop(value) {
  if (value <= 0) return 1e6;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((step) => step * power >= value);
}
