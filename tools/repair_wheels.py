# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Repair the CMake export files that the ROS 2 wheels carry.

They name the include directories of the machine that built them (its Python's under
`/opt/python` and its numpy's), and CMake refuses directories that do not exist. Run with the
Python of the virtual environment that holds the wheels; a second run changes nothing.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy

PYTHON_INCLUDE = re.compile(r'/opt/(?:python|_internal)/[^;"\s]*?/include/python3\.\d+')
NUMPY_INCLUDE = re.compile(r'/[^;"\s]*?site-packages/numpy/[^;"\s]*?include')


def repair(text: str, python_include: str, numpy_include: str) -> str:
    """Return `text` with the builder's include directories replaced by this machine's."""
    text = NUMPY_INCLUDE.sub(lambda _: numpy_include, text)
    return PYTHON_INCLUDE.sub(lambda _: python_include, text)


def main() -> None:
    """Rewrite every CMake file of this environment's prefix that needs it."""
    python_include = sysconfig.get_paths()['include']
    for path in Path(sys.prefix, 'share').glob('*/cmake/*.cmake'):
        text = path.read_text(errors='surrogateescape')
        repaired = repair(text, python_include, numpy.get_include())
        if repaired != text:
            path.write_text(repaired, errors='surrogateescape')


if __name__ == '__main__':
    main()
