// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The multimodal cycle: hold an expression, speak, see both.

import {serviceButtons} from './actions.js';
import {announce, interrupt} from './announce.js';
import {Application} from './application.js';
import {attempt, h, setHidden, setText} from './dom.js';
import {Reading} from './readings.js';
import {percent, seconds, t} from './text.js';

const WAITING_FACE = 0;
const LISTENING = 1;
const SHOW_RESULT = 2;

export class Cycle extends Application {
  constructor(parts) {
    super(parts, 'multimodal');
    this.steps = ['hold', 'speak', 'result'].map((name) => h('li', {}, t(`cycle.${name}`)));
    this.prompt = h('p', {class: 'question', id: 'cycle-prompt'});
    this.detail = h('p', {class: 'muted'});
    this.face = new Reading('live.face', 'cycle.noface');
    this.voice = new Reading('live.voice', 'cycle.novoice');
    this.fused = new Reading('live.fused', 'cycle.nofused', {bars: false});
    this.once = h('button', {type: 'button', id: 'multimodal-once',
      onclick: () => attempt(() => parts.connection.call(this.store.selected, 'detect'),
        this.once)}, t('cycle.once'));
    this.element = h('div', {class: 'stack'},
      h('div', {class: 'card'},
        h('ol', {class: 'steps'}, this.steps), this.prompt, this.detail,
        h('div', {class: 'row'}, serviceButtons(parts, 'multimodal',
          ['start', 'cancel', 'stop', 'reset'], 'start'), this.once)),
      this.fused.element, h('div', {class: 'two', id: 'cycle-result'}, this.face.element,
        this.voice.element));
  }

  draw() {
    const {state} = this;
    if (!state) return;
    // A cycle that was asked for alone is over when its result is shown.
    const running = state.running || state.phase === SHOW_RESULT;
    const words = this.words(state, running);
    this.steps.forEach((step, number) => {
      if (running && number === state.phase) step.setAttribute('aria-current', 'step');
      else step.removeAttribute('aria-current');
    });
    setText(this.prompt, words);
    setText(this.detail, this.describe(state, running));
    const done = state.phase === SHOW_RESULT;
    this.face.show(state.has_face ? state.face : null);
    this.voice.show(state.has_voice ? state.voice : null);
    this.fused.show(state.has_fused ? state.fused : null);
    setHidden(this.fused.element, !done);
    this.overlay.show({
      prompt: done ? this.result(state) : words,
      small: state.phase === LISTENING && state.has_face
        ? t('cycle.locked', {label: t(`emotion.${state.face.emotion}`)}) : '',
      progress: running ? state.progress : null,
      dim: running && state.phase === LISTENING,
    });
    this.tell(state, words, running);
  }

  words(state, running) {
    if (!running) return t('cycle.idle');
    if (state.phase === WAITING_FACE) return t('cycle.prompt.hold');
    if (state.phase === LISTENING) {
      return t(state.speaking ? 'cycle.prompt.hearing' : 'cycle.prompt.speak');
    }
    return t('cycle.prompt.result');
  }

  result(state) {
    const name = (reading, has) => has && reading.emotion < 6
      ? `${t(`emotion.${reading.emotion}`)} ${percent(reading.confidence)}` : '–';
    return `${t('live.face')}: ${name(state.face, state.has_face)} · `
      + `${t('live.voice')}: ${name(state.voice, state.has_voice)}`;
  }

  describe(state, running) {
    const parts = [t('cycle.number', {number: state.cycle})];
    if (running && state.remaining !== null) {
      parts.push(t('remaining', {seconds: seconds(state.remaining)}));
    }
    if (state.outcome) parts.push(t(`cycle.outcome.${state.outcome}`));
    return parts.join(' · ');
  }

  // A screen reader hears each step once, and the result in full.
  tell(state, words, running) {
    const step = `${running}${state.phase}${state.cycle}${state.has_fused}`;
    if (step === this.told) return;
    this.told = step;
    if (!running) return;
    if (state.phase !== SHOW_RESULT) interrupt(words);
    else {
      announce(`${this.result(state)}. ${state.has_fused
        ? t('say.fused', {label: t(`emotion.${state.fused.emotion}`)}) : ''}`);
    }
  }
}
