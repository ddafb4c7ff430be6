# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""This package before the linters of ROS 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.ament import LINTERS, lint


@pytest.mark.parametrize('linter', LINTERS)
def test_the_linters_of_ros_find_nothing(linter: str) -> None:
    assert lint(linter, Path(__file__).parents[1]) == 0
