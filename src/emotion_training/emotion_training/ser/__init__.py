"""Speech emotion recognition: corpora, training, evaluation, recording and adaptation."""
