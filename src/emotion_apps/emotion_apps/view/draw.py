# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Drawing primitives of the screens: anti-aliased at any resolution, the same on every frame.

A screen draws on a :class:`Canvas`, whose image is an ordinary BGR array. Lengths are pixels of
the canvas; a screen that should scale multiplies them by :attr:`Canvas.unit` (1 at a height of
720)::

    canvas = Canvas(1280, 720)
    area = Box(0, 0, 960, 720)
    place = canvas.picture(frame, area)                 # upscaled, letterboxed
    canvas.face(place.box(Box(200, 90, 120, 160)), theme.ACCENT)
    canvas.panel(Box(980, 20, 280, 300))
    canvas.text('Happy', 1000, 60, 48, weight=700)
    canvas.probabilities(Box(1000, 100, 240, 200), probabilities)
    cv2.imwrite('screen.png', canvas.image)

Text is drawn by the TrueType engine and the font that OpenCV 5 carries; with OpenCV 4, which has
only the stroke fonts of Hershey, those are drawn larger and scaled down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from emotion_apps.view import theme
from emotion_apps.view.masks import CAPITAL, corner, polar, rounded_mask, text_mask, text_width
from emotion_apps.view.theme import Colour
from emotion_perception.emotions import EMOTIONS


class Box(NamedTuple):
    """A rectangle in pixels: left, top, width, height (floats are allowed)."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        """Return the x coordinate of the right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """Return the y coordinate of the lower edge."""
        return self.y + self.h

    @property
    def centre(self) -> tuple[float, float]:
        """Return the middle (x, y)."""
        return self.x + self.w / 2, self.y + self.h / 2

    def inset(self, dx: float, dy: float | None = None) -> Box:
        """Return the box less ``dx`` left and right and ``dy`` (or ``dx``) above and below."""
        dy = dx if dy is None else dy
        return Box(self.x + dx, self.y + dy, max(0.0, self.w - 2 * dx), max(0.0, self.h - 2 * dy))

    def rows(self, *weights: float, gap: float = 0.0) -> list[Box]:
        """Return boxes one under the other that share the height by weight."""
        room = (self.h - gap * (len(weights) - 1)) / sum(weights)
        boxes, top = [], self.y
        for weight in weights:
            boxes.append(Box(self.x, top, self.w, weight * room))
            top += weight * room + gap
        return boxes

    def columns(self, *weights: float, gap: float = 0.0) -> list[Box]:
        """Return boxes side by side that share the width by weight."""
        turned = Box(self.y, self.x, self.h, self.w).rows(*weights, gap=gap)
        return [Box(box.y, box.x, box.h, box.w) for box in turned]

    def rounded(self) -> tuple[int, int, int, int]:
        """Return whole pixels (left, top, right, lower); neighbours stay neighbours."""
        return (round(self.x), round(self.y), round(self.x + self.w), round(self.y + self.h))


class Placement(NamedTuple):
    """Where a picture lies on the canvas: ``canvas = scale * picture + offset``."""

    area: Box
    scale: float
    dx: float
    dy: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the canvas point of a point of the picture."""
        return x * self.scale + self.dx, y * self.scale + self.dy

    def box(self, box: Box) -> Box:
        """Return the canvas box of a box of the picture."""
        return Box(*self.point(box.x, box.y), box.w * self.scale, box.h * self.scale)


def unit_interval(value: float) -> float:
    """Return the value clipped to 0..1; NaN becomes 0."""
    value = float(value)
    return 0.0 if math.isnan(value) else min(1.0, max(0.0, value))


class Canvas:
    """A BGR picture and the means to draw a screen on it.

    :param width: pixels.
    :param height: pixels.
    """

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        self.image = np.empty((height, width, 3), np.uint8)
        self.clear()

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return self.image.shape[1]

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return self.image.shape[0]

    @property
    def unit(self) -> float:
        """Return the scale that all lengths of a screen are multiplied by: 1 at 720 rows."""
        return self.height / 720

    @property
    def box(self) -> Box:
        """Return the whole canvas as a box."""
        return Box(0, 0, self.width, self.height)

    def clear(self, colour: Colour = theme.BACKGROUND) -> None:
        """Fill everything with one colour."""
        self.image[:] = colour

    def _clip(self, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int] | None:
        """Return the part of a rectangle that lies on the canvas, or ``None``."""
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(self.width, x1), min(self.height, y1)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def blend(self, mask: np.ndarray, x: int, y: int, colour: Colour, alpha: float = 1.0) -> None:
        """Put a colour on the canvas through a coverage mask.

        :param mask: (h, w) uint8, 255 where the colour covers all; may hang over the edges.
        :param x: column of the mask's left edge.
        :param y: row of the mask's upper edge.
        :param alpha: 0 (nothing) to 1 (as the mask says).
        """
        seen = self._clip(x, y, x + mask.shape[1], y + mask.shape[0])
        if seen is None:
            return
        x0, y0, x1, y1 = seen
        # 0..256, so that a full mask gives the colour itself.
        part = mask[y0 - y : y1 - y, x0 - x : x1 - x].astype(np.int32)
        part += part >> 7
        part = (part * round(alpha * 256) >> 8)[:, :, None]
        region = self.image[y0:y1, x0:x1]
        region[:] = region + ((np.asarray(colour, np.int32) - region) * part >> 8)

    # Text.

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        colour: Colour = theme.TEXT,
        *,
        weight: int = 400,
        align: str = 'left',
        level: str = 'baseline',
        room: float | None = None,
        shadow: bool = False,
    ) -> int:
        """Write one line.

        :param x: left end, middle or right end, as ``align`` says (left, centre, right).
        :param y: the baseline, the top of the capitals or their middle, as ``level`` says
            (baseline, top, middle).
        :param size: height of the type in pixels; a capital is 0.7 of it.
        :param weight: 400 is regular, 700 bold.
        :param room: width it must fit; the type gets smaller, down to half, where it does not.
        :param shadow: put a dark edge under it, for text right on a picture.
        :return: the width in pixels.
        """
        if not text:
            return 0
        size = max(6, round(size))
        mask, advance = text_mask(text, size, weight)
        if room is not None and advance > room:
            size = max(6, size // 2, math.floor(size * room / advance))
            mask, advance = text_mask(text, size, weight)
        left = round(x - {'left': 0.0, 'centre': 0.5, 'right': 1.0}[align] * advance)
        drop = {'baseline': 0.0, 'top': CAPITAL, 'middle': CAPITAL / 2}[level]
        top = round(y + drop * size) - round(1.1 * size)
        if shadow:
            reach = max(1, round(size / 18))
            grown = cv2.dilate(
                cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT),
                cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)),
            )
            self.blend(grown, left - reach, top - reach, theme.SHADOW, 0.7)
        self.blend(mask, left, top, colour)
        return advance

    def paragraph(
        self,
        text: str,
        box: Box,
        size: float,
        colour: Colour = theme.TEXT,
        *,
        weight: int = 400,
        align: str = 'left',
        leading: float = 1.35,
    ) -> float:
        """Write text in lines that fit a box, from its top; lines below the box are left out.

        :return: the height that was used, pixels.
        """
        lines, line = [], ''
        for word in text.split():
            longer = f'{line} {word}'.strip()
            if line and text_width(longer, size, weight) > box.w:
                lines.append(line)
                line = word
            else:
                line = longer
        lines = [*lines, line] if line else lines
        lines = lines[: max(1, int(box.h // (size * leading)))]
        x = box.x + {'left': 0.0, 'centre': 0.5, 'right': 1.0}[align] * box.w
        for number, line in enumerate(lines):
            self.text(
                line,
                x,
                box.y + number * size * leading,
                size,
                colour,
                weight=weight,
                align=align,
                level='top',
                room=box.w,
            )
        return len(lines) * size * leading

    # Areas.

    def panel(
        self,
        box: Box,
        colour: Colour = theme.PANEL,
        *,
        alpha: float = 1.0,
        radius: float = 16.0,
        outline: Colour | None = None,
        line: float = 2.0,
    ) -> None:
        """Fill a rectangle with round corners.

        :param alpha: how opaque the fill is, 0 to 1.
        :param outline: colour of an edge of ``line`` pixels inside, if any.
        """
        if outline is not None:
            self._fill(box, outline, 1.0, radius)
            self._fill(box.inset(line), colour, 1.0, radius - line)
        else:
            self._fill(box, colour, alpha, radius)

    def _fill(self, box: Box, colour: Colour, alpha: float, radius: float) -> None:
        """Fill a rectangle; only its corners need a mask, which keeps large ones cheap."""
        seen = self._clip(*box.rounded())
        if seen is None:
            return
        x0, y0, x1, y1 = seen
        width, height = x1 - x0, y1 - y0
        radius = max(0, min(round(radius), width // 2, height // 2))
        region = self.image[y0:y1, x0:x1]
        before = region.copy() if radius else None
        if alpha >= 1:
            region[:] = colour
        else:
            solid = np.empty_like(region)
            solid[:] = colour
            cv2.addWeighted(region, 1 - alpha, solid, alpha, 0, dst=region)
        if before is not None:
            quarter = corner(radius)[:, :, None]
            for rows, turn_rows in ((slice(0, radius), 1), (slice(height - radius, height), -1)):
                for columns, turn in ((slice(0, radius), 1), (slice(width - radius, width), -1)):
                    cover = quarter[::turn_rows, ::turn]
                    old, new = before[rows, columns], region[rows, columns]
                    region[rows, columns] = np.rint(old + (new.astype(np.float32) - old) * cover)

    def dim(self, amount: float, box: Box | None = None) -> None:
        """Darken the canvas, or a box of it, towards the background.

        :param amount: 0 (nothing) to 1 (all dark).
        """
        self._fill(box or self.box, theme.BACKGROUND, unit_interval(amount), 0)

    def picture(
        self,
        image: np.ndarray,
        box: Box,
        *,
        fit: str = 'contain',
        radius: float = 0.0,
        upside: float = 0.5,
    ) -> Placement:
        """Put a picture in a box, scaled to it with its proportions kept.

        :param image: (h, w, 3) uint8 BGR.
        :param fit: ``'contain'`` shows all of it, with a dark blur of itself beside it where the
            proportions differ; ``'cover'`` fills the box and cuts what hangs over.
        :param radius: of the box's corners, pixels.
        :param upside: with ``'cover'``, which part of the height is kept: 0 top, 1 bottom.
        :return: where it lies, to find its pixels on the canvas.
        """
        x0, y0, x1, y1 = box.rounded()
        room_w, room_h = x1 - x0, y1 - y0
        high, wide = image.shape[:2]
        if self._clip(x0, y0, x1, y1) != (x0, y0, x1, y1) or not high or not wide:
            raise ValueError(
                f'{box} does not lie on the canvas of {self.width} x {self.height}, '
                f'or the picture is empty ({wide} x {high})'
            )
        before = self.image[y0:y1, x0:x1].copy() if radius else None
        region = self.image[y0:y1, x0:x1]
        cover = max(room_w / wide, room_h / high)
        scale = cover if fit == 'cover' else min(room_w / wide, room_h / high)
        new_w, new_h = max(1, round(wide * scale)), max(1, round(high * scale))
        if new_w >= room_w and new_h >= room_h:  # fills the box: cut in the source, then scale
            cut_w, cut_h = min(wide, room_w / scale), min(high, room_h / scale)
            left, top = (wide - cut_w) / 2, (high - cut_h) * unit_interval(upside)
            matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
            # Half a pixel: the centre of the first source pixel, not its corner.
            matrix[:, 2] += (scale - 1) / 2
            region[:] = cv2.warpAffine(
                image,
                matrix,
                (room_w, room_h),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            place = Placement(box, scale, x0 - left * scale, y0 - top * scale)
        else:
            small = cv2.resize(
                image, (32, max(1, round(32 * room_h / room_w))), interpolation=cv2.INTER_AREA
            )
            small = cv2.GaussianBlur(small, (0, 0), 2)
            region[:] = cv2.resize(small, (room_w, room_h), interpolation=cv2.INTER_LINEAR)
            self.dim(0.75, box)
            left, top = (room_w - new_w) // 2, (room_h - new_h) // 2
            shrinks = scale < 1
            region[top : top + new_h, left : left + new_w] = cv2.resize(
                image,
                (new_w, new_h),
                interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
            )
            place = Placement(box, scale, x0 + left, y0 + top)
        if before is not None:
            mask = rounded_mask(room_w, room_h, min(round(radius), room_w // 2, room_h // 2))
            kept = mask[:, :, None].astype(np.float32) / 255
            region[:] = np.rint(before + (region.astype(np.float32) - before) * kept)
        return place

    # Figures.

    def bar(self, box: Box, value: float, colour: Colour, track: Colour = theme.TRACK) -> None:
        """Draw a bar with round ends that is filled from the left.

        :param value: 0 to 1; NaN draws it empty.
        """
        x0, y0, x1, y1 = box.rounded()
        if x1 <= x0 or y1 <= y0:
            return
        mask = rounded_mask(x1 - x0, y1 - y0, min(x1 - x0, y1 - y0) // 2)
        self.blend(mask, x0, y0, track)
        filled = unit_interval(value) * (x1 - x0)
        whole = int(filled)
        if whole:
            self.blend(mask[:, :whole], x0, y0, colour)
        if whole < x1 - x0:  # the last column in part: a bar that grows moves smoothly
            self.blend(mask[:, whole : whole + 1], x0 + whole, y0, colour, filled - whole)

    def probabilities(
        self,
        box: Box,
        values: Sequence[float] | np.ndarray,
        strong: int | None = None,
        *,
        size: float | None = None,
        columns: int = 1,
    ) -> None:
        """Draw the six classes as bars with their names and percentages.

        :param values: six probabilities in the order of ``EMOTIONS``; NaN draws an empty bar.
        :param strong: the class to stress; the most probable one if not given; none if it is
            not one of the six (UNKNOWN).
        :param size: of the type in pixels; fits the box if not given.
        :param columns: side by side: 1, 2 or 3.
        """
        values = [float(value) for value in values]
        if strong is None:
            strong = int(np.nanargmax(values)) if not np.isnan(values).all() else -1
        gap = 0.05 * box.w
        rows = [
            row
            for column in box.columns(*[1] * columns, gap=gap)
            for row in column.rows(*[1] * (len(EMOTIONS) // columns))
        ]
        size = min(0.62 * rows[0].h, 0.076 * rows[0].w) if size is None else size
        names = max(text_width(name, size, 700) for name in EMOTIONS)
        figures = text_width('100%', size, 700)
        height = min(0.46 * rows[0].h, 0.85 * size)
        for index, (name, value, row) in enumerate(zip(EMOTIONS, values, rows)):
            stressed = index == strong
            ink = theme.TEXT if stressed else theme.MUTED
            weight = 700 if stressed else 400
            middle = row.centre[1]
            self.text(name, row.x, middle, size, ink, weight=weight, level='middle')
            left = row.x + names + 0.5 * size
            self.bar(
                Box(left, middle - height / 2, row.right - figures - 0.4 * size - left, height),
                value,
                theme.emotion_colour(index),
            )
            figure = '–' if math.isnan(value) else f'{round(100 * unit_interval(value))}%'
            self.text(
                figure, row.right, middle, size, ink, weight=weight, align='right', level='middle'
            )

    def ring(
        self,
        x: float,
        y: float,
        radius: float,
        part: float,
        colour: Colour,
        *,
        thickness: float | None = None,
        track: Colour | None = theme.TRACK,
    ) -> None:
        """Draw a ring that is filled clockwise from the top.

        :param x: its middle.
        :param y: its middle.
        :param part: 0 to 1; NaN draws it empty.
        :param thickness: pixels; a sixth of the radius if not given.
        :param track: colour of the empty part, or ``None`` for nothing.
        """
        radius = max(4, round(radius))
        thickness = max(2, round(radius / 6 if thickness is None else thickness))
        cover, angle = polar(radius, thickness)
        left, top = round(x) - radius - 2, round(y) - radius - 2
        if track is not None:
            self.blend(np.rint(cover * 255).astype(np.uint8), left, top, track)
        part = unit_interval(part)
        if part > 0:
            # One pixel of arc softens the moving end; the top is a sharp start.
            edge = np.clip((part - angle) * 2 * math.pi * radius + 0.5, 0, 1) if part < 1 else 1.0
            self.blend(np.rint(cover * edge * 255).astype(np.uint8), left, top, colour)

    def countdown(
        self,
        x: float,
        y: float,
        radius: float,
        remaining: float,
        duration: float,
        colour: Colour = theme.ACCENT,
    ) -> None:
        """Draw a ring that empties, with the whole seconds that are left inside.

        :param remaining: seconds; NaN (no time-out) draws nothing.
        :param duration: seconds of the whole; NaN draws nothing.
        """
        if not duration > 0 or math.isnan(remaining):
            return
        self.ring(x, y, radius, remaining / duration, colour)
        self.text(
            str(max(0, math.ceil(remaining - 1e-3))),
            x,
            y,
            0.95 * radius,
            weight=700,
            align='centre',
            level='middle',
            room=1.3 * radius,
        )

    def levels(
        self,
        box: Box,
        values: Sequence[float],
        colour: Colour = theme.ACCENT,
        *,
        low: float = -60.0,
        high: float = -10.0,
        count: int | None = None,
    ) -> None:
        """Draw sound levels as upright bars about the middle, the newest at the right.

        :param values: dB relative to full scale, oldest first; missing ones are drawn silent.
        :param low: level of the smallest bar, dB.
        :param high: level of a full bar, dB.
        :param count: how many bars; as many as there are values if not given.
        """
        count = max(1, len(values) if count is None else count)
        kept = list(values)[-count:]
        kept = [low] * (count - len(kept)) + kept
        step = box.w / count
        wide = max(2, round(0.6 * step))
        for number, value in enumerate(kept):
            part = unit_interval((value - low) / (high - low))
            high_px = max(wide, round(part * box.h))
            high_px += (high_px - wide) % 2  # grows by the same amount above and below
            mask = rounded_mask(wide, high_px, wide // 2)
            self.blend(
                mask,
                round(box.x + (number + 0.5) * step - wide / 2),
                round(box.centre[1] - high_px / 2),
                colour,
                0.35 + 0.65 * part,
            )

    def meter(
        self,
        box: Box,
        level: float,
        colour: Colour = theme.ACCENT,
        *,
        low: float = -60.0,
        high: float = -10.0,
    ) -> None:
        """Draw one sound level as a bar.

        :param level: dB relative to full scale; NaN draws it empty.
        """
        self.bar(box, (level - low) / (high - low), colour)

    def face(self, box: Box, colour: Colour, *, line: float = 4.0, corner: float = 0.22) -> None:
        """Draw the corners of a box around a face, with a dark edge that any picture shows.

        :param line: width of the line, pixels.
        :param corner: length of a corner as part of the shorter side.
        """
        if not np.isfinite(box).all() or box.w <= 0 or box.h <= 0:
            return
        reach = corner * min(box.w, box.h)
        paths = []
        for x, y, sx, sy in (
            (box.x, box.y, 1, 1),
            (box.right, box.y, -1, 1),
            (box.right, box.bottom, -1, -1),
            (box.x, box.bottom, 1, -1),
        ):
            bend = 0.35 * reach
            arc = [
                (x + sx * bend * (1 - math.sin(a)), y + sy * bend * (1 - math.cos(a)))
                for a in np.linspace(0, math.pi / 2, 8)
            ]
            paths.append(np.array([(x + sx * reach, y), *arc, (x, y + sy * reach)]))
        for ink, wide in ((theme.SHADOW, line + 3), (colour, line)):
            for path in paths:
                self.path(path, ink, wide)

    def path(self, points: np.ndarray, colour: Colour, line: float, closed: bool = False) -> None:
        """Draw a line through points (n, 2), ``line`` pixels wide, with parts of a pixel kept."""
        fixed = np.rint(np.asarray(points, np.float64) * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(self.image, [fixed], closed, colour, max(1, round(line)), cv2.LINE_AA, 4)

    def tag(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        colour: Colour,
        *,
        align: str = 'left',
        weight: int = 700,
    ) -> Box:
        """Write a line on a dark chip with a dot of the colour; it is kept on the canvas.

        :param x: left end, middle or right end of the chip, as ``align`` says.
        :param y: its lower edge.
        :return: the chip.
        """
        pad = 0.5 * size
        width = text_width(text, size, weight) + 2 * pad + 0.9 * size
        left = x - {'left': 0.0, 'centre': 0.5, 'right': 1.0}[align] * width
        chip = Box(
            max(0.0, min(left, self.width - width)),
            max(0.0, min(y - 1.6 * size, self.height - 1.6 * size)),
            width,
            1.6 * size,
        )
        self.panel(chip, alpha=0.85, radius=0.5 * size)
        middle = chip.centre[1]
        self.dot(chip.x + pad + 0.3 * size, middle, 0.3 * size, colour)
        self.text(text, chip.x + pad + 0.9 * size, middle, size, weight=weight, level='middle')
        return chip

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Draw a disc."""
        radius = max(1, round(radius))
        self.blend(
            rounded_mask(2 * radius, 2 * radius, radius),
            round(x) - radius,
            round(y) - radius,
            colour,
        )
