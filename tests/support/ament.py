# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The linters of ROS 2 (ament_lint), where they are installed, as this tree is held to them."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest

from support.fixtures import ROOT

LINTERS = ('ament_flake8', 'ament_pep257', 'ament_copyright')

_OPTIONS = {
    'ament_flake8': ['--config', str(ROOT / 'tools' / 'ament_flake8.ini')],
    # See tools/ament_flake8.ini for both.
    'ament_pep257': ['--add-ignore', 'D213', 'D402', '--'],
}
# ament_copyright knows no header of SPDX, only the licence's own words.
_SPDX = '{copyright}\nSPDX-License-Identifier: Apache-2.0'


def lint(name: str, folder: Path) -> int:
    """Run a linter over a package; what it finds goes to the output.

    :return: its exit code, 0 where it finds nothing.
    """
    linter = pytest.importorskip(
        f'{name}.main', reason=f'needs {name} of a ROS 2 distribution, which PyPI lacks'
    )
    arguments = [*_OPTIONS.get(name, ()), str(folder)]
    if name != 'ament_copyright':
        return int(linter.main(arguments))
    known = linter.get_licenses()
    spdx = known['apache2']._replace(file_headers=[_SPDX])
    with patch('ament_copyright.parser.get_licenses', lambda: {**known, 'apache2_spdx': spdx}):
        return int(linter.main(arguments))
