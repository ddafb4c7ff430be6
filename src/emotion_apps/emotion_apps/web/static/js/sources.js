// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The buttons under the picture: who sends, from which device, or which file is played.

import {interrupt} from './announce.js';
import {listDevices} from './devices.js';
import {attempt, h, setHidden, setText, toast} from './dom.js';
import {recall, remember, t} from './text.js';

export class Sources {
  constructor({store, connection, devices}) {
    this.store = store;
    this.connection = connection;
    this.devices = devices;
    this.light = document.getElementById('light');
    this.words = h('span', {});
    this.end = h('button', {type: 'button', onclick: () => this.stop()}, t('send.stop'));
    this.light.replaceChildren(this.words, this.end);
    this.begin = h('button', {type: 'button', class: 'main', id: 'send',
      onclick: () => attempt(() => this.start(), this.begin)}, t('send.start'));
    this.camera = h('select', {'aria-label': t('send.camera'), onchange: () => this.choose()});
    this.microphone = h('select', {'aria-label': t('send.microphone'),
      onchange: () => this.choose()});
    this.input = h('input', {type: 'file', id: 'file', onchange: () => this.upload()});
    this.file = h('label', {class: 'file'}, t('send.file'), this.input);
    this.full = h('button', {type: 'button', class: 'quiet', id: 'full',
      onclick: () => this.fullscreen()},
      t('stage.full'));
    document.getElementById('sources').replaceChildren(
      this.begin, this.camera, this.microphone, this.file, this.full);
    store.on('hello', () => this.update());
    store.on('sender', () => this.update());
    devices.addEventListener('change', () => this.update());
    connection.on('closed', () => this.update());
    connection.on('played', ({trouble}) => trouble && toast(trouble));
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.list());
    this.list();
    this.update();
  }

  async list() {
    const {cameras, microphones} = await listDevices();
    fill(this.camera, cameras, t('send.camera'), recall('camera'), this.store.hello?.camera);
    fill(this.microphone, microphones, t('send.microphone'), recall('microphone'),
      this.store.hello?.microphone);
  }

  async choose() {
    remember('camera', this.camera.value);
    remember('microphone', this.microphone.value);
    if (this.devices.on) await attempt(() => this.start());
  }

  async start() {
    const {camera, microphone} = this.store.hello;
    try {
      await this.devices.start({
        camera: camera && this.camera.value !== 'off',
        microphone: microphone && this.microphone.value !== 'off',
        cameraId: chosen(this.camera), microphoneId: chosen(this.microphone),
      });
    } catch (error) {
      throw new Error(explain(error));
    }
    // With the permission come the devices' names.
    await this.list();
  }

  async stop() {
    if (this.devices.on) await attempt(() => this.devices.stop(), this.end);
    else await attempt(() => this.connection.request({type: 'release'}), this.end);
  }

  async upload() {
    const file = this.input.files[0];
    this.input.value = '';
    if (!file) return;
    const query = new URLSearchParams(
      {client: this.connection.number, key: this.devices.key, name: file.name});
    await attempt(async () => {
      const response = await fetch(`/play?${query}`, {method: 'POST', body: file});
      if (!response.ok) throw new Error((await response.text()).trim());
    });
  }

  fullscreen() {
    const stage = document.getElementById('views');
    if (document.fullscreenElement) document.exitFullscreen();
    else stage.requestFullscreen?.().catch(() => {});
  }

  update() {
    const {hello, sender} = this.store;
    const own = sender.client !== 0 && sender.client === this.connection.number;
    const possible = Boolean(hello?.camera || hello?.microphone);
    setHidden(this.begin, !possible || own);
    this.begin.disabled = !this.connection.ready || (sender.client !== 0 && !own);
    for (const [element, on] of [[this.camera, hello?.camera],
      [this.microphone, hello?.microphone]]) {
      setHidden(element, !on || element.options.length < 2);
    }
    setHidden(this.file, !possible || !hello?.upload);
    if (hello) this.input.accept = hello.suffixes.join();
    this.file.classList.toggle('off', sender.client !== 0 && !own);
    setHidden(this.light, !sender.label);
    this.light.classList.toggle('other', !own);
    setHidden(this.end, !own);
    setText(this.words, this.describe(own));
    if (own) interrupt(this.words.textContent);
  }

  // The light: what goes where, and from whom.
  describe(own) {
    const {sender} = this.store;
    const parts = [sender.camera && t('send.camera'), sender.microphone && t('send.microphone')]
      .filter(Boolean).join(` ${t('and')} `);
    const values = {parts, label: sender.label, host: location.host, file: sender.playing};
    if (sender.playing) return t(own ? 'light.playing' : 'light.otherplays', values);
    if (sender.lost) return t('light.lost', values);
    if (own) return t('light.own', values);
    return t(sender.away ? 'light.asleep' : 'light.other', values);
  }
}

function chosen(select) {
  return ['', 'off'].includes(select.value) ? '' : select.value;
}

function fill(select, devices, name, remembered, wanted) {
  const before = select.value || remembered || '';
  const options = devices.filter((device) => device.deviceId).map((device, number) =>
    h('option', {value: device.deviceId}, device.label || `${name} ${number + 1}`));
  select.replaceChildren(...(options.length ? options : [h('option', {value: ''}, name)]),
    h('option', {value: 'off'}, t('send.without', {name})));
  if ([...select.options].some((option) => option.value === before)) select.value = before;
  select.hidden = !wanted;
}

function explain(error) {
  const known = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError'];
  if (error.message === 'insecure') return t('send.insecure');
  return known.includes(error.name) ? t(`send.${error.name}`) : error.message;
}
