// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The page: put together, and which of its views is shown.

import {Connection} from './connection.js';
import {Cycle} from './cycle.js';
import {nextTheme, startTheme} from './colours.js';
import {Devices} from './devices.js';
import {h, setHidden, setText} from './dom.js';
import {Game} from './game.js';
import {Interview} from './interview.js';
import {Live} from './live.js';
import {Recordings} from './recordings.js';
import {Sources} from './sources.js';
import {Stage} from './stage.js';
import {Store} from './store.js';
import {System} from './system.js';
import {LANGUAGES, language, preferred, remember, speak, t} from './text.js';

// name: the view, and the application that it needs of the place (if any).
const VIEWS = {
  live: [Live, null],
  cycle: [Cycle, 'multimodal'],
  game: [Game, 'game'],
  interview: [Interview, 'interview'],
  record: [Recordings, null],
  system: [System, null],
};

class Page {
  constructor() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    this.connection = new Connection(`${scheme}://${location.host}/socket`);
    const store = new Store(this.connection);
    const stage = new Stage(store, this.connection);
    const devices = new Devices(this.connection, stage);
    this.parts = {connection: this.connection, store, stage, devices};
    this.store = store;
    this.panel = document.getElementById('panel');
    this.tabs = document.getElementById('tabs');
    this.sources = new Sources(this.parts);
    this.views = {};
    this.shown = null;
    this.label();
    this.makeTabs();
    this.show(location.hash.slice(1) in VIEWS ? location.hash.slice(1) : 'live');
    store.on('places', () => this.offer());
    store.on('selected', () => this.offer());
    addEventListener('hashchange', () => this.show(location.hash.slice(1)));
    const offline = document.getElementById('offline');
    this.connection.on('hello', () => setHidden(offline, true));
    this.connection.on('closed', ({code, reason}) => {
      setText(offline, t(code === 4001 ? 'connection.elsewhere' : 'connection.lost',
        {reason: reason ? `(${reason})` : ''}));
      setHidden(offline, false);
    });
  }

  label() {
    for (const element of document.querySelectorAll('[data-text]')) {
      element.textContent = t(element.dataset.text);
    }
    for (const element of document.querySelectorAll('[data-label]')) {
      element.setAttribute('aria-label', t(element.dataset.label));
    }
    const choice = document.getElementById('language');
    choice.replaceChildren(...Object.entries(LANGUAGES).map(([value, name]) =>
      h('option', {value, lang: value}, name)));
    choice.value = language;
    choice.onchange = () => {
      // Every text is made anew, and nothing is half translated.
      remember('language', choice.value);
      location.reload();
    };
    document.getElementById('theme').onclick = nextTheme;
  }

  makeTabs() {
    this.buttons = Object.fromEntries(Object.keys(VIEWS).map((name) => [name, h('button', {
      role: 'tab', type: 'button', id: `tab-${name}`, 'aria-controls': 'panel',
      onclick: () => { location.hash = name; },
    }, t(`view.${name}`))]));
    this.tabs.replaceChildren(...Object.values(this.buttons));
    this.tabs.onkeydown = (event) => this.onKey(event);
  }

  // Arrows go from tab to tab, as in every list of tabs.
  onKey(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity}[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = Object.values(this.buttons).filter((button) => !button.hidden);
    const now = shown.indexOf(document.activeElement);
    const next = Math.abs(step) === 1 ? (now + step + shown.length) % shown.length
      : step > 0 ? shown.length - 1 : 0;
    shown[next].focus();
    shown[next].click();
  }

  // Only the applications that the place has.
  offer() {
    const {applications} = this.store.place_;
    for (const [name, [, needed]] of Object.entries(VIEWS)) {
      setHidden(this.buttons[name], Boolean(needed) && !applications.includes(needed));
    }
    if (this.buttons[this.shown]?.hidden) location.hash = 'live';
  }

  show(name) {
    if (!(name in VIEWS) || name === this.shown) return;
    this.views[this.shown]?.hide();
    this.shown = name;
    for (const [each, button] of Object.entries(this.buttons)) {
      button.setAttribute('aria-selected', each === name);
      button.tabIndex = each === name ? 0 : -1;
    }
    this.buttons[name].scrollIntoView({block: 'nearest', inline: 'nearest'});
    this.views[name] ??= new VIEWS[name][0](this.parts);
    this.panel.setAttribute('aria-labelledby', `tab-${name}`);
    this.panel.replaceChildren(this.views[name].element);
    this.views[name].show();
  }
}

startTheme();
await speak(preferred());
new Page();
