# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Strange messages, long runs: what the graph stands; see docs/robustness.md."""
