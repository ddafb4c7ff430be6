// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The pictures of all places, with what was seen in them drawn here.

import {pictureColour, playerColour} from './colours.js';
import {fitted, h, setHidden, setText, soon} from './dom.js';
import {percent, t} from './text.js';
import {stampSeconds} from './wire.js';

const KEPT = 8;
// A picture waits so long, seconds, for its faces; then it is shown with the last ones.
const WAIT = 0.25;
// Boxes older than the picture by more, seconds, are not drawn on it.
const APART = 1.0;
const GONE = 2000;
const NARROW = 480;
const MEASURED = 64;

class View {
  constructor(stage, place) {
    this.stage = stage;
    this.place = place;
    this.pictures = [];
    this.came = -1e9;
    // Of pictures whose faces were not shown yet: called when they are, on whichever picture.
    this.measures = new Map();
    this.canvas = h('canvas', {role: 'img', 'aria-label': t('picture.none')});
    this.none = h('p', {class: 'none'});
    this.over = h('div', {class: 'over'});
    this.button = h('button', {class: 'choose', type: 'button',
      onclick: () => stage.store.select(place.number)});
    this.element = h('div', {class: 'view'}, this.canvas, this.none, this.over, this.button);
    this.draw = this.draw.bind(this);
  }

  // picture: {stamp, width, height, image, done}
  add(picture) {
    this.came = performance.now();
    this.pictures.push(picture);
    if (picture.measure) this.measures.set(picture.stamp, picture.measure);
    if (this.measures.size > MEASURED) this.measures.delete(this.measures.keys().next().value);
    if (this.pictures.length > KEPT) release(this.pictures.shift());
    soon(this.draw);
  }

  // The newest picture whose faces are known, unless that lags too far behind.
  choose() {
    const faces = this.place.faces;
    const newest = this.pictures.at(-1);
    if (!newest) return [null, []];
    const fresh = this.place.freshFaces;
    const match = faces && this.pictures.find((picture) => picture.stamp === faces.stamp);
    if (match && newest.taken - match.taken <= WAIT) return [match, fresh];
    const apart = faces ? Math.abs(newest.taken - stampSeconds(faces.stamp)) : Infinity;
    return [newest, apart < APART || !newest.stamp ? fresh : []];
  }

  draw() {
    const {context, width, height} = fitted(this.canvas);
    context.fillStyle = '#05070a';
    context.fillRect(0, 0, width, height);
    const stale = performance.now() - this.came > GONE;
    setHidden(this.none, !stale && this.pictures.length > 0);
    if (stale) {
      for (const picture of this.pictures.splice(0)) release(picture);
      setText(this.none, t(this.stage.waitingText()));
      this.canvas.setAttribute('aria-label', t('picture.none'));
      return;
    }
    const [picture, faces] = this.choose();
    if (!picture) return;
    const scale = Math.min(width / picture.width, height / picture.height);
    const left = (width - picture.width * scale) / 2;
    const top = (height - picture.height * scale) / 2;
    context.drawImage(picture.image, left, top, picture.width * scale, picture.height * scale);
    const players = this.stage.players(this.place);
    for (const face of faces) {
      drawFace(context, face, players[face.id], this.place.faces.primary === face.id,
        (x, y) => [left + x * scale, top + y * scale], scale, width);
    }
    setText(this.button, this.place.name || t('place.own'));
    this.canvas.setAttribute('aria-label', t('picture.faces', {count: faces.length}));
    const stamp = faces.length ? this.place.faces.stamp : '';
    this.measures.get(stamp)?.();
    this.measures.delete(stamp);
    while (this.pictures[0] && this.pictures[0] !== picture) release(this.pictures.shift());
    picture.done?.();
    picture.done = null;
  }
}

export class Stage {
  constructor(store, connection) {
    this.store = store;
    this.connection = connection;
    this.element = document.getElementById('views');
    this.views = [];
    this.local = false;
    this.players = () => ({});
    store.on('hello', () => this.watch());
    store.on('places', () => this.arrange());
    store.on('selected', () => this.arrange());
    store.on('picture', (message) => this.onPicture(message));
    store.on('faces', ({place}) => {
      const view = this.view(place.number);
      soon(view.draw);
    });
    // When nothing comes any more, that has to be seen too.
    setInterval(() => this.views.forEach((view) => soon(view.draw)), 500);
    this.recording = false;
    this.view(0);
  }

  view(number) {
    while (this.views.length <= number) {
      const view = new View(this, this.store.place(this.views.length));
      this.views.push(view);
      this.element.append(view.element);
    }
    return this.views[number];
  }

  get selected() {
    return this.view(this.store.selected);
  }

  arrange() {
    const places = this.store.places;
    for (const place of places) {
      const {element, button} = this.view(place.number);
      const alive = place.number === 0 || place.nodes.length > 0;
      setHidden(element, !alive);
      setHidden(button, places.length < 2);
      setText(button, place.name || t('place.own'));
      button.setAttribute('aria-pressed', place.number === this.store.selected);
      element.classList.toggle('several', places.length > 1);
      element.classList.toggle('chosen', place.number === this.store.selected);
    }
    this.watch();
  }

  // Tell the server what to send: no pictures of what this page takes itself.
  watch() {
    const places = {};
    for (const place of this.store.places.length ? this.store.places : [{number: 0}]) {
      places[place.number] = !(this.local && place.number === 0);
    }
    const wanted = JSON.stringify([places, this.recording, this.connection.number]);
    if (wanted === this.wanted || !this.connection.ready) return;
    this.wanted = wanted;
    this.connection.send({type: 'watch', places, recording: this.recording});
  }

  // Pictures of this browser's own camera are shown as they are; none comes back.
  setLocal(local) {
    this.local = local;
    this.watch();
  }

  setRecording(recording) {
    this.recording = recording;
    this.watch();
  }

  addLocal(picture) {
    this.view(0).add(picture);
  }

  async onPicture(message) {
    const seen = () => this.connection.send(
      {type: 'seen', place: message.place, number: message.number});
    let image;
    try {
      image = await createImageBitmap(message.jpeg);
    } catch {
      seen();
      return;
    }
    this.view(message.place).add({
      stamp: message.stamp, taken: stampSeconds(message.stamp), width: message.width,
      height: message.height, image, done: seen,
    });
  }

  waitingText() {
    if (!this.connection.ready) return 'picture.offline';
    if (this.store.hello?.camera && !this.store.sender.client) return 'picture.allow';
    return 'picture.none';
  }
}

function release(picture) {
  picture.done?.();
  picture.image.close?.();
}

function drawFace(context, face, player, primary, at, scale, width) {
  const [x, y] = at(face.box[0], face.box[1]);
  const [w, h] = [face.box[2] * scale, face.box[3] * scale];
  const known = face.probabilities && face.emotion < 6;
  const tone = player ? playerColour(player) : pictureColour(known ? face.emotion : 255);
  context.lineJoin = 'round';
  for (const [style, line] of [['#05070acc', 6], [tone, 3]]) {
    context.strokeStyle = style;
    context.lineWidth = line;
    context.setLineDash(primary || player ? [] : [8, 6]);
    context.beginPath();
    context.roundRect(x, y, w, h, 10);
    context.stroke();
  }
  context.setLineDash([]);
  const size = Math.max(13, Math.min(22, w / 7));
  context.font = `600 ${size}px system-ui, sans-serif`;
  const name = player ? t('game.player', {number: player}) : face.id;
  const words = known && !(player && width < NARROW)
    ? `${t(`emotion.${face.emotion}`)} ${percent(face.confidence)}` : '';
  // On a small screen two names side by side would cover each other.
  const text = !words ? name : width < NARROW && !player ? words : `${words} · ${name}`;
  const wide = context.measureText(text).width + size;
  const labelX = Math.max(2, Math.min(x, width - wide - 2));
  const labelY = Math.max(2, y - size * 1.75);
  context.fillStyle = '#0e1218d9';
  context.beginPath();
  context.roundRect(labelX, labelY, wide, size * 1.55, 6);
  context.fill();
  context.fillStyle = tone;
  context.textBaseline = 'middle';
  context.fillText(text, labelX + size / 2, labelY + size * 0.8);
  if (face.probabilities) drawBars(context, face, x, y + h + 6, Math.max(w, 90));
}

// Six small bars under the box, in the order of the classes.
function drawBars(context, face, x, y, w) {
  const step = w / 6;
  context.fillStyle = '#0e1218b3';
  context.beginPath();
  context.roundRect(x, y, w, 30, 6);
  context.fill();
  face.probabilities.forEach((value, number) => {
    context.fillStyle = pictureColour(number);
    const high = Math.max(1, 24 * value);
    context.fillRect(x + step * number + 3, y + 27 - high, step - 6, high);
  });
}
