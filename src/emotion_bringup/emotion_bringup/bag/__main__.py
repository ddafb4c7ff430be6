# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``python -m emotion_bringup.bag``: see :mod:`emotion_bringup.bag.command`."""

import sys

from emotion_bringup.bag.command import main

sys.exit(main())
