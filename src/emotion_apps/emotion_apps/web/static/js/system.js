// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// Diagnostics, models and settings of the graph.

import {attempt, h, setHidden} from './dom.js';
import {t} from './text.js';

// Nodes with a life cycle: they can load their models again.
const LOADING = ['face_detector_node', 'fer_node', 'vad_node', 'ser_node', 'fusion_node'];
const LEVELS = ['ok', 'warn', 'error', 'error'];

export class System {
  constructor({store, connection}) {
    this.store = store;
    this.connection = connection;
    this.rows = h('tbody', {});
    this.models = h('div', {id: 'models'});
    this.settings = h('div', {id: 'settings'});
    this.element = h('div', {class: 'stack'},
      h('div', {class: 'card scroll', tabindex: '0', role: 'region',
        'aria-label': t('system.diagnostics')}, h('h2', {}, t('system.diagnostics')),
        h('table', {id: 'diagnostics'}, h('thead', {}, h('tr', {},
          ['node', 'state', 'rate', 'latency'].map((name) =>
            h('th', {scope: 'col'}, t(`system.${name}`))))), this.rows)),
      h('div', {class: 'card'}, h('h2', {}, t('system.models')), this.models),
      h('div', {class: 'card'}, h('h2', {}, t('system.settings')),
        h('p', {class: 'muted small'}, t('system.about')), this.settings));
    store.on('diagnostics', () => this.shown && this.drawDiagnostics());
    store.on('selected', () => this.shown && this.load());
    store.on('places', () => this.shown && this.drawSettings());
    connection.on('hello', () => this.shown && this.load());
  }

  show() {
    this.shown = true;
    this.drawDiagnostics();
    this.load();
  }

  hide() {
    this.shown = false;
  }

  load() {
    this.nodes = '';
    this.drawSettings();
    if (this.connection.ready) attempt(() => this.loadModels());
  }

  call(name, values) {
    return this.connection.call(this.store.selected, name, values);
  }

  drawDiagnostics() {
    this.rows.replaceChildren(...this.store.diagnostics.map((item) => {
      const values = Object.fromEntries(item.values);
      return h('tr', {title: item.values.map((pair) => pair.join(': ')).join('\n')},
        h('td', {}, item.name),
        h('td', {}, h('span', {class: `state ${LEVELS[item.level] ?? 'error'}`},
          t(`level.${LEVELS[item.level] ?? 'error'}`)),
        item.message === 'running' ? null : h('div', {class: 'small muted'}, item.message)),
        h('td', {class: 'number'}, values.rate_hz ? `${values.rate_hz} Hz` : ''),
        h('td', {class: 'number'}, values.latency_ms ? `${values.latency_ms} ms` : ''));
    }));
  }

  async loadModels() {
    const groups = await this.call('models', {});
    this.models.replaceChildren(...groups.map((group) => this.modelGroup(group)));
  }

  modelGroup(group) {
    const name = `model-${group.node}`;
    const known = group.models.some((model) => model.name === group.chosen);
    return h('fieldset', {}, h('legend', {}, t(`models.${group.node}`)),
      known ? null : h('p', {class: 'small'}, t('models.other', {name: group.chosen})),
      group.models.map((model) => {
        const box = h('input', {type: 'radio', name, value: model.name,
          checked: model.name === group.chosen, disabled: Boolean(model.needs),
          onchange: () => this.choose(group, model.name)});
        return h('div', {class: 'model'},
          h('label', {class: 'field'}, box, h('strong', {}, model.name)),
          h('p', {}, model.about),
          h('p', {}, t('models.licence', {name: model.licence || '–'}),
            model.needs ? h('span', {}, ` · ${t('models.needs')}: ${model.needs}`) : null));
      }));
  }

  async choose(group, model) {
    const fields = this.models.querySelectorAll('input');
    const states = [...fields].map((field) => field.disabled);
    fields.forEach((field) => { field.disabled = true; });
    await attempt(() => this.call('choose', {node: group.node, model}));
    fields.forEach((field, number) => { field.disabled = states[number]; });
    await attempt(() => this.loadModels());
  }

  // One drawer for each node; its parameters are asked for when it is opened.
  drawSettings() {
    const {nodes} = this.store.place_;
    if (nodes.join() === this.nodes) return;
    this.nodes = nodes.join();
    this.settings.replaceChildren(...nodes.map((node) => {
      const body = h('div', {});
      const drawer = h('details', {id: `settings-${node}`, ontoggle: () => {
        if (drawer.open) attempt(() => this.fill(node, body));
      }}, h('summary', {}, node), body);
      return drawer;
    }));
  }

  async fill(node, body) {
    const parameters = await this.call('parameters', {node});
    const open = parameters.filter((parameter) => parameter.settable);
    const fixed = parameters.filter((parameter) => !parameter.settable);
    const model = this.store.diagnostics.find((item) => item.name.endsWith(node));
    const again = h('button', {type: 'button',
      onclick: () => attempt(() => this.call('reload', {node}), again)}, t('system.reload'));
    const switches = [[true, 'system.on'], [false, 'system.off']].map(([enabled, text]) => {
      const button = h('button', {type: 'button',
        onclick: () => attempt(() => this.call('enable', {node, enabled}), button)}, t(text));
      return button;
    });
    const row = h('p', {class: 'row'}, switches, again);
    setHidden(row, !LOADING.includes(node));
    body.replaceChildren(...open.map((parameter) => this.setting(node, parameter)), row,
      h('details', {}, h('summary', {}, t('system.fixed')), fixed.map((parameter) =>
        h('div', {class: 'setting'}, h('strong', {}, parameter.name),
          h('p', {class: 'doc'}, parameter.doc),
          h('code', {class: 'control'}, String(parameter.value ?? ''))))));
    if (model) body.dataset.level = LEVELS[model.level];
  }

  setting(node, parameter) {
    const id = `set-${node}-${parameter.name}`;
    const control = this.control(parameter);
    control.id = id;
    control.onchange = async () => {
      const value = read(control, parameter);
      const done = await attempt(async () => {
        await this.call('set', {node, name: parameter.name, value});
        return true;
      });
      if (done) parameter.value = value;
      else write(control, parameter);
    };
    return h('div', {class: 'setting'}, h('label', {for: id}, h('strong', {}, parameter.name)),
      h('p', {class: 'doc'}, parameter.doc), h('div', {class: 'control'}, control));
  }

  control(parameter) {
    if (parameter.kind === 'bool') {
      return h('input', {type: 'checkbox', checked: parameter.value});
    }
    if (parameter.kind === 'str') {
      const select = h('select', {}, parameter.choices.map((choice) =>
        h('option', {value: choice}, choice)));
      select.value = parameter.value;
      return select;
    }
    return h('input', {type: 'number', value: String(parameter.value),
      min: parameter.low, max: parameter.high, step: parameter.kind === 'int' ? 1 : 'any'});
  }
}

function read(control, parameter) {
  if (parameter.kind === 'bool') return control.checked;
  return parameter.kind === 'str' ? control.value : Number(control.value);
}

function write(control, parameter) {
  if (parameter.kind === 'bool') control.checked = parameter.value;
  else control.value = String(parameter.value);
}
