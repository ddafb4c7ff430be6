// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The mock interview: questions, hints, and the report.

import {serviceButtons} from './actions.js';
import {announce, interrupt} from './announce.js';
import {Application} from './application.js';
import {h, setHidden, setText} from './dom.js';
import {percent, seconds, t} from './text.js';

const IDLE = 0;
const QUESTION = 1;
const ANSWER = 2;
const FINISHED = 3;

export class Interview extends Application {
  constructor(parts) {
    super(parts, 'interview');
    this.place = h('p', {class: 'muted'});
    this.question = h('p', {class: 'question', id: 'interview-question'});
    this.hint = h('p', {class: 'hint'});
    this.figures = Object.fromEntries(['time', 'spoken', 'facing', 'face', 'pace', 'fillers'].map((name) =>
      [name, h('td', {class: 'number'})]));
    this.table = h('table', {}, h('tbody', {}, Object.entries(this.figures).map(
      ([name, cell]) => h('tr', {}, h('th', {scope: 'row'}, t(`interview.${name}`)), cell))));
    this.services = serviceButtons(parts, 'interview', ['start', 'next', 'stop', 'reset'],
      'start');
    this.frame = h('iframe', {sandbox: '', title: t('interview.report'), id: 'report'});
    this.html = h('a', {id: 'report-html', download: 'interview.html'}, t('interview.html'));
    this.markdown = h('a', {id: 'report-md', download: 'interview.md'}, t('interview.markdown'));
    this.json = h('a', {id: 'report-json', download: 'interview.json'}, t('interview.json'));
    this.waiting = h('p', {class: 'muted'}, t('interview.writing'));
    this.report = h('div', {class: 'card'}, h('div', {class: 'row spread'},
      h('h2', {}, t('interview.report')), h('div', {class: 'row'}, this.html, this.markdown, this.json)),
    this.frame, h('p', {class: 'muted small'}, t('interview.stored')));
    this.element = h('div', {class: 'stack'},
      h('div', {class: 'card'}, this.place, this.question, this.hint,
        h('div', {class: 'row'}, this.services)),
      h('div', {class: 'card'}, h('h2', {}, t('interview.answer')), this.table), this.waiting, this.report);
  }

  draw() {
    const {state} = this;
    if (!state) return;
    const asking = state.phase === QUESTION || state.phase === ANSWER;
    const words = state.phase === IDLE ? t('interview.idle')
      : state.phase === FINISHED ? t('interview.finished') : state.text;
    setText(this.question, words);
    setText(this.place, asking
      ? t('interview.of', {number: state.question, count: state.questions}) : '');
    setText(this.hint, state.hint);
    setHidden(this.hint, !state.hint);
    setText(this.figures.time, seconds(state.elapsed)
      + (state.remaining === null ? '' : ` / ${t('remaining',
        {seconds: seconds(state.remaining)})}`));
    setText(this.figures.spoken, seconds(state.speaking_time, 1));
    setText(this.figures.facing, percent(state.engagement));
    setText(this.figures.face, t(!state.face_present ? 'interview.noface'
      : state.facing_camera ? 'interview.facingcamera' : 'interview.away'));
    for (const name of ['pace', 'fillers']) {
      setHidden(this.figures[name].parentElement, !state.transcript);
    }
    setText(this.figures.pace, state.words_per_minute === null ? '–'
      : String(Math.round(state.words_per_minute)));
    setText(this.figures.fillers, String(state.fillers));
    this.overlay.show(asking ? {
      prompt: state.text,
      small: state.hint || t(state.phase === ANSWER ? 'interview.listening'
        : 'interview.speak'),
      progress: state.phase === ANSWER && state.remaining !== null
        ? state.elapsed / (state.elapsed + state.remaining) : null,
    } : {prompt: state.phase === FINISHED ? words : ''});
    this.showReport(state);
    this.tell(state);
  }

  // Fetched anew for each interview that ends.
  showReport(state) {
    // What was said last may still be on its way to paper.
    const done = state.phase === FINISHED && !state.transcribing;
    setHidden(this.waiting, state.phase !== FINISHED || done);
    setHidden(this.report, !done);
    const which = done ? `${this.store.selected}/${state.header.stamp}` : '';
    if (this.which === which) return;
    const was = this.which;
    this.which = which;
    if (!done || (was && was.split('/')[0] === which.split('/')[0])) return;
    const address = `/report/${this.store.selected}`;
    this.frame.src = `${address}.html`;
    this.html.href = `${address}.html?download`;
    this.markdown.href = `${address}.md?download`;
    this.json.href = `${address}.json?download`;
  }

  tell(state) {
    const step = `${state.phase}/${state.question}`;
    if (step !== this.told) {
      this.told = step;
      if (state.phase === QUESTION) interrupt(state.text);
      if (state.phase === FINISHED) announce(t('interview.finished'));
    }
    if (state.hint && state.hint !== this.hinted) announce(state.hint);
    this.hinted = state.hint;
  }
}
