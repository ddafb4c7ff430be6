"""The one log-mel front end of every speech recipe, in NumPy.

It equals what CREMA-D is handed out as (16 kHz, n_fft 1024, hop 512, 128 mels, power, dB below the
clip's own maximum, floor -80 dB), so that corpora known only as spectrograms and corpora known as
sound train one network. The network repeats it inside its ONNX graph (``network.WaveformModel``);
a test holds the two together.
"""

from __future__ import annotations

import functools

import numpy as np

RATE = 16000
N_FFT = 1024
HOP = 512
MELS = 128
FLOOR_DB = -80.0
AMIN = 1e-10


@functools.lru_cache(maxsize=2)
def mel_filters(rate: int = RATE, n_fft: int = N_FFT, mels: int = MELS) -> np.ndarray:
    """Return Slaney's triangular mel filters, area normalised, float32 (mels, n_fft // 2 + 1).

    The same as ``librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels)`` (Slaney, Auditory
    Toolbox, 1998): linear below 1 kHz, logarithmic above.
    """
    def to_mel(hertz: float) -> float:
        if hertz < 1000.0:
            return hertz * 3.0 / 200.0
        return 15.0 + 27.0 * np.log(hertz / 1000.0) / np.log(6.4)

    points = np.linspace(0.0, to_mel(rate / 2.0), mels + 2)
    hertz = np.where(points < 15.0, points * 200.0 / 3.0,
                     1000.0 * np.exp(np.log(6.4) / 27.0 * (points - 15.0)))
    bins = np.fft.rfftfreq(n_fft, 1.0 / rate)
    ramps = hertz[:, None] - bins[None, :]
    widths = np.diff(hertz)[:, None]
    rising, falling = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return (filters * (2.0 / (hertz[2:] - hertz[:-2]))[:, None]).astype(np.float32)


def hann(length: int = N_FFT) -> np.ndarray:
    """Return the periodic Hann window, float32 (length,)."""
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length)).astype(np.float32)


def logmel(samples: np.ndarray) -> np.ndarray:
    """Return the log-mel power of a clip in dB below its maximum.

    :param samples: mono float32 (t,) at 16 kHz, any level; t > 0.
    :return: float32 (128, 1 + t // 512), 0 at the loudest cell, never below -80.
    :raises ValueError: if there is no sample.
    """
    samples = np.asarray(samples, np.float32).reshape(-1)
    if samples.size == 0:
        raise ValueError('a clip without samples has no spectrum')
    padded = np.pad(samples, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
    spectrum = np.fft.rfft(frames * hann(), axis=1)
    power = (spectrum.real ** 2 + spectrum.imag ** 2).astype(np.float32)
    level = 10.0 * np.log10(np.maximum(mel_filters() @ power.T, AMIN))
    return np.maximum(level - level.max(), FLOOR_DB).astype(np.float32)


def to_bytes(level: np.ndarray) -> np.ndarray:
    """Return dB values -80..0 as uint8 steps of 80/255 dB (a quarter of the memory)."""
    return np.clip(np.round((level / -FLOOR_DB + 1.0) * 255.0), 0, 255).astype(np.uint8)


def from_bytes(steps: np.ndarray) -> np.ndarray:
    """Return the dB values -80..0, float32, that :func:`to_bytes` packed."""
    return (steps.astype(np.float32) / 255.0 - 1.0) * -FLOOR_DB
