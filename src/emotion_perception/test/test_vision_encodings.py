# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every encoding of a driver gives the picture that was taken, and says what is wrong with it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emotion_perception.vision.encodings import ENCODINGS, ImageError, decode_jpeg_or_png, to_bgr

HEIGHT, WIDTH = 48, 64


@pytest.fixture(scope='module')
def scene() -> np.ndarray:
    """Return a smooth picture of all colours: halved colour loses little of it."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    return np.stack([40 + 170 * x, 40 + 170 * y, 210 - 170 * x], axis=2).astype(np.uint8)


def mosaic(scene: np.ndarray, pattern: str) -> np.ndarray:
    """Return what a sensor behind a Bayer filter sees, from the names of its first four pixels."""
    plane = np.zeros(scene.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        part = np.s_[place // 2 :: 2, place % 2 :: 2]
        plane[part] = scene[part][..., 'bgr'.index(colour)]
    return plane


def planes(scene: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return brightness at full size, and both colours at half of it."""
    whole = cv2.cvtColor(scene, cv2.COLOR_BGR2YUV_I420)
    rest = whole[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return whole[:HEIGHT], rest[0], rest[1]


def encode(scene: np.ndarray, encoding: str) -> tuple[np.ndarray, int]:
    """Return the bytes of a picture as a driver would send them, and its step."""
    wide = encoding.endswith(('16', '16UC1', '16UC3'))
    light, u, v = planes(scene)
    if encoding.startswith('bayer'):
        picture = mosaic(scene, encoding.removeprefix('bayer_').rstrip('168'))
    elif encoding in ('nv12', 'nv21'):
        pair = np.stack([u, v] if encoding == 'nv12' else [v, u], axis=2)
        return np.concatenate([light.ravel(), pair.ravel()]), WIDTH
    elif encoding in ('i420', 'yv12'):
        first, second = (u, v) if encoding == 'i420' else (v, u)
        return np.concatenate([light.ravel(), first.ravel(), second.ravel()]), WIDTH
    elif encoding == 'nv24':
        pair = np.stack([cv2.resize(plane, (WIDTH, HEIGHT)) for plane in (u, v)], axis=2)
        return np.concatenate([light.ravel(), pair.ravel()]), WIDTH
    elif encoding in ('uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'):
        colour = np.empty((HEIGHT, WIDTH), np.uint8)
        colour[:, ::2] = cv2.resize(u, (WIDTH // 2, HEIGHT))
        colour[:, 1::2] = cv2.resize(v, (WIDTH // 2, HEIGHT))
        order = [light, colour] if encoding.startswith(('yuyv', 'yuv422_')) else [colour, light]
        picture = np.stack(order, axis=2)
    elif encoding.startswith(('rgb', 'rgba')):
        code = cv2.COLOR_BGR2RGBA if 'rgba' in encoding else cv2.COLOR_BGR2RGB
        picture = cv2.cvtColor(scene, code)
    elif encoding in ('bgra8', 'bgra16', '8UC4'):
        picture = cv2.cvtColor(scene, cv2.COLOR_BGR2BGRA)
    elif encoding.startswith('mono') or encoding.endswith('UC1'):
        picture = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY)
    else:
        picture = scene
    if wide:
        picture = (picture.astype('<u2') << 8) | 0x7F
    picture = np.ascontiguousarray(picture)
    data = picture.view(np.uint8).reshape(HEIGHT, -1)
    # Rows are often longer than their pixels.
    padded = np.pad(data, ((0, 0), (0, 6)), constant_values=255)
    return padded.ravel(), padded.shape[1]


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_an_encoding_gives_the_picture_that_was_taken(encoding: str, scene: np.ndarray) -> None:
    data, step = encode(scene, encoding)
    found = to_bgr(data, encoding, WIDTH, HEIGHT, step)
    assert (found.shape, found.dtype) == (scene.shape, np.uint8)
    wanted = scene.astype(float)
    if encoding.startswith('mono') or encoding.endswith('UC1'):
        grey = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY).astype(float)
        wanted = np.repeat(grey[..., None], 3, axis=2)
    if encoding == '16UC1':
        # Its range is not known: the darkest is black, and the order stays.
        assert (found.min(), found.max()) == (0, 255)
        assert np.corrcoef(found[..., 0].ravel(), wanted[..., 0].ravel())[0, 1] > 0.999
        return
    # Border pixels of a mosaic have fewer neighbours.
    error = np.abs(found - wanted)[2:-2, 2:-2]
    exact = not encoding.startswith(('nv', 'i4', 'yv', 'yu', 'uy', 'bayer'))
    assert error.max() == 0 if exact else error.mean() < 4, error.mean()


def test_the_upper_eight_bits_count_whichever_byte_comes_first(scene: np.ndarray) -> None:
    words = scene.astype(np.uint16) << 8
    for order in ('<', '>'):
        data = np.frombuffer(words.astype(f'{order}u2').tobytes(), np.uint8)
        found = to_bgr(data, 'bgr16', WIDTH, HEIGHT, 6 * WIDTH, big_endian=order == '>')
        np.testing.assert_array_equal(found, scene)


def test_bgr8_is_no_copy_and_cannot_be_written_to(scene: np.ndarray) -> None:
    found = to_bgr(scene.ravel(), 'bgr8', WIDTH, HEIGHT, 3 * WIDTH)
    assert np.shares_memory(found, scene) and not found.flags.writeable


@pytest.mark.parametrize(
    ('encoding', 'width', 'height', 'step', 'what'),
    [
        ('32FC1', 4, 4, 16, "unknown encoding '32FC1'; depth is no picture of a face; known: "),
        ('bgr8', 0, 4, 0, 'the image is 0x4 pixels'),
        ('bgr16', 4, 4, 12, 'step is 12 bytes, but 4 pixels of bgr16 need 24'),
        ('nv12', 4, 400, 4, '1600 bytes of data, but 600 rows of 4 bytes need 2400'),
        ('nv24', 20, 40, 20, '800 bytes of data, but 40 rows of 40 bytes need 1600'),
        ('nv21', 5, 4, 5, 'nv21 needs an even width, not 5'),
        ('i420', 4, 5, 4, 'i420 needs an even height, not 5'),
        ('yuyv', 5, 4, 10, 'yuyv needs an even width, not 5'),
        ('bayer_rggb8', 4, 5, 4, 'bayer_rggb8 needs an even height, not 5'),
    ],
)
def test_what_does_not_fit_together_is_named(encoding, width, height, step, what) -> None:
    with pytest.raises(ImageError, match=what.replace('(', r'\(')):
        to_bgr(np.zeros(1600, np.uint8), encoding, width, height, step)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_compressed_pictures_are_read(suffix: str, scene: np.ndarray) -> None:
    data = cv2.imencode(suffix, scene)[1]
    found = decode_jpeg_or_png(data, f'bgr8; {suffix[1:]} compressed bgr8')
    assert np.abs(found.astype(float) - scene).mean() < 3


@pytest.mark.parametrize(
    ('data', 'form', 'what'),
    [
        (b'', 'jpeg', "0 bytes of format 'jpeg' are neither"),
        (b'\xff\xd8\xff half a picture', 'jpeg', 'neither a JPEG nor a PNG'),
        (b'\0\0\0\1g', 'h264', "format 'h264' are neither"),
        (b'12345678', '16UC1; compressedDepth png', 'is depth, not a picture: name the topic'),
    ],
)
def test_what_is_no_compressed_picture_is_said(data: bytes, form: str, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        decode_jpeg_or_png(np.frombuffer(data, np.uint8), form)
