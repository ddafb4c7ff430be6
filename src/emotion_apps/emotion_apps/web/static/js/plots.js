// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The level of the sound, and the last minutes of face and voice.

import {colour, emotionColour} from './colours.js';
import {fitted} from './dom.js';
import {t} from './text.js';
import {MEMORY} from './store.js';

const QUIET = -70;
const BARS = 60;

export function drawLevels(canvas, levels, speaking) {
  const {context, width, height} = fitted(canvas);
  context.clearRect(0, 0, width, height);
  const step = width / BARS;
  context.fillStyle = colour(speaking ? 'accent' : 'muted');
  levels.slice(-BARS).forEach((level, number, shown) => {
    const share = Math.min(1, Math.max(0.04, 1 - level / QUIET));
    const x = width - step * (shown.length - number);
    context.fillRect(x + 1, (1 - share) * height / 2, Math.max(1, step - 2), share * height);
  });
}

// Curves of the classes that matter, dots for utterances, a strip where somebody spoke.
export function drawTimeline(canvas, place) {
  const {context, width, height} = fitted(canvas);
  const now = performance.now() / 1000;
  const strip = 10;
  const bottom = height - 22;
  const plot = bottom - strip - 4;
  const left = 38;
  const x = (time) => left + (width - left - 6) * (1 - (now - time) / MEMORY);
  const y = (share) => 4 + (plot - 4) * (1 - share);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.strokeStyle = colour('track');
  context.fillStyle = colour('muted');
  context.lineWidth = 1;
  for (const share of [0, 0.5, 1]) {
    context.beginPath();
    context.moveTo(left, y(share));
    context.lineTo(width, y(share));
    context.stroke();
    context.fillText(`${share * 100} %`, 0, y(share));
  }
  for (let minute = 0; minute <= MEMORY / 60; minute++) {
    const text = minute ? `-${minute} min` : t('timeline.now');
    context.textAlign = minute ? 'center' : 'right';
    context.fillText(text, minute ? Math.max(left + 20, x(now - 60 * minute)) : width,
      height - 9);
  }
  context.textAlign = 'left';
  context.lineWidth = 2;
  for (let emotion = 0; emotion < 6; emotion++) {
    if (!place.curve.some((point) => point[1][emotion] > 0.12)) continue;
    context.strokeStyle = emotionColour(emotion);
    context.beginPath();
    let last = -Infinity;
    for (const [time, values] of place.curve) {
      if (time - last > 2) context.moveTo(x(time), y(values[emotion]));
      else context.lineTo(x(time), y(values[emotion]));
      last = time;
    }
    context.stroke();
  }
  context.fillStyle = colour('accent');
  for (const [from, to] of place.speech) {
    context.fillRect(x(from), bottom - strip, Math.max(2, x(to) - x(from)), strip - 3);
  }
  for (const dot of place.dots) {
    context.fillStyle = emotionColour(dot.emotion);
    context.strokeStyle = colour('text');
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(x(dot.time), y(dot.confidence), 6, 0, 7);
    context.fill();
    context.stroke();
  }
}
