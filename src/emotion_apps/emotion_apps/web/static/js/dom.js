// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Elements without markup: text is only ever set as text.

// h('p', {class: 'small', onclick: f}, 'text', element, ...)
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'disabled') element[name] = value;
    else if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Change a text only if it differs: screen readers and layouts are told of every change.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

export function setScale(element, share) {
  element.style.transform = `scaleX(${Math.min(1, Math.max(0, share || 0)).toFixed(3)})`;
}

// A canvas as sharp as the screen; returns its context in CSS pixels, and its size.
export function fitted(canvas) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const context = canvas.getContext('2d');
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return {context, width, height};
}

const jobs = new Set();
let asked = false;

// Call a function before the next picture of the screen, once, however often it is asked for.
export function soon(job) {
  jobs.add(job);
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const now = [...jobs];
    jobs.clear();
    for (const each of now) each();
  });
}

let toastTimer = 0;

// Say what went wrong, for a while.
export function toast(text) {
  const element = document.getElementById('toast');
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { element.hidden = true; }, 8000);
}

// Call a procedure from a button; trouble is said.
export async function attempt(action, button = null) {
  if (button) button.disabled = true;
  try {
    return await action();
  } catch (error) {
    toast(error.message);
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}
