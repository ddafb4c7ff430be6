# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The columns of the tables: their names, types, units and meaning."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.emotions import EMOTIONS

CLASSES = tuple(name.lower() for name in EMOTIONS)
"""The six classes as columns are named."""


@dataclass(frozen=True)
class Column:
    """One column.

    :param kind: ``text``, ``number`` (float32), ``time`` (float64), ``count`` (int64) or ``yes``
        (boolean).
    :param unit: empty for none.
    """

    name: str
    kind: str
    unit: str
    meaning: str


def _six(prefix: str, whose: str) -> tuple[Column, ...]:
    return tuple(
        Column(f'{prefix}{name}', 'number', '', f'probability of {name}, {whose}')
        for name in CLASSES
    )


_POINTS = tuple(
    Column(f'{point}_{axis}', 'number', 'pixels', f'{words}, from the {edge}; empty if not known')
    for point, words in (
        ('left_eye', "the eye on the picture's left"),
        ('right_eye', "the eye on the picture's right"),
        ('mouth', "the mouth's centre"),
        ('nose', 'the tip of the nose'),
    )
    for axis, edge in (('x', 'left'), ('y', 'top'))
)

FACES = (
    Column('recording', 'text', '', 'path within the folder that was given'),
    Column('frame', 'count', '', 'number of the picture in the film, from 0'),
    Column('time', 'time', 's', "when it is shown, by the film's own clock; 0 for a picture"),
    Column('face', 'text', '', 'whose face: stays with a person while he is followed'),
    Column(
        'primary', 'yes', '', 'whether it is the face that counts: the largest, with hysteresis'
    ),
    Column('x', 'number', 'pixels', "the face's left edge; may lie outside the picture"),
    Column('y', 'number', 'pixels', "the face's upper edge; likewise"),
    Column('width', 'number', 'pixels', 'of the face, brows to chin'),
    Column('height', 'number', 'pixels', 'of the face'),
    Column('score', 'number', '', "the detector's confidence, 0 to 1"),
    Column('quality', 'number', '', 'size, sharpness, light, noise and frontalness, 0 to 1'),
    *_POINTS,
    Column('yaw', 'number', 'degrees', "positive towards the picture's right; good to about 10"),
    Column('pitch', 'number', 'degrees', "positive towards the picture's bottom"),
    Column('roll', 'number', 'degrees', 'positive clockwise in the picture'),
    Column('emotion', 'text', '', 'the label, which may trail the largest probability a little'),
    Column('stable', 'yes', '', 'whether the label has held for half a second'),
    *_six('', 'smoothed over time for this face'),
    Column('valence', 'number', '', '-1 to 1; empty where the model gives none'),
    Column('arousal', 'number', '', '-1 to 1; empty where the model gives none'),
    *_six('fused_', 'face and last utterance as one; primary face only, empty before any speech'),
)
"""One row a face and picture that was looked at."""

UTTERANCES = (
    Column('recording', 'text', '', 'path within the folder that was given'),
    Column('utterance', 'count', '', 'number in the recording, from 0'),
    Column('start', 'time', 's', "first sample, by the recording's own clock"),
    Column('end', 'time', 's', 'last sample'),
    Column('snr', 'number', 'dB', 'signal-to-noise ratio; empty if there was no background yet'),
    Column('emotion', 'text', '', 'the most probable class; empty where the model abstained'),
    Column('reason', 'text', '', 'why it abstained; empty otherwise'),
    *_six('', 'by the voice; all alike where the model abstained'),
    Column('valence', 'number', '', '-1 to 1; empty where the model gives none'),
    Column('arousal', 'number', '', '-1 to 1; empty where the model gives none'),
    Column('face', 'text', '', 'whose face was fused with it; empty if nobody was seen'),
    Column('fused_emotion', 'text', '', 'the most probable class of voice and face as one'),
    *_six('fused_', 'voice and face as one; of the voice alone where no face was seen'),
    Column('words', 'count', '', 'number of words; empty without --transcript'),
    Column('text', 'text', '', 'the words as they were understood; empty without --transcript'),
)
"""One row an utterance."""
