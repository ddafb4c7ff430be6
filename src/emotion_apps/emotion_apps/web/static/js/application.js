// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// What the views of the applications share: each draws the state of one, while it is shown.

import {Overlay} from './actions.js';
import {soon} from './dom.js';

// A subclass makes `element` and has a method `draw`.
export class Application {
  constructor(parts, name) {
    this.parts = parts;
    this.store = parts.store;
    this.name = name;
    this.overlay = new Overlay(parts.stage);
    this.draw = this.draw.bind(this);
    this.store.on('state', (message) => message.name === name && this.shown && soon(this.draw));
    this.store.on('selected', () => this.shown && soon(this.draw));
  }

  // The newest state, or nothing before the first and while another view is shown.
  get state() {
    return this.shown ? this.store.place_.states[this.name] : undefined;
  }

  show() {
    this.shown = true;
    soon(this.draw);
  }

  hide() {
    this.shown = false;
    this.overlay.clear();
  }
}
