# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""WavLM classifiers that pool over time by more than the mean.

``config.pooling`` of a saved model says which: ``mean`` (Transformers' own class),
``mean_std`` (statistics pooling, Snyder et al., ICASSP 2018) or ``attention`` (self-attentive
pooling, Safari et al., Interspeech 2020).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import WavLMConfig, WavLMForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

POOLINGS = ('mean', 'mean_std', 'attention')


class PooledWavLM(WavLMForSequenceClassification):
    """``WavLMForSequenceClassification`` with the pooling that its configuration names.

    :raises ValueError: if ``config.pooling`` is none of :data:`POOLINGS`.
    """

    def __init__(self, config: WavLMConfig) -> None:
        super().__init__(config)
        self.pooling = getattr(config, 'pooling', 'mean')
        if self.pooling not in POOLINGS:
            raise ValueError(f'pooling {self.pooling!r} is none of {", ".join(POOLINGS)}')
        width, classes = int(config.classifier_proj_size), int(config.num_labels or 0)
        if self.pooling == 'mean_std':
            self.classifier = nn.Linear(2 * width, classes)
        elif self.pooling == 'attention':
            self.pool_attention = nn.Linear(width, 1)
        self.post_init()

    @classmethod
    def from_config(cls, config: WavLMConfig) -> PooledWavLM:
        """Build an untrained model, as the automatic classes of Transformers do."""
        return cls._from_config(config)

    def embed(
        self, input_values: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return what the classifier sees of waveforms (n, samples): (n, d)."""
        outputs = self.wavlm(
            input_values,
            attention_mask=attention_mask,
            output_hidden_states=self.config.use_weighted_layer_sum,
        )
        if self.config.use_weighted_layer_sum:
            layers = torch.stack(outputs.hidden_states, dim=1)
            share = torch.softmax(self.layer_weights, dim=-1).view(-1, 1, 1)
            hidden = (layers * share).sum(dim=1)
        else:
            hidden = outputs.last_hidden_state
        hidden = self.projector(hidden)
        if attention_mask is None:
            valid = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        else:
            valid = self._get_feature_vector_attention_mask(
                hidden.shape[1], cast(torch.LongTensor, attention_mask)
            )
        valid = valid.to(hidden.dtype).unsqueeze(2)
        if self.pooling == 'attention':
            scores = self.pool_attention(hidden).masked_fill(valid == 0, float('-inf'))
            return (torch.softmax(scores, dim=1) * hidden).sum(dim=1)
        count = valid.sum(dim=1)
        mean = (hidden * valid).sum(dim=1) / count
        if self.pooling == 'mean':
            return mean
        spread = ((hidden - mean.unsqueeze(1)).square() * valid).sum(dim=1) / count
        return torch.cat((mean, (spread + 1e-6).sqrt()), dim=1)

    def forward(
        self,
        input_values: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Return the logits (n, labels), and the cross-entropy where labels are given."""
        logits = self.classifier(self.embed(input_values, attention_mask))
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)
