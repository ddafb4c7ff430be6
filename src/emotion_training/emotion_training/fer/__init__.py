# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Facial expression recognition: data sets, recipes, training, export and evaluation."""
