# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tables as people save them: any encoding, any separator, and a line number for every fault."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import check_file
from emotion_training.common.files import TrainingError

_SEPARATORS = (',', ';', '\t', '|')
_MARKS = (
    (b'\xef\xbb\xbf', 'utf-8-sig'),
    (b'\xff\xfe\x00\x00', 'utf-32'),
    (b'\x00\x00\xfe\xff', 'utf-32'),
    (b'\xff\xfe', 'utf-16'),
    (b'\xfe\xff', 'utf-16'),
)  # fmt: skip


class TableError(TrainingError):
    """A table that cannot be used as it is; the message names file and line."""


@dataclass(frozen=True)
class Row:
    """A row of a table.

    :param path: of the table.
    :param line: at which the row begins, from 1.
    :param values: by the name of the column as it was asked for, or in lower case; without the
        space around them.
    """

    path: Path
    line: int
    values: Mapping[str, str]

    @property
    def where(self) -> str:
        """Return file and line, for messages."""
        return f'{self.path}, line {self.line}'

    def __getitem__(self, column: str) -> str:
        return self.values[column.lower()]

    def get(self, column: str, default: str = '') -> str:
        """Return a value, or something else if there is no such column or it is empty."""
        return self.values.get(column.lower()) or default


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Read a CSV file: UTF-8, UTF-16 or Latin-1, with commas, semicolons, tabs or bars.

    Names of columns count without case and the space around them; blank rows are passed over.

    :param columns: those that must be there.
    :raises TableError: naming file and line, if the file or a column is missing, a row is too
        short or its quotes are open, or there is no row.
    """
    path = Path(path)
    try:
        check_file(path)
        text = _decoded(path.read_bytes())
    except (MediaError, OSError) as error:
        raise TableError(str(error)) from error
    first = next((line for line in text.splitlines() if line.strip()), '')
    separator, names = _header(path, first, columns)
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    needed = max((places[column.lower()] for column in columns), default=0) + 1
    rows, header = [], True
    for line, fields in _records(path, text, separator, len(names)):
        if not any(field.strip() for field in fields):
            continue
        if header:
            header = False
            continue
        if len(fields) < needed:
            raise TableError(
                f'{path}, line {line}: {len(fields)} field(s), but the columns '
                f'{", ".join(columns)} need {needed}: {separator.join(fields)[:60]!r}'
            )
        values = {
            name: fields[place].strip() for name, place in places.items() if place < len(fields)
        }
        rows.append(Row(path, line, values))
    if not rows:
        raise TableError(f'{path} has no rows under its header')
    return rows


def parse_pixels(row: Row, column: str, count: int) -> np.ndarray:
    """Return the grey values, 0 to 255, that a field holds as text, uint8 (count,).

    :raises TableError: naming the line, if they are too few or too many, or one is no such value.
    """
    words = row[column].split()
    if len(words) != count:
        raise TableError(f'{row.where}: {len(words)} pixels; a picture has {count}')
    try:
        values = np.array([int(word) for word in words])
    except ValueError as error:
        raise TableError(f'{row.where}: pixels are whole numbers ({error})') from error
    wrong = np.flatnonzero((values < 0) | (values > 255))
    if wrong.size:
        raise TableError(
            f'{row.where}: pixel {wrong[0] + 1} is {values[wrong[0]]}; grey values are 0 to 255'
        )
    return values.astype(np.uint8)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors='replace')
    head = data[:4096]
    if b'\0' in head:
        # UTF-16 without its mark: of Latin letters every other byte is zero.
        return data.decode(
            'utf-16-le' if head[1::2].count(0) > head[::2].count(0) else 'utf-16-be',
            errors='replace',
        )
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError:
        # Latin-1 as Windows writes it; it has no letters for five of its bytes.
        return data.decode('cp1252', errors='replace')


def _header(path: Path, line: str, columns: Sequence[str]) -> tuple[str, list[str]]:
    """Return the separator, and the names of the columns in lower case."""
    most: list[str] = []
    for separator in _SEPARATORS:
        fields = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
        names = [field.strip().lower() for field in fields]
        if all(column.lower() in names for column in columns):
            return separator, names
        most = max(most, fields, key=len)
    missing = [
        column
        for column in columns
        if column.lower() not in [name.strip().lower() for name in most]
    ]
    raise TableError(
        f'{path}, line 1: no column {", ".join(missing)}; there are '
        f'{", ".join(name.strip() for name in most) or "none"}'
    )


def _records(path: Path, text: str, separator: str, width: int) -> list[tuple[int, list[str]]]:
    """Return (line, fields) of each row."""
    before = csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=separator, skipinitialspace=True)
    records, line = [], 1
    try:
        for fields in reader:
            if any(_swallowed(field, separator, width) for field in fields):
                raise TableError(
                    f'{path}, line {line}: a quote is open, so that the lines below became part '
                    'of a field; close it, or remove it'
                )
            records.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f'{path}, line {line}: {error}') from error
    finally:
        csv.field_size_limit(before)
    return records


def _swallowed(field: str, separator: str, width: int) -> bool:
    """Tell whether a field holds what looks like further rows of the table."""
    return any(line.count(separator) >= width - 1 > 0 for line in field.splitlines()[1:])
