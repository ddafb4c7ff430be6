# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
