// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Record one's own voice in each emotion, to adapt the voice model; kept in this page alone, and
// downloaded in the form that `./emotion train ser --adapt` takes.

import {h, setHidden, setText} from './dom.js';
import {language, percent, seconds, t} from './text.js';
import {complaint, wav} from './wav.js';
import {zip} from './zip.js';

const SENTENCES = 5;

export class Recordings {
  constructor({store, stage}) {
    this.store = store;
    this.stage = stage;
    this.takes = new Map();
    this.take = null;
    this.at = 0;
    this.todo = Array.from({length: SENTENCES}, (_, sentence) => [0, 1, 2, 3, 4, 5].map(
      (emotion) => ({emotion, sentence}))).flat();
    this.speaker = h('input', {type: 'text', value: 'me', maxlength: '30',
      pattern: '[A-Za-z0-9_\\-]+'});
    this.place = h('p', {class: 'muted'});
    this.prompt = h('p', {class: 'question', id: 'record-prompt'});
    this.sentence = h('q', {class: 'said', id: 'record-sentence'});
    this.verdict = h('p', {class: 'hint', role: 'status'});
    this.sound = h('audio', {controls: ''});
    this.keep = this.button('keep', () => this.onKeep(), 'main');
    this.redo = this.button('redo', () => this.forget());
    this.skip = this.button('skip', () => this.go(1));
    this.back = this.button('back', () => this.go(-1));
    this.download = this.button('download', () => this.save(), 'main');
    this.recording = this.button('begin', () => this.toggle(), 'main');
    this.element = h('div', {class: 'stack'},
      h('div', {class: 'card'}, h('h2', {}, t('record.title')), h('p', {}, t('record.about')),
        h('div', {class: 'row'}, h('label', {class: 'field'}, t('record.speaker'), this.speaker),
          this.recording)),
      this.card = h('div', {class: 'card'}, this.place, this.prompt, this.sentence, this.verdict,
        this.sound, h('div', {class: 'row'}, this.keep, this.redo, this.back, this.skip)),
      h('div', {class: 'card'}, h('div', {class: 'row spread'}, this.count = h('p', {}),
        this.download), h('p', {class: 'muted small'}, t('record.next'))));
    store.on('utterance', (message) => this.onUtterance(message));
    this.draw();
  }

  button(name, action, kind = '') {
    return h('button', {type: 'button', class: kind, id: `record-${name}`, onclick: action},
      t(`record.${name}`));
  }

  show() {
    this.draw();
  }

  hide() {
    if (this.stage.recording) this.toggle();
  }

  toggle() {
    this.stage.setRecording(!this.stage.recording);
    this.forget();
  }

  onUtterance(message) {
    if (message.place !== this.store.selected || !this.stage.recording || this.take) return;
    this.take = {samples: message.samples, rate: message.rate,
      wrong: complaint(message.samples, message.rate)};
    this.sound.src = URL.createObjectURL(
      new Blob([wav(message.samples, message.rate)], {type: 'audio/wav'}));
    this.draw();
    (this.take.wrong ? this.redo : this.keep).focus();
  }

  onKeep() {
    const {emotion, sentence} = this.todo[this.at];
    this.takes.set(`${emotion}/${sentence}`, {...this.take, emotion, sentence,
      text: t(`sentence.${sentence}`)});
    this.go(1);
  }

  go(step) {
    this.at = Math.min(this.todo.length - 1, Math.max(0, this.at + step));
    this.forget();
  }

  forget() {
    if (this.sound.src) URL.revokeObjectURL(this.sound.src);
    this.sound.removeAttribute('src');
    this.take = null;
    this.draw();
  }

  draw() {
    const {emotion, sentence} = this.todo[this.at];
    const on = this.stage.recording;
    setText(this.recording, t(on ? 'record.end' : 'record.begin'));
    setHidden(this.card, !on);
    setText(this.place, t('record.of', {number: this.at + 1, count: this.todo.length})
      + (this.takes.has(`${emotion}/${sentence}`) ? ` · ${t('record.kept')}` : ''));
    setText(this.prompt, t('record.say', {label: t(`emotion.${emotion}`)}));
    setText(this.sentence, t(`sentence.${sentence}`));
    setText(this.verdict, !this.take ? t('record.listening')
      : `${seconds(this.take.samples.length / this.take.rate, 1)} – ${
        t(this.take.wrong || 'record.good')}`);
    for (const element of [this.sound, this.keep, this.redo]) setHidden(element, !this.take);
    setText(this.count, t('record.count', {count: this.takes.size, all: this.todo.length,
      share: percent(this.takes.size / this.todo.length)}));
    this.download.disabled = !this.takes.size;
  }

  // The same manifest as `./emotion record` writes.
  save() {
    const speaker = this.speaker.value.replace(/[^A-Za-z0-9_-]/g, '') || 'me';
    const names = this.store.hello.emotions;
    const rows = ['path,label,speaker,seconds,text'];
    const files = [];
    for (const take of this.takes.values()) {
      const label = names[take.emotion];
      const name = `${speaker}_${label.toLowerCase()}_${language}${take.sentence + 1}.wav`;
      const length = (take.samples.length / take.rate).toFixed(2);
      rows.push(`${name},${label},${speaker},${length},"${take.text.replace(/"/g, '""')}"`);
      files.push({name, bytes: wav(take.samples, take.rate)});
    }
    files.push({name: 'manifest.csv', bytes: new TextEncoder().encode(`${rows.join('\r\n')}\r\n`)});
    const link = h('a', {href: URL.createObjectURL(zip(files)), download: 'recordings.zip'});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
}
