// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Words, in the language of the user: one file for each in /static/texts.

export const LANGUAGES = {en: 'English', de: 'Deutsch'};

let words = {};
let fallback = {};
export let language = 'en';

async function load(name) {
  const response = await fetch(`/static/texts/${name}.json`);
  if (!response.ok) throw new Error(`texts/${name}.json: ${response.status}`);
  return response.json();
}

export async function speak(name) {
  fallback = Object.keys(fallback).length ? fallback : await load('en');
  words = name === 'en' ? fallback : await load(name);
  language = name;
  document.documentElement.lang = name;
}

export function preferred() {
  const stored = recall('language');
  if (stored in LANGUAGES) return stored;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag) => tag in LANGUAGES) ?? 'en';
}

// The text of a key, with {names} filled in; what has no text is shown as it is.
export function t(key, values = {}) {
  const text = words[key] ?? fallback[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function percent(value) {
  return value === null || value === undefined ? '–' : `${Math.round(value * 100)}\u00a0%`;
}

export function seconds(value, digits = 0) {
  return value === null || value === undefined ? '–' : `${value.toFixed(digits)} s`;
}

export function clockTime(date) {
  return date.toLocaleTimeString(language, {hour: '2-digit', minute: '2-digit',
    second: '2-digit'});
}

// Choices of this browser; a private window may refuse to keep them.
export function remember(name, value) {
  try {
    localStorage.setItem(`emotion.${name}`, value);
  } catch { /* it is asked again next time */ }
}

export function recall(name) {
  try {
    return localStorage.getItem(`emotion.${name}`);
  } catch {
    return null;
  }
}
