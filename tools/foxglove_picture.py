# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Draw what the Foxglove layout shows of a bag: ``python tools/foxglove_picture.py BAG OUT.webp``.

The bag is read as Foxglove reads it, by the definitions inside; the panels, their message paths,
colours and variables are those of ``config/foxglove/emotion.json``. Foxglove itself draws
otherwise: this shows that each path finds its values, and that annotations lie where they should.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

matplotlib.use('Agg')
from matplotlib import pyplot
from matplotlib.axes import Axes

LAYOUT = Path(__file__).resolve().parents[1] / 'src/emotion_bringup/config/foxglove/emotion.json'
# A part of a message path: a field, a place in it, and a filter.
_PART = re.compile(r'\.(\w+)(?:\[(\d+|:)\])?(?:\{(\w+)==\$(\w+)\})?')
_DOTS, _LINE_LOOP = 1, 2


Bag = dict[str, list[tuple[float, Any]]]


def read(bag: Path) -> Bag:
    """Return the messages of a bag by topic, each with the time at which it was taken, seconds."""
    found: Bag = defaultdict(list)
    for path in sorted(bag.glob('*.mcap')):
        with path.open('rb') as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            for decoded in reader.iter_decoded_messages():
                taken = decoded.message.log_time * 1e-9
                found[decoded.channel.topic].append((taken, decoded.decoded_message))
    return found


def values(message: Any, path: str, variables: dict[str, str]) -> list[Any]:
    """Return what a message path finds in a message.

    :param path: without the topic: ``.predictions[:]{subject_id==$face}.probabilities[0]``.
    """
    found = [message]
    for field, place, name, variable in _PART.findall(path):
        found = [getattr(item, field) for item in found]
        if place == ':':
            found = [part for item in found for part in item]
        elif place:
            found = [item[int(place)] for item in found]
        if name:
            found = [item for item in found if str(getattr(item, name)) == variables[variable]]
    return found


def seconds(stamp: Any) -> float:
    """Return a stamp as seconds."""
    return float(stamp.sec + stamp.nanosec * 1e-9)


def draw_picture(axes: Axes, picture: Any, annotations: Any) -> None:
    """Draw a picture (bgr8) and its annotations."""
    rows = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.step)
    pixels = rows[:, : 3 * picture.width].reshape(picture.height, picture.width, 3)
    axes.imshow(pixels[..., ::-1])
    axes.set_axis_off()
    for item in annotations.points:
        points = np.array([(point.x, point.y) for point in item.points])
        colour = rgba(item.outline_color)
        if item.type == _LINE_LOOP:
            points = np.concatenate([points, points[:1]])
            axes.plot(*points.T, color=colour, linewidth=item.thickness)
        elif item.type == _DOTS:
            axes.scatter(points[:, 0], points[:, 1], color=[colour], s=item.thickness**2)
    for text in annotations.texts:
        axes.text(
            text.position.x,
            text.position.y,
            text.text,
            color=rgba(text.text_color),
            fontsize=text.font_size * 0.55,
            bbox={'facecolor': rgba(text.background_color), 'edgecolor': 'none', 'pad': 1.5},
        )


def rgba(colour: Any) -> tuple[float, float, float, float]:
    """Return a colour as matplotlib takes it."""
    return (colour.r, colour.g, colour.b, colour.a)


def draw_plot(axes: Axes, panel: dict[str, Any], bag: Bag, layout: Any) -> int:
    """Draw a plot panel; return how many of its paths found values."""
    count = 0
    for path in panel['paths']:
        topic, _, rest = path['value'].partition('.')
        points = [
            (
                seconds(message.header.stamp)
                if path['timestampMethod'] == 'headerStamp'
                else taken,
                value,
            )
            for taken, message in bag[topic]
            for value in values(message, f'.{rest}', layout['globalVariables'])
        ]
        count += bool(points)
        if points:
            axes.plot(*zip(*points), color=path['color'], label=path['label'], linewidth=1.2)
    axes.set_title(panel['title'], fontsize=9)
    axes.tick_params(labelsize=7)
    axes.ticklabel_format(axis='x', useOffset=True)
    if 'maxYValue' in panel:
        axes.set_ylim(panel['minYValue'], panel['maxYValue'])
    if count:
        axes.legend(fontsize=6, loc='center left', bbox_to_anchor=(1.0, 0.5))
    return count


def main() -> int:
    """Draw; fail where a path of the layout finds nothing in the bag."""
    parser = argparse.ArgumentParser(description='Draw what the Foxglove layout shows of a bag.')
    parser.add_argument('bag', type=Path, help='with pictures, annotations and results')
    parser.add_argument('out', type=Path)
    options = parser.parse_args()
    layout, bag = json.loads(LAYOUT.read_text()), read(options.bag)
    panels = layout['configById']
    image = panels['Image!camera']['imageMode']
    pictures = {seconds(item.header.stamp): item for _, item in bag[image['imageTopic']]}
    shown = next(
        (pictures[seconds(item.texts[0].timestamp)], item)
        for _, item in reversed(bag[next(iter(image['annotations']))])
        if item.texts and item.texts[0].text.count(' ')
        if seconds(item.texts[0].timestamp) in pictures
    )
    plots = [name for name in panels if name.startswith('Plot!')]
    figure = pyplot.figure(figsize=(11, 5.2), layout='constrained')
    grid = figure.add_gridspec(len(plots), 2)
    draw_picture(figure.add_subplot(grid[:, 0]), *shown)
    empty = 0
    for row, name in enumerate(plots):
        axes = figure.add_subplot(grid[row, 1])
        empty += len(panels[name]['paths']) - draw_plot(axes, panels[name], bag, layout)
    for path in panels['StateTransitions!states']['paths']:
        topic, _, rest = path['value'].partition('.')
        found = [values(message, f'.{rest}', {}) for _, message in bag[topic]]
        print(f'{path["label"]}: {", ".join(sorted({str(item) for [item] in found}))}')
        empty += not found
    figure.savefig(options.out, dpi=100)
    if empty:
        print(f'{empty} paths of the layout find nothing in this bag')
    return 1 if empty else 0


if __name__ == '__main__':
    raise SystemExit(main())
