# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Drawing primitives: exact where a number is drawn, smooth, and inside the canvas."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from emotion_apps.view import masks, theme
from emotion_apps.view.draw import Box, Canvas, unit_interval
from emotion_apps.view.masks import text_width
from emotion_perception.emotions import EMOTIONS, UNKNOWN

RED, GREEN = (0, 0, 255), (0, 255, 0)


@pytest.fixture
def canvas() -> Canvas:
    return Canvas(640, 360)


@pytest.fixture(params=['font of this OpenCV', 'stroke font of OpenCV 4'])
def font(request, monkeypatch) -> str:
    masks.text_mask.clear()
    if request.param.startswith('stroke'):
        monkeypatch.setattr(masks, '_typeface', lambda: None)
    yield request.param
    masks.text_mask.clear()


def inked(canvas: Canvas, colour: tuple[int, int, int]) -> np.ndarray:
    return (canvas.image == np.array(colour, np.uint8)).all(axis=2)


@pytest.mark.parametrize('size', [8, 17, 40, 133])
def test_text_is_smooth_and_stays_where_it_is_put(canvas, font, size):
    width = canvas.text('HOLD', 20, 200, size, theme.TEXT, weight=700)
    rows, columns = np.nonzero((canvas.image != theme.BACKGROUND).any(axis=2))
    assert columns.min() >= 18
    assert columns.max() <= 22 + width + 0.02 * size
    # Round letters reach a little below the line.
    assert -0.03 * size <= 200 - rows.max() <= 0.1 * size + 2
    assert 0.45 * size <= rows.max() - rows.min() + 1 <= 0.85 * size + 2
    # Smooth: edges have shades between paper and ink.
    assert len(np.unique(canvas.image.reshape(-1, 3), axis=0)) > 6


@pytest.mark.parametrize(
    ('align', 'low', 'high'), [('left', 0.0, 0.05), ('centre', 0.45, 0.55), ('right', 0.95, 1.0)]
)
def test_text_is_aligned_to_its_point(canvas, align, low, high):
    width = canvas.text('expression', 320, 180, 30, align=align)
    columns = np.nonzero((canvas.image != theme.BACKGROUND).any(axis=(0, 2)))[0]
    assert low - 0.05 <= (320 - columns.min()) / width <= high + 0.05


def test_text_that_is_too_long_gets_smaller_to_fit_its_room(canvas, font):
    whole = text_width('HOLD AN EXPRESSION', 60, 700)
    width = canvas.text('HOLD AN EXPRESSION', 0, 100, 60, weight=700, room=0.7 * whole)
    assert 0.6 * whole < width <= 0.7 * whole


def test_text_of_any_language_and_none_at_all_is_taken(canvas, font):
    assert canvas.text('', 10, 50, 20) == 0
    assert canvas.text('Überraschung → • 表情', 10, 50, 20) > 0


def test_a_paragraph_breaks_into_lines_that_fit(canvas):
    box = Box(20, 20, 200, 300)
    used = canvas.paragraph('Tell me about a time when something did not go as planned', box, 24)
    columns = np.nonzero((canvas.image != theme.BACKGROUND).any(axis=(0, 2)))[0]
    assert columns.max() <= box.right + 1
    assert used >= 3 * 24


@pytest.mark.parametrize('value', [0.0, 0.005, 0.25, 0.5, 0.9999, 1.0])
def test_a_bar_is_filled_exactly_by_its_value(canvas, value):
    canvas.bar(Box(20, 100, 400, 20), value, RED, theme.TRACK)
    row = canvas.image[110, 20:420].astype(float)
    red = (row[:, 2] - theme.TRACK[2]) / (255 - theme.TRACK[2])
    assert red.sum() == pytest.approx(400 * value, abs=1.0)


@pytest.mark.parametrize('value', [math.nan, -3.0])
def test_a_bar_of_nothing_is_empty(canvas, value):
    canvas.bar(Box(20, 100, 400, 20), value, RED)
    assert not inked(canvas, RED).any()


def test_a_ring_is_filled_clockwise_from_the_top(canvas):
    canvas.ring(320, 180, 100, 0.25, RED, thickness=20)
    red = inked(canvas, RED)
    assert red[180 - 60 : 180, 320:420].sum() > 300
    assert not red[:, :318].any()
    assert not red[184:, :].any()


@pytest.mark.parametrize('part', [0.1, 0.5, 0.9, 1.0])
def test_a_ring_is_filled_in_proportion(canvas, part):
    canvas.ring(320, 180, 100, 1.0, RED, thickness=20)
    whole = inked(canvas, RED).sum()
    other = Canvas(640, 360)
    other.ring(320, 180, 100, part, RED, thickness=20)
    assert inked(other, RED).sum() == pytest.approx(part * whole, rel=0.03, abs=60)


def test_a_countdown_without_a_time_out_draws_nothing(canvas):
    canvas.countdown(320, 180, 60, math.nan, math.nan)
    assert (canvas.image == theme.BACKGROUND).all()


def test_a_panel_has_round_corners_and_the_colour_it_was_given(canvas):
    canvas.panel(Box(100, 100, 200, 100), RED, radius=30)
    assert tuple(canvas.image[150, 200]) == RED
    assert tuple(canvas.image[100, 100]) == theme.BACKGROUND
    assert tuple(canvas.image[100, 200]) == RED
    assert tuple(canvas.image[99, 200]) == theme.BACKGROUND


def test_a_translucent_panel_lets_the_picture_through(canvas):
    canvas.clear(GREEN)
    canvas.panel(Box(100, 100, 200, 100), RED, alpha=0.5, radius=0)
    assert np.allclose(canvas.image[150, 200], (0, 128, 128), atol=2)


def test_dimming_darkens_everything_towards_the_background(canvas):
    canvas.clear((255, 255, 255))
    canvas.dim(0.78)
    expected = 0.22 * 255 + 0.78 * np.array(theme.BACKGROUND)
    assert np.allclose(canvas.image, expected, atol=2)


@pytest.mark.parametrize('size', [(640, 480), (1280, 720), (360, 288), (100, 700), (1, 1)])
@pytest.mark.parametrize('fit', ['contain', 'cover'])
def test_a_picture_keeps_its_proportions_and_its_points_are_found(canvas, size, fit):
    wide, high = size
    picture = np.zeros((high, wide, 3), np.uint8)
    area = Box(40, 30, 400, 300)
    place = canvas.picture(picture, area, fit=fit)
    corner = place.point(wide, high)
    middle = place.point(wide / 2, high / 2)
    assert middle == pytest.approx(area.centre, abs=1.0)
    if fit == 'contain':
        assert area.x - 1 <= place.dx
        assert corner[0] <= area.right + 1
        assert corner[1] <= area.bottom + 1
    else:
        assert place.dx <= area.x + 1
        assert corner[0] >= area.right - 1
        assert corner[1] >= area.bottom - 1


@pytest.mark.parametrize('fit', ['contain', 'cover'])
def test_a_mark_in_the_picture_lies_where_the_placement_says(canvas, fit):
    picture = np.zeros((288, 360, 3), np.uint8)
    cv2.circle(picture, (90, 200), 8, (255, 255, 255), -1)
    place = canvas.picture(picture, Box(0, 0, 640, 360), fit=fit)
    rows, columns = np.nonzero(canvas.image[:, :, 0] > 128)
    expected = place.point(90.5, 200.5)
    assert (columns.mean(), rows.mean()) == pytest.approx(expected, abs=1.5)


def test_a_picture_beside_the_canvas_is_refused(canvas):
    with pytest.raises(ValueError, match='does not lie on the canvas'):
        canvas.picture(np.zeros((10, 10, 3), np.uint8), Box(600, 0, 100, 100))


@pytest.mark.parametrize(
    'values', [[0.05, 0.02, 0.87, 0.03, 0.01, 0.02], [math.nan] * 6, [0.0] * 6, [2.0] * 6]
)
@pytest.mark.parametrize('columns', [1, 2, 3])
def test_probabilities_of_any_kind_are_drawn(canvas, values, columns):
    canvas.probabilities(Box(20, 20, 600, 300), values, columns=columns)
    assert (canvas.image != theme.BACKGROUND).any()


@pytest.mark.parametrize(
    'box',
    [
        Box(-500, -500, 100, 100),
        Box(600, 300, 400, 400),
        Box(math.nan, 0, 10, 10),
        Box(10, 10, 0, 0),
        Box(-50, -50, 2000, 2000),
    ],
)
def test_a_face_box_anywhere_does_no_harm(canvas, box):
    canvas.face(box, RED)


@pytest.mark.parametrize('where', [(-300, -300), (630, 350), (5000, 5000), (300, -4)])
def test_what_hangs_over_the_edges_is_cut(canvas, where):
    x, y = where
    canvas.text('over the edge', x, y, 40, shadow=True)
    canvas.panel(Box(x, y, 200, 100), RED, alpha=0.5)
    canvas.ring(x, y, 50, 0.5, RED)
    canvas.bar(Box(x, y, 200, 20), 0.5, RED)
    canvas.dot(x, y, 20, RED)
    canvas.levels(Box(x, y, 200, 50), [-30.0] * 20)
    chip = canvas.tag('face_1', x, y, 20, RED)
    assert chip.x >= 0
    assert chip.right <= canvas.width
    assert chip.y >= 0
    assert chip.bottom <= canvas.height


def test_louder_is_taller(canvas):
    canvas.levels(Box(0, 0, 640, 360), [-60.0, -35.0, -10.0], RED, count=3)
    heights = [
        (canvas.image[:, part] != theme.BACKGROUND).any(axis=(1, 2)).sum()
        for part in (slice(0, 213), slice(214, 426), slice(427, 640))
    ]
    assert heights[0] < heights[1] < heights[2]


def test_the_same_call_draws_the_same_pixels():
    def screen() -> np.ndarray:
        canvas = Canvas(640, 360)
        canvas.panel(Box(20.4, 20.6, 300.2, 200.3), alpha=0.7)
        canvas.text('Happy', 40, 80, 40, weight=700)
        canvas.ring(500, 180, 60, 0.37, RED)
        return canvas.image

    assert np.array_equal(screen(), screen())


@pytest.mark.parametrize(
    ('value', 'expected'), [(0.5, 0.5), (-1.0, 0.0), (7.0, 1.0), (math.nan, 0.0), (math.inf, 1.0)]
)
def test_values_are_clipped_to_the_unit_interval(value, expected):
    assert unit_interval(value) == expected


def test_boxes_share_rows_and_columns_by_weight():
    rows = Box(0, 0, 100, 100).rows(1, 3, gap=20)
    assert [(row.y, row.h) for row in rows] == [(0, 20), (40, 60)]
    columns = Box(10, 0, 100, 50).columns(1, 1)
    assert [(column.x, column.w, column.h) for column in columns] == [(10, 50, 50), (60, 50, 50)]


# Colour blindness, after Viénot, Brettel and Mollon (1999): what remains of linear RGB.
_PROTAN = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
_DEUTAN = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


@pytest.mark.parametrize(
    'sight', [np.eye(3), _PROTAN, _DEUTAN], ids=['full', 'protanopia', 'deuteranopia']
)
def test_the_colours_of_the_six_classes_differ_for_every_eye(sight):
    bgr = np.array([[theme.emotion_colour(index) for index in range(len(EMOTIONS))]], np.float32)
    linear = (bgr[..., ::-1] / 255) ** 2.2
    seen = np.clip(linear @ sight.T, 0, 1) ** (1 / 2.2)
    lab = cv2.cvtColor(seen.astype(np.float32), cv2.COLOR_RGB2LAB)[0]
    apart = [np.linalg.norm(lab[i] - lab[j]) for i in range(6) for j in range(i)]
    # About 2.3 is just noticeable; names stand beside the colours too.
    assert min(apart) > 15


def test_text_colours_stand_out_from_what_is_behind_them():
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [
            (
                part / 255 / 12.92
                if part / 255 <= 0.04045
                else ((part / 255 + 0.055) / 1.055) ** 2.4
            )
            for part in colour[::-1]
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    inks = [
        theme.TEXT,
        theme.MUTED,
        theme.ACCENT,
        theme.WARNING,
        *theme.PLAYERS,
        *(theme.emotion_colour(index) for index in (*range(6), UNKNOWN)),
    ]
    for behind in (theme.BACKGROUND, theme.PANEL):
        for ink in inks:
            # WCAG 2: 4.5 for text of any size.
            assert (luminance(ink) + 0.05) / (luminance(behind) + 0.05) > 4.5


def test_what_is_remembered_is_bounded_by_its_size(canvas: Canvas) -> None:
    texts = [f'{number} ' + 'a text as long as somebody liked ' * 8 for number in range(300)]
    for number, text in enumerate(texts):
        canvas.text(text, 10, 100, 40)
        canvas.picture(np.zeros((90, 160, 3), np.uint8), Box(0, 0, 340 + number, 350), radius=12)
    assert 1 << 20 < masks.text_mask.bytes <= 3 << 20
    assert 1 << 20 < masks.rounded_mask.bytes <= 3 << 20
    # The newest is there still, and it is what was drawn.
    kept = masks.text_mask(texts[-1], 40, 400)
    assert masks.text_mask(texts[-1], 40, 400) is kept
    masks.text_mask.clear()
    assert masks.text_mask.bytes == 0
    again = masks.text_mask(texts[-1], 40, 400)
    assert np.array_equal(again[0], kept[0]) and again[1] == kept[1]
