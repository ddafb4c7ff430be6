# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The thin layer between the algorithms and ROS; besides it only ``nodes`` import ROS."""
