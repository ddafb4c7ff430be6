# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Silero VAD: a small recurrent network, run with ONNX Runtime.

Source: Silero Team, "Silero VAD: pre-trained enterprise-grade Voice Activity Detector",
https://github.com/snakers4/silero-vad (MIT). The model is the file that the package silero-vad
carries; the package itself is never imported, because it would need torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emotion_perception.audio.pcm import RATE, to_float
from emotion_perception.audio.vad import VadError
from emotion_perception.carried import package_file

_INSTALL = 'install it with `pip install --no-deps silero-vad`, or choose vad:=webrtc or rms'


def find_model() -> Path:
    """Return the ONNX file that the package silero-vad, or a wheel of this project, carries.

    :raises VadError: if neither has it.
    """
    path = package_file('silero_vad', 'data/silero_vad.onnx')
    if path is None:
        raise VadError('silero_vad.onnx (2 MB) of the package silero-vad is missing; ' + _INSTALL)
    return path


class SileroVad:
    """The Silero network on frames of 32 ms, each with the last 4 ms before it as context.

    :param model: path of the ONNX file; empty for the package's.
    :raises VadError: if the file is missing or is not a Silero model for 16 kHz.
    """

    name = 'silero'
    frame_samples = 512
    _CONTEXT = 64
    _STATE = (2, 1, 128)

    def __init__(self, model: str = '') -> None:
        import onnxruntime

        from emotion_perception.sessions import session_options

        path = Path(model) if model else find_model()
        if not path.is_file():
            raise VadError(f'the Silero model {path} is missing; {_INSTALL}')
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), session_options(threads=1), providers=['CPUExecutionProvider']
            )
        except Exception as error:  # ONNX Runtime has no common base class of its errors.
            raise VadError(
                f'the Silero model {path} ({path.stat().st_size} bytes) cannot be '
                f'read: {error}; {_INSTALL}'
            ) from error
        inputs = {item.name for item in self._session.get_inputs()}
        if not {'input', 'state'} <= inputs <= {'input', 'state', 'sr'}:
            raise VadError(
                f'{path} is not a Silero model of version 5 or 6: its inputs are '
                f'{sorted(inputs)}; {_INSTALL}'
            )
        self._feeds = {'input': np.zeros((1, self._CONTEXT + self.frame_samples), np.float32)}
        if 'sr' in inputs:
            self._feeds['sr'] = np.array(RATE, np.int64)
        self.reset()

    def probability(self, frame: np.ndarray) -> float:
        """Return the probability of speech, 0 to 1, in the next frame: int16 (512,)."""
        window = self._feeds['input']
        window[0, : self._CONTEXT] = window[0, -self._CONTEXT :]
        window[0, self._CONTEXT :] = to_float(frame)
        output, self._feeds['state'] = self._session.run(None, self._feeds)
        return float(output[0, 0])

    def reset(self) -> None:
        """Forget the stream so far."""
        self._feeds['input'][:] = 0.0
        self._feeds['state'] = np.zeros(self._STATE, np.float32)
