# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Record, replay and look into bags (MCAP) where no ``ros2 bag`` is installed."""
