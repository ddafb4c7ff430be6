# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Read the tables of ``./emotion analyze`` with pandas: figures by person, what a column means.

``./emotion exec python examples/tables_pandas.py RESULTS``
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq


def main(results: Path) -> None:
    """Print how long each person was seen, how often he turned away, and what the columns mean."""
    faces = pd.read_parquet(results / 'faces')
    # Head pose is only good against a person's own median.
    person = faces.groupby(['recording', 'face'], observed=True)
    yaw = (faces['yaw'] - person['yaw'].transform('median')).abs()
    people = (
        faces.assign(away=(yaw > 25).astype(float))
        .groupby(['recording', 'face'], observed=True)
        .agg(
            first=('time', 'min'),
            last=('time', 'max'),
            pictures=('frame', 'size'),
            away=('away', 'mean'),
            quality=('quality', 'median'),
        )
    )
    print(people.to_string())

    some = next((results / 'faces').glob('*.parquet'))
    for field in pq.read_schema(some):
        told = {key.decode(): value.decode() for key, value in field.metadata.items()}
        unit = f' ({told["unit"]})' if told['unit'] else ''
        print(f'{field.name}{unit}: {told["meaning"]}')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
