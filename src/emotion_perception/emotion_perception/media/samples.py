# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Samples as the project keeps them: int16."""

from __future__ import annotations

import numpy as np


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Return float samples (full scale -1..1) as int16 of the same shape, clipped; int16 stays.

    Values that are not finite become 0.
    """
    samples = np.asarray(samples)
    if samples.dtype == np.int16:
        return samples
    scaled = np.nan_to_num(samples * np.float32(32768.0), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
