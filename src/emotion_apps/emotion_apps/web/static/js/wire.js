// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// What page and server say to each other in bytes: the other side of protocol.py.

export const VERSION = 1;
export const PICTURE = 1;
export const SOUND = 2;
export const UTTERANCE = 3;

// A stamp as the text by which results name it.
export function stampKey(seconds, nanoseconds) {
  return `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

export function stampSeconds(key) {
  return Number(key);
}

// Header of a picture for the server; the JPEG follows.
export function pictureHeader(number, time) {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint8(0, PICTURE);
  view.setUint32(4, number, true);
  view.setFloat64(8, time, true);
  return view.buffer;
}

// A block of sound for the server: Int16Array, mono.
export function packSound(rate, time, first, samples) {
  const buffer = new ArrayBuffer(24 + samples.byteLength);
  const view = new DataView(buffer);
  view.setUint8(0, SOUND);
  view.setUint8(1, 1);
  view.setUint32(4, rate, true);
  view.setFloat64(8, time, true);
  view.setBigUint64(16, BigInt(first), true);
  new Int16Array(buffer, 24).set(samples);
  return buffer;
}

// A binary message of the server.
export function unpack(buffer) {
  const view = new DataView(buffer);
  const kind = view.getUint8(0);
  const place = view.getUint8(1);
  if (kind === PICTURE) {
    return {
      kind, place,
      number: view.getUint32(4, true),
      stamp: stampKey(view.getInt32(8, true), view.getUint32(12, true)),
      width: view.getUint16(16, true),
      height: view.getUint16(18, true),
      jpeg: new Blob([new Uint8Array(buffer, 20)], {type: 'image/jpeg'}),
    };
  }
  if (kind === UTTERANCE) {
    return {
      kind, place, rate: view.getUint32(4, true), samples: new Int16Array(buffer.slice(8)),
    };
  }
  return {kind, place};
}
