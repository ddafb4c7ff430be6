// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// A reading on the page: its label, how sure, and six bars.

import {emotionColour} from './colours.js';
import {h, setHidden, setScale, setText} from './dom.js';
import {percent, t} from './text.js';

export class Reading {
  // title and empty: keys of texts; bars: whether all classes are shown.
  constructor(title, empty, {bars = true} = {}) {
    this.empty = empty;
    this.title = title;
    this.dot = h('span', {class: 'dot', 'aria-hidden': 'true'});
    this.name = h('span', {});
    this.confidence = h('small', {});
    this.reason = h('p', {class: 'muted small'});
    this.rows = [];
    this.heading = h('h2', {}, t(title));
    this.label = h('div', {class: 'label'}, this.dot, this.name, this.confidence);
    this.element = h('div', {class: 'card reading'}, this.heading, this.label, this.reason);
    this.bars = bars ? h('div', {class: 'bars'}) : null;
    if (this.bars) this.element.append(this.bars);
  }

  build(count) {
    for (let number = 0; number < count; number++) {
      const fill = h('i', {});
      fill.style.background = `var(--emotion-${number})`;
      const value = h('span', {class: 'value'});
      this.rows.push({fill, value});
      this.bars.append(h('span', {}, t(`emotion.${number}`)),
        h('div', {class: 'bar', 'aria-hidden': 'true'}, fill), value);
    }
  }

  show(reading) {
    const known = Boolean(reading?.probabilities) && reading.emotion < 6;
    setText(this.name, known ? t(`emotion.${reading.emotion}`)
      : t(reading?.probabilities ? 'emotion.255' : this.empty));
    setText(this.confidence, known ? percent(reading.confidence) : '');
    setText(this.reason, reading?.reason ?? '');
    setHidden(this.reason, !reading?.reason);
    setHidden(this.dot, !known);
    this.label.classList.toggle('muted', !known);
    if (known) this.dot.style.background = emotionColour(reading.emotion);
    if (!this.bars) return;
    if (!this.rows.length && reading?.probabilities) this.build(reading.probabilities.length);
    this.rows.forEach(({fill, value}, number) => {
      const share = known ? reading.probabilities[number] : 0;
      setScale(fill, share);
      setText(value, known ? percent(share) : '');
    });
  }
}
