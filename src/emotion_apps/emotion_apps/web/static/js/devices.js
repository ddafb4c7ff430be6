// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// This browser as the graph's camera and microphone.

import {h, toast} from './dom.js';
import {packSound, pictureHeader} from './wire.js';

const WIDTH = 640;
const HEIGHT = 480;
const RATE = 30;
const QUALITY = 0.82;
// Pictures that are under way to the graph at most; a slow network lowers the rate, and adds no
// delay.
const UNDER_WAY = 2;
const MOST_WAITING = 512 * 1024;
const SOUND_RATE = 16000;
// Sound that waits longer than this, bytes, is left out: the network is too slow for it.
const MOST_SOUND = 256 * 1024;
const CANVASES = 8;

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// Events: 'change'.
export class Devices extends EventTarget {
  constructor(connection, stage) {
    super();
    this.connection = connection;
    this.stage = stage;
    // By this secret the server knows the tab again after a lost connection.
    this.key = newKey();
    this.stream = null;
    this.claimed = false;
    this.wanted = null;
    this.video = h('video', {muted: 'muted', playsinline: ''});
    this.video.muted = true;
    this.canvases = [];
    this.number = 0;
    this.under = [];
    this.frames = new Map();
    this.samples = 0;
    connection.on('taken', (message) => this.onTaken(message));
    connection.on('hello', () => this.resume());
    connection.on('closed', () => { this.claimed = false; this.under = []; this.change(); });
    connection.on('played', () => this.resume());
    document.addEventListener('visibilitychange', () => this.onVisibility());
    // A tab that closes says so; the server would find out a little later.
    addEventListener('pagehide', () => this.wanted && this.connection.send(
      {type: 'release', id: 0}));
    addEventListener('pageshow', (event) => event.persisted && this.resume());
  }

  get on() {
    return this.stream !== null;
  }

  get camera() {
    return Boolean(this.stream?.getVideoTracks().length);
  }

  get microphone() {
    return Boolean(this.stream?.getAudioTracks().length);
  }

  change() {
    this.stage.setLocal(this.claimed && this.camera);
    this.dispatchEvent(new Event('change'));
  }

  // Ask for the devices, then for the place of who sends.
  async start({camera, microphone, cameraId, microphoneId}) {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error('insecure');
    const stream = await navigator.mediaDevices.getUserMedia({
      video: camera && {
        width: {ideal: WIDTH}, height: {ideal: HEIGHT}, frameRate: {ideal: RATE},
        facingMode: 'user', ...(cameraId ? {deviceId: {exact: cameraId}} : {}),
      },
      audio: microphone && {
        // What a telephone does to a voice takes out part of what it shows.
        echoCancellation: false, noiseSuppression: false, autoGainControl: false,
        channelCount: 1, ...(microphoneId ? {deviceId: {exact: microphoneId}} : {}),
      },
    });
    this.halt();
    this.stream = stream;
    this.wanted = {camera: this.camera, microphone: this.microphone};
    for (const track of stream.getTracks()) {
      // Unplugged, or taken away by the system.
      track.onended = () => this.stop();
    }
    try {
      await this.claim();
      if (this.camera) await this.startPictures();
      if (this.microphone) await this.startSound();
      await this.stayAwake();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async claim() {
    try {
      await this.connection.request({type: 'claim', key: this.key, ...this.wanted});
      this.claimed = true;
      this.under = [];
    } finally {
      this.change();
    }
  }

  // Take the place again, after a lost connection for instance; somebody else may have it now.
  async resume() {
    if (!this.wanted) return;
    try {
      await this.claim();
      this.onVisibility();
    } catch (error) {
      this.stop();
      toast(error.message);
    }
  }

  async stop() {
    const was = this.wanted;
    this.halt();
    this.wanted = null;
    this.claimed = false;
    this.change();
    if (was && this.connection.ready) await this.connection.request({type: 'release'});
  }

  // A telephone would turn its screen off, and with it the camera.
  async stayAwake() {
    if (!this.on || document.hidden) return;
    this.awake = await navigator.wakeLock?.request('screen').catch(() => null);
  }

  halt() {
    this.awake?.release();
    this.awake = null;
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
    this.video.srcObject = null;
    this.context?.close();
    this.context = null;
  }

  onVisibility() {
    this.stayAwake();
    if (this.wanted && this.claimed) {
      this.connection.send({type: 'away', away: document.hidden});
    }
  }

  // Pictures.

  async startPictures() {
    this.video.srcObject = this.stream;
    await this.video.play();
    const stream = this.stream;
    const next = (now, data) => {
      if (this.stream !== stream) return;
      // captureTime: when the camera took it; not all browsers know.
      this.onFrame((data?.captureTime ?? now) / 1000);
      this.askFrame(next);
    };
    this.askFrame(next);
  }

  askFrame(callback) {
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(callback);
    else setTimeout(() => callback(performance.now()), 1000 / RATE);
  }

  onFrame(time) {
    if (!this.claimed || this.under.length >= UNDER_WAY
        || this.connection.waiting > MOST_WAITING || !this.video.videoWidth) {
      return;
    }
    const number = ++this.number;
    const canvas = this.canvas();
    const scale = Math.min(1, WIDTH / this.video.videoWidth, 1);
    canvas.width = Math.round(this.video.videoWidth * scale);
    canvas.height = Math.round(this.video.videoHeight * scale);
    canvas.getContext('2d').drawImage(this.video, 0, 0, canvas.width, canvas.height);
    const begun = performance.now();
    this.under.push(number);
    this.frames.set(number, {canvas, time: begun});
    for (const old of this.frames.keys()) {
      if (old <= number - CANVASES) this.frames.delete(old);
    }
    canvas.toBlob((blob) => {
      if (blob) this.connection.send(new Blob([pictureHeader(number, time), blob]));
      else this.under = this.under.filter((other) => other !== number);
    }, 'image/jpeg', QUALITY);
  }

  canvas() {
    const number = this.number % CANVASES;
    this.canvases[number] ??= h('canvas', {});
    return this.canvases[number];
  }

  // The graph has taken a picture: show it, and look for its faces by its stamp.
  onTaken({number, stamp}) {
    this.under = this.under.filter((other) => other > number);
    const frame = this.frames.get(number);
    this.frames.delete(number);
    if (!frame || !this.camera) return;
    this.stage.addLocal({
      stamp, taken: stamp ? Number(stamp) : 0, width: frame.canvas.width,
      height: frame.canvas.height, image: frame.canvas,
      measure: () => measure(frame.time),
    });
  }

  // Sound.

  async startSound() {
    let context = new AudioContext({sampleRate: SOUND_RATE, latencyHint: 'interactive'});
    let source;
    try {
      source = context.createMediaStreamSource(this.stream);
    } catch {
      // Firefox connects a microphone at its own rate only; the graph takes any.
      await context.close();
      context = new AudioContext({latencyHint: 'interactive'});
      source = context.createMediaStreamSource(this.stream);
    }
    this.context = context;
    await context.audioWorklet.addModule('/static/js/recorder.js');
    const recorder = new AudioWorkletNode(context, 'recorder', {numberOfOutputs: 0});
    recorder.port.onmessage = (event) => this.onSound(context, event.data);
    source.connect(recorder);
    if (context.state === 'suspended') await context.resume();
  }

  onSound(context, {first, samples}) {
    if (!this.claimed || this.context !== context || this.connection.waiting > MOST_SOUND) return;
    this.connection.send(packSound(context.sampleRate, performance.now() / 1000, first, samples));
  }
}

// From the camera's picture to its faces on the screen, for whoever measures: User Timing.
function measure(start) {
  performance.measure('picture to result', {start, end: performance.now()});
  if (performance.getEntriesByName('picture to result').length > 600) {
    performance.clearMeasures('picture to result');
  }
}

export async function listDevices() {
  const devices = await navigator.mediaDevices?.enumerateDevices() ?? [];
  return {
    cameras: devices.filter((device) => device.kind === 'videoinput'),
    microphones: devices.filter((device) => device.kind === 'audioinput'),
  };
}
