# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``python -m emotion_training VERB THING ...``: what ``./emotion train|eval|record`` runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    ('train', 'fer'): 'emotion_training.fer.train',
    ('train', 'ser'): 'emotion_training.ser.train',
    ('train', 'fusion'): 'emotion_training.fusion.train',
    ('eval', 'fer'): 'emotion_training.fer.evaluate',
    ('eval', 'ser'): 'emotion_training.ser.evaluate',
    ('eval', 'fusion'): 'emotion_training.fusion.evaluate',
    ('record', ''): 'emotion_training.ser.record',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first words name, with the rest as its arguments.

    Only that command's module is imported: nobody waits for a framework he does not use.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    verb, thing = (words + ['', ''])[:2]
    if (verb, '') in COMMANDS:
        thing, rest = '', words[1:]
    else:
        rest = words[2:]
    if (verb, thing) not in COMMANDS:
        print(
            'usage: ./emotion {train,eval} {fer,ser,fusion} ...   (--help after it lists the '
            'options)\n       ./emotion record ...',
            file=sys.stderr,
        )
        return 0 if verb in ('-h', '--help') or thing in ('-h', '--help') else 2
    return importlib.import_module(COMMANDS[verb, thing]).main(rest) or 0


if __name__ == '__main__':
    sys.exit(main())
