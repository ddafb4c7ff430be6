# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Models behind one interface: choose by name, path or hub id, and recognise.

::

    from emotion_perception.models import FaceEmotionRecognizer, load_model

    recognizer = FaceEmotionRecognizer(load_model('fer-default', task='fer'))
    predictions = recognizer.predict(crops)
"""

from emotion_perception.models.backend import ModelSettings
from emotion_perception.models.catalog import Catalog, CatalogEntry, load_catalog
from emotion_perception.models.errors import ModelError
from emotion_perception.models.face import FaceEmotionRecognizer, FacePredictions
from emotion_perception.models.fetch import model_file
from emotion_perception.models.model import Model, load_model
from emotion_perception.models.speech import SpeechEmotion, SpeechEmotionRecognizer
from emotion_perception.models.voice_memory import VoiceMemory

__all__ = [
    'Catalog',
    'CatalogEntry',
    'FaceEmotionRecognizer',
    'FacePredictions',
    'Model',
    'ModelError',
    'ModelSettings',
    'SpeechEmotion',
    'SpeechEmotionRecognizer',
    'VoiceMemory',
    'load_catalog',
    'load_model',
    'model_file',
]
