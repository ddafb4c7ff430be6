# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The settings of ``interview_node``, without ROS."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.interview.course import InterviewSettings
from emotion_perception.settings import setting


@dataclass(frozen=True)
class InterviewNodeSettings(InterviewSettings):
    """Settings of the node."""

    questions: str = setting('', 'YAML file of questions; empty for the built-in ones.')
    out: str = setting('', 'Folder for the report; nothing is stored if it is empty.')
    speak: bool = setting(False, 'Read the questions aloud, if a synthesiser is installed.')
