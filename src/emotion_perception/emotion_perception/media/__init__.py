# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Read recordings, streams and pictures of any usual kind: what they show and say, and when.

All decoding is PyAV's (FFmpeg's libraries, carried by its wheels) and, for single pictures,
OpenCV's. Times are the container's own, in seconds.
"""
