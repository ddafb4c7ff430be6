# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where things stand on the screen of the game."""

from __future__ import annotations

from dataclasses import dataclass

from emotion_apps.view.draw import Box, Canvas


@dataclass(frozen=True)
class Page:
    """The canvas with the places of things on it."""

    canvas: Canvas

    @property
    def u(self) -> float:
        """Return the length unit; narrow canvases shrink with their width."""
        return min(self.canvas.height / 720, self.canvas.width / 1180)

    @property
    def header(self) -> Box:
        return Box(24 * self.u, 18 * self.u, self.canvas.width - 48 * self.u, 62 * self.u)

    @property
    def footer(self) -> Box:
        high = 26 * self.u
        return Box(
            24 * self.u,
            self.canvas.height - high - 12 * self.u,
            self.canvas.width - 48 * self.u,
            high,
        )

    @property
    def body(self) -> Box:
        top = self.header.bottom + 14 * self.u
        return Box(
            24 * self.u, top, self.canvas.width - 48 * self.u, self.footer.y - 12 * self.u - top
        )

    @property
    def sides(self) -> tuple[Box, Box]:
        wide, body = 190 * self.u, self.body
        return (Box(body.x, body.y, wide, body.h), Box(body.right - wide, body.y, wide, body.h))

    @property
    def banner(self) -> Box:
        left, right = self.sides
        gap = 14 * self.u
        return Box(left.right + gap, self.body.y, right.x - left.right - 2 * gap, 116 * self.u)

    @property
    def stage(self) -> Box:
        """Return the place of the picture: nothing but what belongs to faces covers it."""
        banner = self.banner
        top = banner.bottom + 14 * self.u
        return Box(banner.x, top, banner.w, self.body.bottom - top)
