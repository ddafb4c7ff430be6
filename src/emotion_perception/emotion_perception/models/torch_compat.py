# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Importing torchvision beside a torch build that it was not made for."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

# Operators that torchvision refers to while it is imported. They live in its compiled part,
# which a CPU build of torch cannot load when torchvision was built for CUDA; nothing here
# calls them, but their schemas must exist.
_SCHEMAS = {
    'nms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'qnms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
}


def import_torchvision() -> ModuleType:
    """Return torchvision, also where its compiled operators do not load.

    With matching builds this is a plain import. Otherwise models and transforms work, the
    detection operators do not.

    :raises ImportError: if torch or torchvision is not installed.
    """
    try:
        return importlib.import_module('torchvision')
    except RuntimeError as error:
        if 'torchvision::' not in str(error):
            raise
    import torch

    for name, schema in _SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f'torchvision::{name}', schema)
    # The failed import left its first half behind.
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    return importlib.import_module('torchvision')
