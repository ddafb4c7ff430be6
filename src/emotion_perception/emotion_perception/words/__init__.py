# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The words of a speaker: who writes them down, and what they tell of how he speaks."""
