# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ask the tables of ``./emotion analyze`` some questions, with polars.

``./emotion exec python examples/tables_polars.py RESULTS``
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

CLASSES = ['angry', 'fear', 'happy', 'neutral', 'sad', 'surprise']


def main(results: Path) -> None:
    """Print what each recording shows, its most cheerful second, and what voices say."""
    faces = pl.scan_parquet(results / 'faces' / '*.parquet')
    utterances = pl.scan_parquet(results / 'utterances' / '*.parquet')

    print('Each recording, by the face that counts:')
    # One row a recording: rows of one film are no independent observations.
    shown = (
        faces.filter(pl.col('primary'))
        .group_by('recording')
        .agg(pl.len().alias('pictures'), pl.col(CLASSES).mean())
        .sort('recording')
    )
    print(shown.collect())

    print('The most cheerful second of each:')
    seconds = (
        faces.filter(pl.col('primary') & (pl.col('quality') > 0.2))
        .with_columns(second=pl.col('time').floor().cast(pl.Int64))
        .group_by('recording', 'second')
        .agg(pl.col('happy').mean())
        .sort('happy', descending=True)
        .group_by('recording', maintain_order=True)
        .first()
        .sort('recording')
    )
    print(seconds.collect())

    print('What voice and face say of the same utterance:')
    spoken = utterances.select(
        'recording', 'start', 'end', voice='emotion', with_face='fused_emotion'
    ).sort('recording', 'start')
    print(spoken.collect())


if __name__ == '__main__':
    main(Path(sys.argv[1]))
