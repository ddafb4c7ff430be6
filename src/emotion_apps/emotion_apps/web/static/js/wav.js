// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Sound as a WAV file, and whether a take is any good.

const QUIET_DB = -40;
const SHORTEST = 0.5;
const MOST_CLIPPED = 0.001;

// samples: Int16Array, mono.
export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, number) =>
    view.setUint8(at + number, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, 2 * samples.length, true);
  new Int16Array(view.buffer, 44).set(samples);
  return new Uint8Array(view.buffer);
}

// The key of what is wrong with a take; empty if nothing is. The limits are those of
// `./emotion record`.
export function complaint(samples, rate) {
  if (samples.length / rate < SHORTEST) return 'record.short';
  let loudest = -99;
  let clipped = 0;
  const frame = Math.round(rate / 100);
  for (let start = 0; start + frame <= samples.length; start += frame) {
    let sum = 0;
    for (let at = start; at < start + frame; at++) {
      sum += samples[at] ** 2;
      if (Math.abs(samples[at]) >= 32700) clipped++;
    }
    loudest = Math.max(loudest, 10 * Math.log10(sum / frame / 32768 ** 2 + 1e-10));
  }
  if (loudest < QUIET_DB) return 'record.quiet';
  return clipped / samples.length > MOST_CLIPPED ? 'record.clips' : '';
}
