// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The colours of /palette.css, for canvases; and the choice between dark and light.

import {recall, remember} from './text.js';

let cache = new Map();

export function colour(name) {
  if (!cache.has(name)) {
    cache.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)
      .trim());
  }
  return cache.get(name);
}

export function emotionColour(emotion) {
  return colour(`emotion-${emotion}`);
}

// On a picture the ground is always dark, whatever the page is.
export function pictureColour(emotion) {
  return colour(`picture-${emotion}`);
}

export function playerColour(number) {
  return colour(`picture-player-${number}`);
}

function apply(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  cache = new Map();
}

export function startTheme() {
  apply(recall('theme') ?? 'auto');
  matchMedia('(prefers-color-scheme: light)').addEventListener('change', () => {
    cache = new Map();
  });
}

export function nextTheme() {
  const light = getComputedStyle(document.documentElement).colorScheme === 'light';
  const theme = light ? 'dark' : 'light';
  remember('theme', theme);
  apply(theme);
  return theme;
}
