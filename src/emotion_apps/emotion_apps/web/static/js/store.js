// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// What the page knows: of each place the newest of everything, and the last minutes.

import {UTTERANCE, PICTURE} from './wire.js';

const STALE = 2000;
export const MEMORY = 180;
const POINTS_A_SECOND = 5;
const LEVELS = 80;
const VOICES = 6;

class Place {
  constructor(number) {
    this.number = number;
    this.name = '';
    this.nodes = [];
    this.applications = [];
    this.faces = null;
    this.facesCame = -1e9;
    this.activity = null;
    this.activityCame = -1e9;
    this.levels = [];
    this.voices = [];
    this.fused = null;
    this.fusedCame = -1e9;
    this.states = {};
    // [time, probabilities] of the primary face; {time, emotion, confidence} of voices; [from, to]
    // of speech. Seconds of this page.
    this.curve = [];
    this.dots = [];
    this.speech = [];
  }

  get primary() {
    if (!this.faces || performance.now() - this.facesCame > STALE) return null;
    return this.faces.faces.find((face) => face.id === this.faces.primary) ?? null;
  }

  get freshFaces() {
    return this.faces && performance.now() - this.facesCame < STALE ? this.faces.faces : [];
  }

  get heard() {
    return performance.now() - this.activityCame < STALE;
  }

  get freshFused() {
    return performance.now() - this.fusedCame < 2 * STALE ? this.fused : null;
  }
}

// Events: 'places', 'sender', 'diagnostics', 'faces', 'picture', 'activity', 'voice', 'fused',
// 'state', 'utterance', 'ended', 'selected'; the detail names the place.
export class Store extends EventTarget {
  constructor(connection) {
    super();
    this.connection = connection;
    this.hello = null;
    this.places = [];
    this.selected = 0;
    this.sender = {client: 0, words: ''};
    this.diagnostics = [];
    connection.on('hello', (message) => { this.hello = message; this.tell('hello', message); });
    connection.on('places', (message) => this.onPlaces(message));
    connection.on('sender', (message) => { this.sender = message; this.tell('sender', message); });
    connection.on('diagnostics', (message) => {
      this.diagnostics = message.items;
      this.tell('diagnostics', message);
    });
    connection.on('faces', (message) => this.onFaces(message));
    connection.on('activity', (message) => this.onActivity(message));
    connection.on('voice', (message) => this.onVoice(message));
    connection.on('fused', (message) => this.onFused(message));
    connection.on('state', (message) => {
      const place = this.place(message.place);
      place.states[message.name] = message.state;
      this.tell('state', {place, name: message.name, state: message.state});
    });
    connection.on('ended', (message) => this.tell('ended', message));
    connection.on('binary', (message) => {
      if (message.kind === PICTURE) this.tell('picture', message);
      if (message.kind === UTTERANCE) this.tell('utterance', message);
    });
  }

  get place_() {
    return this.place(this.selected);
  }

  place(number) {
    while (this.places.length <= number) this.places.push(new Place(this.places.length));
    return this.places[number];
  }

  select(number) {
    this.selected = number;
    this.tell('selected', {place: this.place(number)});
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  on(type, listener) {
    this.addEventListener(type, (event) => listener(event.detail));
  }

  onPlaces(message) {
    for (const told of message.places) Object.assign(this.place(told.number), told);
    this.tell('places', {});
  }

  onFaces(message) {
    const place = this.place(message.place);
    place.faces = message;
    place.facesCame = performance.now();
    const face = place.primary;
    const now = performance.now() / 1000;
    const last = place.curve.at(-1);
    if (face?.probabilities && (!last || now - last[0] > 1 / POINTS_A_SECOND)) {
      place.curve.push([now, face.probabilities]);
      trim(place.curve, (point) => point[0], now);
    }
    this.tell('faces', {place, message});
  }

  onActivity(message) {
    const place = this.place(message.place);
    const now = performance.now() / 1000;
    const last = place.speech.at(-1);
    if (message.speaking) {
      if (place.activity?.speaking && last) last[1] = now;
      else place.speech.push([now, now]);
      trim(place.speech, (span) => span[1], now);
    }
    place.activity = message;
    place.activityCame = performance.now();
    place.levels.push(message.level);
    if (place.levels.length > LEVELS) place.levels.shift();
    this.tell('activity', {place});
  }

  onVoice(message) {
    const place = this.place(message.place);
    // Who comes late is told the last one, perhaps again after a lost connection.
    if (place.voices[0]?.stamp === message.stamp) return;
    const now = performance.now() / 1000;
    place.voices.unshift({...message, came: new Date()});
    place.voices.length = Math.min(place.voices.length, VOICES);
    place.dots.push({time: now, emotion: message.emotion, confidence: message.confidence});
    trim(place.dots, (dot) => dot.time, now);
    this.tell('voice', {place, message});
  }

  onFused(message) {
    const place = this.place(message.place);
    place.fused = message;
    place.fusedCame = performance.now();
    this.tell('fused', {place, message});
  }
}

function trim(list, timeOf, now) {
  while (list.length && now - timeOf(list[0]) > MEMORY) list.shift();
}
