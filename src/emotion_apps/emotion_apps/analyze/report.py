# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What was found in all recordings together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emotion_apps.analyze.columns import CLASSES
from emotion_apps.analyze.options import FORMAT
from emotion_apps.analyze.page import render
from emotion_apps.analyze.recordings import Recording
from emotion_apps.analyze.run import Outcome
from emotion_apps.analyze.store import Store
from emotion_apps.analyze.tasks import Job


def write_report(
    store: Store, job: Job, recordings: Sequence[Recording], outcome: Outcome
) -> dict[str, Any]:
    """Write ``summary.json`` and ``index.html``; return the summary.

    :param recordings: all of them, in the order in which they are listed.
    """
    found = [outcome.summaries[item.id] for item in recordings if item.id in outcome.summaries]
    failures = [
        {
            'recording': item.name,
            'source': item.source,
            'id': item.id,
            'reason': outcome.failures[item.id],
        }
        for item in recordings
        if item.id in outcome.failures
    ]
    summary = {
        'format': FORMAT,
        'options': job.options.described(),
        'models': job.models,
        'totals': totals(found),
        'failures': failures,
        'recordings': [
            {key: value for key, value in item.items() if key not in _OF_ALL} for item in found
        ],
    }
    store.write('summary.json', (json.dumps(summary, indent=1, allow_nan=False) + '\n').encode())
    store.write('index.html', render(summary).encode())
    return summary


# The same in every recording of a run: said once.
_OF_ALL = ('format', 'models', 'options', 'time_base', 'setup')


def totals(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return sums over some recordings, and the mean shares of classes."""
    return {
        'recordings': len(summaries),
        'seconds': round(sum(item['seconds'] or 0.0 for item in summaries), 3),
        'pictures': sum(item['pictures'] for item in summaries),
        'pictures_with_face': sum(item['pictures_with_face'] for item in summaries),
        'faces': sum(item['rows']['faces'] for item in summaries),
        'utterances': sum(item['rows']['utterances'] for item in summaries),
        'talk_seconds': round(sum(item['voice']['talk_seconds'] for item in summaries), 3),
        'face': _mean([(item['face']['mean'], item['face']['pictures']) for item in summaries]),
        'voice': _mean(
            [(item['voice']['mean'], item['voice']['talk_seconds']) for item in summaries]
        ),
    }


def _mean(shares: Sequence[tuple[Mapping[str, float] | None, float]]) -> dict[str, float] | None:
    """Return the mean of shares by weight; ``None`` of nothing."""
    weight = sum(weight for part, weight in shares if part)
    if not weight:
        return None
    return {
        name: round(sum(part[name] * w for part, w in shares if part) / weight, 4)
        for name in CLASSES
    }
