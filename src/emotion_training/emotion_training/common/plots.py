# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Pictures of a training run: curves, class histograms, confusion matrices."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emotion_training.common.files import write_atomically

BLUE, ORANGE = '#2a6f97', '#e07a3f'


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format='png', dpi=110, bbox_inches='tight')
    write_atomically(path, buffer.getvalue())


def save_confusion(path: Path, confusion: np.ndarray, labels: Sequence[str], title: str) -> None:
    """Draw a confusion matrix (rows truth) with each row's shares and counts, as PNG."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.8 * len(labels)
    figure = Figure(figsize=(side, side * 0.88))
    axes = figure.subplots()
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    for row, column in np.ndindex(*confusion.shape):
        axes.text(
            column,
            row,
            f'{shares[row, column]:.0%}\n{confusion[row, column]}',
            ha='center',
            va='center',
            fontsize=8,
            color='white' if shares[row, column] > 0.55 else '#222222',
        )
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha='right')
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel('predicted')
    axes.set_ylabel('labelled')
    axes.set_title(title, fontsize=10)
    _save(figure, path)


def save_bars(
    path: Path, names: Sequence[str], series: Mapping[str, Sequence[float]], unit: str, title: str
) -> None:
    """Draw lying bars, a group for each name, as PNG.

    :param series: label -> a value for each name; at most three.
    """
    figure = Figure(figsize=(8, 1.2 + 0.36 * len(names)))
    axes = figure.subplots()
    thick = 0.8 / max(len(series), 1)
    colours = (BLUE, ORANGE, '#8a8a8a')
    for number, (label, values) in enumerate(series.items()):
        axes.barh(
            np.arange(len(names)) + number * thick,
            values,
            thick,
            label=label,
            color=colours[number % len(colours)],
        )
    axes.set_yticks(np.arange(len(names)) + 0.4 - thick / 2, names)
    axes.invert_yaxis()
    axes.axvline(0, color='#444444', linewidth=0.8)
    axes.grid(axis='x', alpha=0.25)
    axes.set_xlabel(unit)
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False)
    _save(figure, path)


def save_curves(path: Path, history: Sequence[Mapping[str, float]], title: str) -> None:
    """Draw loss and validation figures over epochs, as PNG.

    :param history: one mapping an epoch with ``epoch``, ``train_loss``, ``valid_loss``,
        ``accuracy`` and ``macro_f1``.
    """
    epochs = [entry['epoch'] for entry in history]
    figure = Figure(figsize=(9, 3.4))
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [entry['train_loss'] for entry in history], color=ORANGE, label='training')
    left.plot(epochs, [entry['valid_loss'] for entry in history], color=BLUE, label='validation')
    left.set_ylabel('loss')
    right.plot(epochs, [entry['accuracy'] for entry in history], color=BLUE, label='accuracy')
    right.plot(epochs, [entry['macro_f1'] for entry in history], color=ORANGE, label='macro-F1')
    right.set_ylabel('validation')
    for axes in (left, right):
        axes.set_xlabel('epoch')
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def save_histogram(
    path: Path, counts: Mapping[str, Sequence[int]], labels: Sequence[str], title: str
) -> None:
    """Draw how many pictures each class has in each split, as PNG.

    :param counts: split -> count of each class.
    """
    figure = Figure(figsize=(1.5 + 0.9 * len(labels), 3.2))
    axes = figure.subplots()
    width = 0.8 / max(len(counts), 1)
    for index, (split, values) in enumerate(counts.items()):
        axes.bar(np.arange(len(labels)) + index * width, values, width, label=split)
    axes.set_xticks(np.arange(len(labels)) + 0.4 - width / 2, labels, rotation=30, ha='right')
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False)
    _save(figure, path)
