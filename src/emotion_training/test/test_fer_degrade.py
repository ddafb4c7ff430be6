# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What befalls faces in training and in the robustness table is what the names say."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.vision.align import TEMPLATE, align, similarity
from emotion_training.fer import degrade, evaluate, geometry, robustness


def portrait() -> np.ndarray:
    """Return a grey picture with soft shapes and edges, uint8 (48, 48)."""
    source = np.random.default_rng(0)
    picture = cv2.resize(source.integers(30, 220, (12, 12), dtype=np.uint8), (48, 48))
    cv2.circle(picture, (16, 18), 4, 20, -1)
    cv2.circle(picture, (32, 18), 4, 20, -1)
    cv2.ellipse(picture, (24, 36), (9, 4), 0, 0, 180, 230, 2)
    return picture


def batch(count: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.stack([portrait()] * count))[:, None].float()


def test_quantised_blocks_are_a_jpeg_encoders():
    for quality in (10, 50, 90):
        mine = degrade.jpeg(batch(1), torch.tensor([float(quality)]))[0, 0].numpy()
        _, data = cv2.imencode('.jpg', portrait(), [cv2.IMWRITE_JPEG_QUALITY, quality])
        theirs = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(float)
        assert np.abs(mine - theirs).mean() < 1.2
    images = batch()
    assert torch.equal(degrade.jpeg(images, torch.tensor([100.0, 100.0]), 3), images)


def test_each_picture_of_a_batch_has_its_own_amount():
    images = batch(3)
    blurred = degrade.blur(images, torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(blurred[0], images[0])
    across = (blurred[:, :, :, 1:] - blurred[:, :, :, :-1]).abs().mean((1, 2, 3))
    down = (blurred[:, :, 1:] - blurred[:, :, :-1]).abs().mean((1, 2, 3))
    assert across[2] < across[1] < across[0] and down[1] < down[2] < down[0]
    dim = degrade.dark(images, torch.tensor([1.0, 0.5, 0.1]), torch.zeros_like(images))
    assert torch.equal(dim[0], images[0])
    assert dim[2].max() < 25 and float(dim[2].mean()) == pytest.approx(
        float(images.mean()) * 0.1, abs=0.6
    )


def test_a_cover_hides_its_place_and_nothing_else():
    images = batch()
    hidden = degrade.cover(
        images,
        torch.tensor([[0.0, 0.5]] * 2),
        torch.tensor([[0.3, 0.2], [0.0, 0.0]]),
        torch.tensor(7.0),
        torch.tensor([8.0, 8.0]),
        torch.zeros(2),
    )
    assert torch.equal(hidden[1], images[1])
    changed = (hidden[0, 0] == 7).nonzero()
    assert changed.min(0).values.tolist() == pytest.approx([30, 17], abs=2)
    assert changed.max(0).values.tolist() == pytest.approx([40, 31], abs=2)


def still(count: int) -> torch.Tensor:
    ones = torch.ones(count)
    return geometry.jitter(ones * 0, ones, ones, torch.zeros(count, 2), ones)


def test_a_picture_that_is_not_moved_is_seen_as_it_is():
    images = batch()
    places = torch.from_numpy(geometry.framed_whole(2, 48))
    torch.testing.assert_close(
        geometry.views(images, places, still(2), 48), images, atol=0.01, rtol=0
    )
    turned = geometry.views(images, places, still(2), 48, torch.tensor([0.0, 0.6]))
    torch.testing.assert_close(turned[0], images[0], atol=0.1, rtol=0)
    assert (turned[1] - images[1]).abs().mean() > 5


def test_a_place_shows_the_face_as_the_alignment_cuts_it():
    picture = cv2.resize(portrait(), (96, 96), interpolation=cv2.INTER_CUBIC)
    landmarks = np.array([[30.0, 40.0], [62.0, 34.0], [50.0, 70.0]])
    place = torch.from_numpy(similarity(landmarks, TEMPLATE)[None]).float()
    seen = geometry.views(
        torch.from_numpy(picture)[None, None].float(), place, still(1), 64, window=(0, 0, 1, 1)
    )[0, 0].numpy()
    wanted = align(picture, landmarks, 64).astype(float)
    # The alignment puts pixel centres on whole numbers: half a pixel of 64 apart.
    (dx, dy), _ = cv2.phaseCorrelate(seen.astype(float), wanted)
    assert (dx, dy) == pytest.approx((0.5, 0.5), abs=0.3)
    for crop, _ in zip(TEMPLATE, landmarks):
        x, y = geometry.point(crop, still(1))[0].tolist()
        left, top, right, bottom = geometry.FRAME
        assert x == pytest.approx((crop[0] - left) / (right - left) * 2 - 1, abs=1e-5)
        assert y == pytest.approx((crop[1] - top) / (bottom - top) * 2 - 1, abs=1e-5)


def test_every_trouble_changes_the_crops_and_keeps_their_shape():
    crops = [cv2.cvtColor(cv2.resize(portrait(), (128, 128)), cv2.COLOR_GRAY2BGR)] * 3
    before = robustness.befallen(crops, None)
    for trouble in robustness.TROUBLES:
        after = robustness.befallen(crops, trouble)
        assert len(after) == 3 and after[0].shape == before[0].shape
        assert after[0].dtype == np.uint8
        assert np.abs(after[0].astype(int) - before[0]).mean() > 1, trouble.name


def test_eval_tells_what_each_trouble_costs(tmp_path, capsys):
    for place, label in enumerate(('happy', 'sad', 'neutral')):
        (tmp_path / 'faces' / label).mkdir(parents=True)
        for number in range(3):
            picture = np.roll(portrait(), 5 * place + number, axis=1)
            cv2.imwrite(str(tmp_path / 'faces' / label / f'{number}.png'), picture)
    out = tmp_path / 'out.json'
    assert (
        evaluate.main(
            [
                '--images',
                str(tmp_path / 'faces'),
                '--robustness',
                '--limit',
                '7',
                '--json',
                str(out),
            ]
        )
        == 0
    )
    document = json.loads(out.read_text())
    assert document['n'] == 7
    rows = document['robustness']['fer-default']
    assert [row['trouble'] for row in rows] == [
        'as they are',
        *(trouble.name for trouble in robustness.TROUBLES),
    ]
    for row in rows:
        assert row['lost'] == pytest.approx(100 * (rows[0]['uar'] - row['uar']), abs=0.06)
    assert (tmp_path / 'out_robustness.png').stat().st_size > 1000
    assert 'mean of the troubles' in capsys.readouterr().out
