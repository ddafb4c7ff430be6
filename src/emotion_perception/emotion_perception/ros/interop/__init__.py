# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is perceived, in the messages of others; each module knows one package of them."""
