# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The profile that is set for Fast DDS, and for whom it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from emotion_perception.ros import middleware


def test_who_chooses_profiles_for_the_middleware_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(os, 'environ', {'RMW_FASTRTPS_PUBLICATION_MODE': 'ASYNCHRONOUS'})
    middleware.use_profile()
    assert 'RMW_FASTRTPS_USE_QOS_FROM_XML' not in os.environ


def test_the_middleware_is_told_of_profiles_by_one_name(monkeypatch) -> None:
    monkeypatch.setattr(os, 'environ', {})
    middleware.use_profile()
    (name,) = (name for name in os.environ if name.endswith('PROFILES_FILE'))
    assert Path(os.environ[name]).is_file()
