"""Whether a node publishes what its model makes of the input before it decides."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_perception.settings import setting


@dataclass(frozen=True)
class EmbeddingSettings:
    """What a recognising node publishes besides the prediction."""

    embedding: bool = setting(
        False, "Publish the model's embedding with each prediction; fusion method network needs "
        'it.', live=True)
