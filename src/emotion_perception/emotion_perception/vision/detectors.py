# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The face detectors by name.

They are in modules of their own, imported only when chosen, because each needs a library or a
file that another machine may lack.
"""

from __future__ import annotations

from emotion_perception.vision.detect import Detector, DetectorSettings


def make_detector(settings: DetectorSettings | None = None) -> Detector:
    """Make the detector that the settings name.

    :param settings: by default the usual ones.
    :raises DetectorError: if a library or a file is missing, naming it and the way to get it.
    """
    settings = settings or DetectorSettings()
    if settings.detector == 'blazeface':
        from emotion_perception.vision.blazeface import BlazeFace

        return BlazeFace(settings)
    if settings.detector == 'yunet':
        from emotion_perception.vision.yunet import YuNet

        return YuNet(settings)
    from emotion_perception.vision.haar import Haar

    return Haar(settings)
