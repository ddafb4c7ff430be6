# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Rows to Parquet files that say what they hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emotion_apps.analyze.columns import Column

# Rows of one group: small enough for memory, large enough to be read fast.
_GROUP = 20_000

_TYPES = {
    'text': pa.dictionary(pa.int32(), pa.string()),
    'number': pa.float32(),
    'time': pa.float64(),
    'count': pa.int64(),
    'yes': pa.bool_(),
}


def schema_of(columns: Sequence[Column], about: Mapping[str, Any]) -> pa.Schema:
    """Return a table's schema, with unit and meaning of each column.

    :param about: what else the file says of itself: models, options, time base.
    """
    fields = [
        pa.field(
            column.name,
            _TYPES[column.kind],
            metadata={'unit': column.unit, 'meaning': column.meaning},
        )
        for column in columns
    ]
    return pa.schema(fields, {'emotion': json.dumps(about, sort_keys=True)})


class TableWriter:
    """Writes rows to one Parquet file; use it in a ``with``.

    :param path: of the file.
    :param about: see :func:`schema_of`.
    """

    def __init__(self, path: Path, columns: Sequence[Column], about: Mapping[str, Any]) -> None:
        self._columns = columns
        self._schema = schema_of(columns, about)
        self._writer = pq.ParquetWriter(path, self._schema, compression='zstd')
        self._rows: list[tuple[Any, ...]] = []
        self.count = 0
        """Rows so far."""

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, *values: Any) -> None:
        """Add a row; what is not finite, and ``None``, becomes empty."""
        self._rows.append(values)
        self.count += 1
        if len(self._rows) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        arrays = []
        for column, values in zip(self._columns, zip(*self._rows)):
            if column.kind in ('number', 'time'):
                values = tuple(
                    None if value is None or not math.isfinite(value) else float(value)
                    for value in values
                )
            kind = _TYPES[column.kind]
            array = pa.array(values, pa.string() if column.kind == 'text' else kind)
            arrays.append(array.dictionary_encode() if column.kind == 'text' else array)
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []
