// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// What a screen reader is told: changes of meaning, and not each frame's figures.

const LEAST_PAUSE = 2500;
const LINES = 5;
let last = 0;
let waiting = '';
let timer = 0;

function say(text) {
  const log = document.getElementById('announce');
  const line = document.createElement('p');
  line.textContent = text;
  log.append(line);
  while (log.childElementCount > LINES) log.firstElementChild.remove();
  last = performance.now();
}

// Say when there is time for it; only the newest waits.
export function announce(text) {
  const pause = last + LEAST_PAUSE - performance.now();
  waiting = text;
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    say(waiting);
  }, Math.max(0, pause));
}

// Say at once: the user has to act.
export function interrupt(text) {
  const element = document.getElementById('alert');
  if (element.textContent !== text) element.textContent = text;
}
