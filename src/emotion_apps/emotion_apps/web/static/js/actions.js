// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Buttons that call the services of an application.

import {attempt, h} from './dom.js';
import {t} from './text.js';

// A button for each service; main: the one that stands out.
export function serviceButtons({store, connection}, application, services, main) {
  return services.map((service) => {
    const button = h('button', {type: 'button', class: service === main ? 'main' : '',
      id: `${application}-${service}`,
      onclick: () => attempt(() => connection.call(store.selected, 'trigger',
        {application, service}), button)}, t(`service.${service}`));
    return button;
  });
}

// What lies over the picture: a sentence, a big number, a bar of progress.
export class Overlay {
  constructor(stage) {
    this.stage = stage;
    this.big = h('div', {class: 'big', 'aria-hidden': 'true'});
    this.prompt = h('p', {class: 'prompt', 'aria-hidden': 'true'});
    this.fill = h('i', {});
    this.progress = h('div', {class: 'progress', 'aria-hidden': 'true'}, this.fill);
  }

  show({prompt = '', small = '', big = '', progress = null, dim = false}) {
    const over = this.stage.selected.over;
    if (this.over !== over) {
      this.clear();
      this.over = over;
      over.replaceChildren(this.big, this.progress, this.prompt);
    }
    over.classList.toggle('dim', dim);
    const words = `${prompt}\n${small}`;
    if (words !== this.words) {
      this.words = words;
      this.prompt.replaceChildren(prompt, ...(small ? [h('small', {}, small)] : []));
    }
    this.prompt.hidden = !prompt;
    this.big.textContent = big;
    this.progress.hidden = progress === null;
    this.fill.style.transform = `scaleX(${Math.min(1, Math.max(0, progress ?? 0))})`;
  }

  clear() {
    this.over?.replaceChildren();
    this.over?.classList.remove('dim');
    this.over = null;
    this.words = null;
  }
}
