# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Training and evaluation of the fusion of face and voice."""
