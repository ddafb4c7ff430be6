# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A lamp in the colour of the mood: an application in one small folder."""
