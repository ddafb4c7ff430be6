# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The options of every session of ONNX Runtime: of models, of voice activity, of fusion."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import onnxruntime


def session_options(threads: int = 0) -> onnxruntime.SessionOptions:
    """Return the options of a session; training takes the same, and so gets the same answers.

    :param threads: within one operator; 0 for ONNX Runtime's own choice.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena keeps what the largest input ever took; malloc is as fast here (measured).
    options.enable_cpu_mem_arena = False
    # A plan is kept for each shape of input, for ever: 16 kB for each length of an utterance.
    options.enable_mem_pattern = False
    # Threads that spin while they wait cost a core each between two frames.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.add_session_config_entry('session.inter_op.allow_spinning', '0')
    options.add_session_config_entry('session.x64quantprecision', str(int(_overflows())))
    return options


@lru_cache(maxsize=1)
def _overflows() -> bool:
    """Return whether this processor adds pairs of eight-bit products in sixteen bits.

    x86 processors without VNNI do, and large sums overflow; ONNX Runtime then has an exact way
    that takes twice the time.
    """
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='ascii', errors='replace')
    except OSError:
        return False
    return 'sse2' in text and 'vnni' not in text
