// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// The game: two players, a target, bars, a winner.

import {serviceButtons} from './actions.js';
import {announce, interrupt} from './announce.js';
import {Application} from './application.js';
import {attempt, h, setHidden, setScale, setText} from './dom.js';
import {percent, t} from './text.js';

const PHASES = ['IDLE', 'WAITING_PLAYERS', 'COUNTDOWN', 'ROUND', 'PAUSED', 'ROUND_RESULT', 'FINAL'];
const UNKNOWN = 255;

class Player {
  constructor(number) {
    this.number = number;
    this.name = h('h3', {}, t('game.player', {number}));
    this.score = h('div', {class: 'score'});
    this.live = this.bar(t('game.live'));
    this.mean = this.bar(t('game.mean'));
    this.note = h('p', {class: 'muted small'});
    this.element = h('div', {class: 'card player'}, this.name, this.score,
      h('div', {class: 'bars'}, this.live.parts, this.mean.parts), this.note);
    this.element.style.borderLeftColor = `var(--player-${number})`;
  }

  bar(name) {
    const fill = h('i', {});
    fill.style.background = `var(--player-${this.number})`;
    const value = h('span', {class: 'value'});
    return {fill, value, parts: [h('span', {}, name),
      h('div', {class: 'bar', 'aria-hidden': 'true'}, fill), value]};
  }

  show(player) {
    setText(this.score, String(player.score));
    for (const [bar, value] of [[this.live, player.live], [this.mean, player.mean]]) {
      setScale(bar.fill, value ?? 0);
      setText(bar.value, percent(value));
    }
    setText(this.note, t(player.present ? 'game.present'
      : player.track_id ? 'game.away' : 'game.waiting'));
  }
}

export class Game extends Application {
  constructor(parts) {
    super(parts, 'game');
    this.phase = h('p', {class: 'question', id: 'game-phase'});
    this.chip = h('i', {});
    this.goal = h('span', {});
    this.target = h('p', {class: 'target'}, this.chip, this.goal);
    this.players = [new Player(1), new Player(2)];
    this.rounds = h('input', {type: 'number', min: 1, max: 20, value: '5', id: 'game-rounds'});
    this.seconds = h('input', {type: 'number', min: 3, max: 60, value: '10', id: 'game-seconds'});
    this.targets = [0, 1, 2, 3, 4, 5].map((emotion) => h('input', {type: 'checkbox',
      value: String(emotion), checked: emotion !== 3}));
    this.play = h('button', {type: 'button', class: 'main', id: 'game-play',
      onclick: () => attempt(() => this.begin(), this.play)}, t('game.play'));
    this.form = h('fieldset', {}, h('legend', {}, t('game.rules')),
      h('div', {class: 'checks'},
        h('label', {}, t('game.rounds'), this.rounds),
        h('label', {}, t('game.seconds'), this.seconds)),
      h('p', {class: 'muted small'}, t('game.targets')),
      h('div', {class: 'checks'}, this.targets.map((box, emotion) =>
        h('label', {}, box, t(`emotion.${emotion}`)))));
    this.rows = h('tbody', {});
    this.results = h('div', {class: 'card scroll', tabindex: '0', role: 'region',
      'aria-label': t('game.results')}, h('h2', {}, t('game.results')),
      h('table', {id: 'game-results'}, h('thead', {}, h('tr', {},
        ['round', 'target', 'first', 'second', 'winner'].map((name) =>
          h('th', {scope: 'col'}, t(`game.column.${name}`))))), this.rows));
    this.explanation = h('p', {class: 'muted small'});
    this.element = h('div', {class: 'stack'},
      h('div', {class: 'card'}, this.phase, this.target,
        h('div', {class: 'row'}, this.play,
          serviceButtons(parts, 'game', ['stop', 'reset'], '')), this.explanation),
      h('div', {class: 'two'}, this.players.map((player) => player.element)),
      this.results, this.form);
  }

  show() {
    super.show();
    // The boxes in the picture take the players' colours.
    this.parts.stage.players = (place) => Object.fromEntries(
      (place.states.game?.players ?? []).filter((player) => player.track_id)
        .map((player) => [player.track_id, player.number]));
  }

  hide() {
    super.hide();
    this.parts.stage.players = () => ({});
  }

  begin() {
    const names = this.store.hello.emotions;
    return this.parts.connection.call(this.store.selected, 'play', {
      rounds: Number(this.rounds.value), seconds: Number(this.seconds.value),
      targets: this.targets.filter((box) => box.checked).map((box) => names[box.value]),
    });
  }

  draw() {
    const {state} = this;
    if (!state) return;
    const phase = PHASES[state.phase] ?? 'IDLE';
    const words = this.words(state, phase);
    const idle = phase === 'IDLE' || phase === 'FINAL';
    setText(this.phase, words);
    setHidden(this.target, idle || state.target === UNKNOWN);
    if (state.target !== UNKNOWN) {
      setText(this.goal, t(`emotion.${state.target}`));
      this.chip.style.background = `var(--emotion-${state.target})`;
    }
    this.players.forEach((player, number) => player.show(state.players[number]));
    setHidden(this.form, !idle);
    setHidden(this.play, !idle);
    setText(this.explanation, state.explanation);
    this.list(state.results);
    this.overlay.show(this.over(state, phase, words));
    this.tell(state, phase, words);
  }

  over(state, phase, words) {
    const share = state.duration ? 1 - state.remaining / state.duration : null;
    if (phase === 'IDLE') return {};
    return {
      prompt: ['COUNTDOWN', 'ROUND'].includes(phase)
        ? t('game.show', {label: t(`emotion.${state.target}`)}) : words,
      small: state.round ? t('game.of', {round: state.round, rounds: state.rounds}) : '',
      big: phase === 'COUNTDOWN' ? String(Math.ceil(state.remaining ?? 0)) : '',
      progress: phase === 'ROUND' ? share : null,
    };
  }

  words(state, phase) {
    const last = state.results.at(-1);
    if (phase === 'ROUND_RESULT' && last) {
      return last.winner ? t('game.roundwon', {number: last.winner}) : t('game.roundtie');
    }
    if (phase === 'FINAL') {
      const [one, two] = state.players.map((player) => player.score);
      return state.winner ? t('game.won', {number: state.winner, one, two})
        : t('game.tie', {one, two});
    }
    return t(`game.phase.${phase}`);
  }

  list(results) {
    if (results.length === this.rows.childElementCount) return;
    this.rows.replaceChildren(...results.map((result) => h('tr', {},
      h('td', {}, String(result.round)), h('td', {}, t(`emotion.${result.target}`)),
      h('td', {class: 'number'}, percent(result.means[0])),
      h('td', {class: 'number'}, percent(result.means[1])),
      h('td', {}, result.winner ? t('game.player', {number: result.winner}) : t('game.draw')))));
    setHidden(this.results, !results.length);
  }

  tell(state, phase, words) {
    const step = `${phase}${state.round}`;
    if (step === this.told) return;
    this.told = step;
    if (phase === 'ROUND') interrupt(t('game.show', {label: t(`emotion.${state.target}`)}));
    else if (phase !== 'IDLE') announce(words);
  }
}
