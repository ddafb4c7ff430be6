// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The WebSocket: comes back by itself, and answers what the server asks of the clock.

import {VERSION, unpack} from './wire.js';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
const PATIENCE = 130000;

// Events: 'open', 'closed' ({reason, pause}), 'binary', and every type of text message.
export class Connection extends EventTarget {
  constructor(url) {
    super();
    this.url = url;
    this.number = 0;
    this.replies = new Map();
    this.requests = 0;
    this.pause = FIRST_PAUSE;
    this.timer = 0;
    // Who comes back to the network, or wakes up, does not wait out the pause.
    addEventListener('online', () => this.hurry());
    addEventListener('visibilitychange', () => document.hidden || this.hurry());
    this.open();
  }

  get ready() {
    return this.socket.readyState === WebSocket.OPEN && this.number > 0;
  }

  get waiting() {
    return this.socket.bufferedAmount;
  }

  open() {
    this.timer = 0;
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.closed(event);
  }

  hurry() {
    if (this.timer) {
      clearTimeout(this.timer);
      this.open();
    }
  }

  closed(event) {
    this.number = 0;
    for (const {reject} of this.replies.values()) reject(new Error('connection lost'));
    this.replies.clear();
    this.tell('closed', {code: event.code, reason: event.reason});
    // 4001: the same tab is connected elsewhere, in a duplicate: two must not fight.
    if (event.code === 4001) return;
    this.timer = setTimeout(() => this.open(), this.pause * (0.75 + Math.random() / 2));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
  }

  receive(data) {
    if (typeof data !== 'string') {
      this.tell('binary', unpack(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === 'clock') {
      this.send({type: 'clock', number: message.number, time: performance.now() / 1000});
    } else if (message.type === 'reply') {
      const waiting = this.replies.get(message.id);
      this.replies.delete(message.id);
      if (waiting && message.success) waiting.resolve(message.data);
      else if (waiting) waiting.reject(new Error(message.message));
    } else if (message.type === 'hello') {
      if (message.version !== VERSION) {
        location.reload();
        return;
      }
      this.number = message.number;
      this.pause = FIRST_PAUSE;
      this.tell('hello', message);
    } else {
      this.tell(message.type, message);
    }
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  on(type, listener) {
    this.addEventListener(type, (event) => listener(event.detail));
  }

  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(message instanceof ArrayBuffer || message instanceof Blob
      ? message : JSON.stringify(message));
    return true;
  }

  // Ask, and await the answer; rejects with the server's words.
  request(message) {
    const id = ++this.requests;
    return new Promise((resolve, reject) => {
      if (!this.send({...message, id})) {
        reject(new Error('not connected'));
        return;
      }
      this.replies.set(id, {resolve, reject});
      setTimeout(() => {
        if (this.replies.delete(id)) reject(new Error('no answer'));
      }, PATIENCE);
    });
  }

  call(place, name, values = {}) {
    return this.request({type: 'call', place, name, values});
  }
}
