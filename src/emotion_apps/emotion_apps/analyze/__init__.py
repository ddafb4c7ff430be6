# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Many recordings to tables: on every core of this machine, or of a Ray cluster."""
