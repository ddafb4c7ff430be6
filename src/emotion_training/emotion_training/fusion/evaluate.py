# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion eval fusion``: whether both are better than either, also with one missing or bad."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from emotion_perception.models import ModelError
from emotion_perception.models.balance import BALANCED, NATURAL, rebalance
from emotion_training.common.files import TrainingError, save_json
from emotion_training.common.metrics import calibration_error, mixture_weights
from emotion_training.fusion import methods
from emotion_training.fusion.methods import Method
from emotion_training.fusion.pairs import (
    SCENARIOS,
    balanced,
    draw,
    make_pairs,
    unpaired,
)
from emotion_training.fusion.pools import FIT, TEST, Pool
from emotion_training.fusion.train import (
    Fitted,
    add_sources,
    fit_on,
    load_pools,
    save,
    say,
)

SINGLE = ('face', 'voice')
NEEDED_GAIN, ALLOWED_LOSS, ALLOWED_ECE = 0.05, 0.01, 0.06
"""What the project asks of its fusion."""

REPEATS = 8
"""Networks trained for each set of pairs that is to show a failure."""


def methods_of(fitted: Fitted) -> dict[str, Method]:
    """Return the methods under the names of the tables."""
    return {
        'face': methods.face_only,
        'voice': methods.voice_only,
        'product': methods.closed_form(fitted.product),
        'product, quality ignored': methods.closed_form(fitted.product, trust=False),
        'mean': methods.closed_form(fitted.mean),
        'stacker': methods.learnt(fitted.stacker),
        'network': methods.learnt(fitted.network),
    }


@dataclasses.dataclass(frozen=True)
class Trial:
    """Methods that were fitted on other speakers, and what they are judged on.

    :param faces: for equally common classes, as ``voices``.
    """

    table: Mapping[str, Method]
    faces: Pool
    voices: Pool


def judge(
    trials: Sequence[Trial], draws: int, per_class: int, seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Judge methods on many label-paired draws, an equal share of them from each trial.

    Every method and every scenario sees the same draws; samples are drawn with replacement, so
    that the spread holds the chance of the test set as well as that of the pairing.

    :return: scenario -> method -> accuracy (which is UAR too, as classes are equally many), its
        standard deviation over the draws, ECE over all draws, the same of the answers for the
        mixture of training (``ece_natural``, samples weighted accordingly; ``None`` if it is not
        known), log loss.
    """
    rng = np.random.default_rng(seed)
    share = -(-draws // len(trials))
    truth = np.tile(balanced(per_class), share)
    drawn = [
        (trial, draw(trial.faces.truth, truth, rng), draw(trial.voices.truth, truth, rng))
        for trial in trials
    ]
    every = np.tile(truth, len(trials))
    shares = natural_mixture(trials)
    names = list(trials[0].table)
    result: dict[str, dict[str, dict[str, Any]]] = {}
    with tqdm(total=len(SCENARIOS) * len(trials), desc='judging', unit='trial') as bar:
        for scenario in SCENARIOS:
            judged = [name for name in names if name not in SINGLE or getattr(scenario, name)]
            answers: dict[str, list[np.ndarray]] = {name: [] for name in judged}
            for trial, face, voice in drawn:
                pairs = make_pairs(trial.faces, trial.voices, scenario, face, voice, truth)
                for name in judged:
                    answers[name].append(trial.table[name](pairs))
                bar.update()
            result[scenario.name] = {}
            for name, parts in answers.items():
                answer = np.concatenate(parts)
                right = (answer.argmax(axis=1) == every).reshape(-1, 6 * per_class).mean(axis=1)
                result[scenario.name][name] = {
                    'accuracy': float(right.mean()),
                    'deviation': float(right.std()),
                    'ece': calibration_error(answer, every),
                    'ece_natural': None
                    if shares is None
                    else calibration_error(
                        rebalance(answer, shares, NATURAL, BALANCED),
                        every,
                        weights=mixture_weights(every, shares),
                    ),
                    'log_loss': methods.log_loss(answer, every),
                }
    return result


def natural_mixture(trials: Sequence[Trial]) -> np.ndarray | None:
    """Return the mean of the class shares of faces and voices, (6,); ``None`` if not known."""
    shares = [pool.shares for trial in trials for pool in (trial.faces, trial.voices)]
    known = [share.mean(axis=0) for share in shares if share is not None]
    return np.mean(known, axis=0) if len(known) == len(shares) else None


def goals(
    table: Mapping[str, Mapping[str, Mapping[str, float]]], name: str
) -> dict[str, float | bool | str]:
    """Compare a method with what is asked: its gain where both are clean, its worst loss, ECE."""

    def best(row: Mapping[str, Mapping[str, float]]) -> float:
        return max(row[single]['accuracy'] for single in SINGLE if single in row)

    clean = table[SCENARIOS[0].name]
    gain = clean[name]['accuracy'] - best(clean)
    losses = {
        scenario.name: best(table[scenario.name]) - table[scenario.name][name]['accuracy']
        for scenario in SCENARIOS[1:]
    }
    worst = max(losses, key=lambda name: losses[name])
    errors = {scenario: row[name]['ece'] for scenario, row in table.items()}
    poorest = max(errors, key=lambda name: errors[name])
    ece = errors[poorest]
    return {
        'gain': gain,
        'worst_loss': losses[worst],
        'worst_loss_in': worst,
        'ece_clean': clean[name]['ece'],
        'ece_worst': ece,
        'ece_worst_in': poorest,
        'reached': bool(
            gain >= NEEDED_GAIN and losses[worst] <= ALLOWED_LOSS and ece <= ALLOWED_ECE
        ),
    }


def others(pool: Pool, part: str) -> Pool:
    """Return all parts but one."""
    return pool.of(*(name for name in pool.parts if name != part))


def failure(
    faces: Pool, voices: Pool, draws: int, per_class: int, seed: int, count: int
) -> dict[str, dict[str, float]]:
    """Train the same network on pairs that do not belong together, and judge what it learnt.

    The network is that of the default comparison, without modality dropout and without quality:
    the course report's set-up. Each is judged on properly paired test samples with both
    modalities, and with one of them replaced by another class' sample: what the network does
    not use can be replaced without harm. All is done several times over, and the mean given.
    """
    fit_faces, test_faces = faces.of(FIT), faces.of(TEST)
    found: dict[str, list[dict[str, float]]] = {}
    for repeat in range(REPEATS):
        part = voices.parts[repeat % len(voices.parts)]
        fit_voices, test_voices = others(voices, part), voices.of(part)
        rng = np.random.default_rng(seed + repeat)
        labels = rng.permutation(np.tile(balanced(1), max(1, count // 6)))
        sets = {
            'random pairs, label of the face': unpaired(fit_faces, fit_voices, count, 'face', rng),
            'random pairs, label by row': unpaired(fit_faces, fit_voices, count, 'row', rng),
            'pairs of one class': make_pairs(
                fit_faces,
                fit_voices,
                SCENARIOS[0],
                draw(fit_faces.truth, labels, rng),
                draw(fit_voices.truth, labels, rng),
                labels,
            ),
        }
        truth = np.tile(balanced(per_class), draws)
        other = rng.permutation(truth)
        face, voice = draw(test_faces.truth, truth, rng), draw(test_voices.truth, truth, rng)
        wrong_face = draw(test_faces.truth, other, rng)
        wrong_voice = draw(test_voices.truth, other, rng)
        tests = {
            'both': (face, voice),
            'voice of another': (face, wrong_voice),
            'face of another': (wrong_face, voice),
        }
        for name, pairs in sets.items():
            module = methods.train(methods.report_network, pairs, seed + repeat, use_weights=False)
            answer = methods.learnt(module, use_weights=False)
            found.setdefault(name, []).append(
                {
                    test: float(
                        (
                            answer(
                                make_pairs(test_faces, test_voices, SCENARIOS[0], *index, truth)
                            ).argmax(axis=1)
                            == truth
                        ).mean()
                    )
                    for test, index in tests.items()
                }
            )
    return {
        name: {test: float(np.mean([row[test] for row in rows])) for test in rows[0]}
        for name, rows in found.items()
    }


def table_text(
    table: Mapping[str, Mapping[str, Mapping[str, float]]], value: str = 'accuracy'
) -> str:
    """Return a table as Markdown, percentages, with the deviation over draws for accuracy."""
    names = list(next(iter(table.values())))
    lines = ['| | ' + ' | '.join(names) + ' |', '|---|' + '---|' * len(names)]
    for scenario, row in table.items():
        cells = []
        for name in names:
            if name not in row:
                cells.append('–')
            elif row[name][value] is None:
                cells.append('not known')
            elif value == 'accuracy':
                cells.append(
                    f'{100 * row[name]["accuracy"]:.1f} ± {100 * row[name]["deviation"]:.1f}'
                )
            else:
                cells.append(f'{row[name][value]:.3f}')
        lines.append(f'| {scenario} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _head(names: Sequence[str]) -> list[str]:
    return ['| ' + ' | '.join(names) + ' |', '|---' * len(names) + '|']


def save_plot(
    path: Path,
    table: Mapping[str, Mapping[str, Mapping[str, float]]],
    wrong: Mapping[str, Mapping[str, float]],
) -> None:
    """Draw accuracy by scenario and, below, what networks learn from different pairs, as PNG."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from emotion_training.common.files import write_atomically

    colours = {
        'face': '#9aa5b1',
        'voice': '#5c6672',
        'product': '#2a6f97',
        'mean': '#61a5c2',
        'stacker': '#e07a3f',
        'network': '#f2b880',
    }
    figure = Figure(figsize=(11, 8))
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    width = 0.8 / len(colours)
    for place, (name, colour) in enumerate(colours.items()):
        rows = [(index, row[name]) for index, row in enumerate(table.values()) if name in row]
        upper.bar(
            [index + (place - 2.5) * width for index, _ in rows],
            [100 * row['accuracy'] for _, row in rows],
            width,
            color=colour,
            label=name,
            yerr=[100 * row['deviation'] for _, row in rows],
            error_kw={'elinewidth': 0.8, 'ecolor': '#444'},
        )
    upper.set_xticks(range(len(table)), list(table), rotation=12)
    upper.set_title('Label-paired accuracy; bars: standard deviation over draws', fontsize=10)
    upper.legend(frameon=False, ncols=6, loc='upper center', bbox_to_anchor=(0.5, -0.14))
    kinds = list(next(iter(wrong.values())))
    for place, kind in enumerate(kinds):
        lower.bar(
            [index + (place - 1) * 0.25 for index in range(len(wrong))],
            [100 * row[kind] for row in wrong.values()],
            0.25,
            label=kind,
            color=('#2a6f97', '#9aa5b1', '#5c6672')[place],
        )
    lower.set_xticks(range(len(wrong)), list(wrong))
    lower.set_title(
        'The same network, trained on different pairs; tested on pairs of one class', fontsize=10
    )
    lower.legend(frameon=False, ncols=3, loc='upper center', bbox_to_anchor=(0.5, -0.12))
    for axes in (upper, lower):
        axes.axhline(100 / 6, color='#999', linewidth=0.8, linestyle='--')
        axes.set_ylabel('accuracy, %')
        axes.set_ylim(0, 100)
        axes.spines[['top', 'right']].set_visible(False)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png', dpi=110)
    write_atomically(path, buffer.getvalue())


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion eval fusion',
        description='Judge the fusion on label-paired draws, or on aligned clips.',
    )
    add_sources(made)
    made.add_argument(
        '--audiovisual',
        action='append',
        default=[],
        metavar='NAME=PATH',
        help='judge on an aligned audio-visual set instead, repeatable: ravdess, crema_d or meld',
    )
    made.add_argument('--draws', type=int, default=200)
    made.add_argument(
        '--per-class',
        type=int,
        default=100,
        metavar='N',
        help='pairs of a class in each draw (default: %(default)s)',
    )
    made.add_argument('--seed', type=int, default=0)
    made.add_argument('--json', type=Path, required=True, metavar='OUT')
    made.add_argument('--png', type=Path, metavar='OUT', help='plot (default: beside the JSON)')
    return made


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Fit on the fitting parts, judge on the test parts; return all figures.

    :raises TrainingError: for data that cannot be used.
    """
    faces, voices, seen = load_pools(options)
    if len(voices.parts) < 2:
        raise TrainingError(
            'the voices are of one speaker; at least two are needed, one to fit '
            'on and one to judge by'
        )
    trials = []
    for part in voices.parts:
        fitted = fit_on(faces.of(FIT), others(voices, part), seen, options.pairs, options.seed)
        say(f'fitted without {part}')
        trials.append(
            Trial(
                methods_of(fitted),
                faces.of(TEST).balanced(),
                voices.of(part).balanced(fitted.voice_calibration),
            )
        )
    table = judge(trials, options.draws, options.per_class, options.seed + 1)
    # What is kept has seen all the voices; what is reported above never saw the one it judges.
    fitted = fit_on(faces.of(FIT), voices, seen, options.pairs, options.seed)
    save(fitted, options.out)
    return {
        'kind': 'label-paired',
        'draws': options.draws,
        'per_class': options.per_class,
        'faces': faces.counts(),
        'voices': voices.counts(),
        'models': {name: dataclasses.asdict(model) for name, model in seen.items()},
        'voice_calibration': fitted.voice_calibration,
        'product': dataclasses.asdict(fitted.product),
        'table': table,
        'goals': {name: goals(table, name) for name in trials[0].table if name not in SINGLE},
        'failure': failure(
            faces.balanced(),
            voices.balanced(fitted.voice_calibration),
            max(1, options.draws // 10),
            options.per_class,
            options.seed + 2,
            options.pairs,
        ),
    }


def report(result: Mapping[str, Any]) -> str:
    """Return all figures as the Markdown tables of docs/fusion.md."""
    shown = ('face', 'voice', 'product', 'mean', 'stacker', 'network')
    table = {
        scenario: {name: row[name] for name in shown if name in row}
        for scenario, row in result['table'].items()
    }
    goal_head = (
        'method',
        'both clean',
        'worst case elsewhere',
        'ECE, both clean',
        'ECE, worst',
        'goals',
    )
    failure_head = (
        'trained on',
        'both',
        "the voice exchanged for another class'",
        'the face exchanged',
    )
    lines = [
        'Accuracy in per cent:',
        '',
        table_text(table),
        '',
        'ECE, equally common classes:',
        '',
        table_text(table, 'ece'),
        '',
        'ECE, mixture of training:',
        '',
        table_text(table, 'ece_natural'),
        '',
        *_head(goal_head),
    ]
    for name, found in result['goals'].items():
        change = 0.0 - round(100 * found['worst_loss'], 1)
        lines.append(
            f'| {name} | {100 * found["gain"]:+.1f} | {change:+.1f} '
            f'({found["worst_loss_in"]}) | {found["ece_clean"]:.3f} | {found["ece_worst"]:.3f} '
            f'({found["ece_worst_in"]}) | {"reached" if found["reached"] else "not reached"} |'
        )
    lines += ['', *_head(failure_head)]
    lines += [
        f'| {name} | ' + ' | '.join(f'{100 * value:.1f}' for value in row.values()) + ' |'
        for name, row in result['failure'].items()
    ]
    return '\n'.join(lines)


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line."""
    torch.set_num_threads(options.threads)
    if options.audiovisual:
        from emotion_training.fusion.aligned import evaluate_aligned

        result = evaluate_aligned(options)
        save_json(options.json, result)
        say(table_text({'aligned clips': result['table']}))
        return
    result = evaluate(options)
    save_json(options.json, result)
    save_plot(options.png or options.json.with_suffix('.png'), result['table'], result['failure'])
    say(f'\n{report(result)}\n')
    say(f'written to {options.json}')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except (TrainingError, ModelError) as error:
        print(f'error: {error}', file=sys.stderr)
        return getattr(error, 'code', TrainingError.code)
    return 0


if __name__ == '__main__':
    sys.exit(main())
