// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The live view: face, voice, both as one, and the last minutes.

import {announce} from './announce.js';
import {emotionColour} from './colours.js';
import {h, setText, soon} from './dom.js';
import {drawLevels, drawTimeline} from './plots.js';
import {Reading} from './readings.js';
import {clockTime, percent, t} from './text.js';

export class Live {
  constructor({store}) {
    this.store = store;
    this.face = new Reading('live.face', 'live.noface');
    this.voice = new Reading('live.voice', 'live.novoice');
    this.fused = new Reading('live.fused', 'live.nofused');
    this.meter = h('canvas', {class: 'meter', 'aria-hidden': 'true'});
    this.speech = h('span', {class: 'muted'});
    this.list = h('ol', {class: 'list'});
    this.timeline = h('canvas', {class: 'plot', role: 'img', 'aria-label': t('timeline.label')});
    const key = h('div', {class: 'key'}, [0, 1, 2, 3, 4, 5].map((emotion) => {
      const chip = h('i', {});
      chip.style.background = `var(--emotion-${emotion})`;
      return h('span', {}, chip, t(`emotion.${emotion}`));
    }), h('span', {}, t('timeline.key')));
    this.element = h('div', {class: 'live'},
      this.face.element,
      h('div', {class: 'card'}, h('div', {class: 'row spread'},
        h('h2', {}, t('live.sound')), this.speech), this.meter),
      this.voice.element, this.fused.element,
      h('div', {class: 'card'}, h('h2', {}, t('live.utterances')), this.list),
      h('div', {class: 'card wide'}, h('h2', {}, t('timeline.title')), this.timeline, key));
    this.draw = this.draw.bind(this);
    this.drawSlowly = this.drawSlowly.bind(this);
    this.told = '';
    store.on('faces', () => this.shown && soon(this.draw));
    store.on('activity', () => this.shown && soon(this.draw));
    store.on('voice', ({place, message}) => this.onVoice(place, message));
    store.on('fused', () => this.shown && soon(this.draw));
    store.on('selected', () => this.shown && this.drawSlowly());
    setInterval(() => this.shown && soon(this.drawSlowly), 250);
  }

  show() {
    this.shown = true;
    soon(this.drawSlowly);
  }

  hide() {
    this.shown = false;
  }

  onVoice(place, message) {
    if (place !== this.store.place_ || !this.shown) return;
    announce(t('say.voice', {label: t(`emotion.${message.emotion}`),
      confidence: percent(message.confidence)}));
    soon(this.drawSlowly);
  }

  draw() {
    const place = this.store.place_;
    this.face.show(place.primary);
    this.fused.show(place.freshFused);
    drawLevels(this.meter, place.heard ? place.levels : [], place.activity?.speaking);
    setText(this.speech, t(!place.heard ? 'live.nosound'
      : place.activity.speaking ? 'live.speech' : 'live.quiet'));
    this.tell(place.primary);
  }

  // A screen reader hears of a label that held, not of each flicker.
  tell(face) {
    const words = face?.stable ? t('say.face', {label: t(`emotion.${face.emotion}`)})
      : face ? this.told : t('live.noface');
    if (words !== this.told) {
      this.told = words;
      announce(words);
    }
  }

  drawSlowly() {
    const place = this.store.place_;
    this.draw();
    this.voice.show(place.voices[0]);
    drawTimeline(this.timeline, place);
    this.listVoices(place.voices);
  }

  listVoices(voices) {
    const stamps = voices.map((voice) => voice.stamp).join();
    if (stamps === this.stamps && this.list.childElementCount) return;
    this.stamps = stamps;
    this.list.replaceChildren(...(voices.length ? voices.map((voice) => {
      const dot = h('span', {class: 'state'});
      dot.style.setProperty('--emotion-5', emotionColour(voice.emotion));
      return h('li', {}, dot, h('strong', {}, t(`emotion.${voice.emotion}`)),
        h('span', {class: 'muted'}, percent(voice.confidence)),
        h('span', {class: 'time'}, clockTime(voice.came)));
    }) : [h('li', {class: 'muted'}, t('live.novoice'))]));
  }
}
