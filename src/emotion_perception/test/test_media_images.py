# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Single pictures and the folders that hold them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_perception.media import images
from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import (
    IMAGE_SUFFIXES,
    files_in,
    files_under,
    is_stream,
    local_path,
    subfolders,
)
from emotion_perception.media.images import read_image, unreadable
from support.films import read_ruler, ruler

PICTURE = ruler(12.345)


def encoded(suffix: str) -> bytes:
    try:
        done, data = cv2.imencode(suffix, PICTURE)
    except cv2.error as error:
        pytest.skip(f'this OpenCV writes no {suffix}: {error}')
    assert done
    return data.tobytes()


@pytest.mark.parametrize('suffix', IMAGE_SUFFIXES)
def test_every_suffix_that_is_looked_for_is_read(tmp_path: Path, suffix: str) -> None:
    kind = {'.jfif': '.jpg', '.jpe': '.jpg', '.dib': '.bmp', '.pbm': '.pgm', '.pnm': '.ppm'}
    written = kind.get(suffix, suffix)
    picture = PICTURE[..., 0] if written == '.pgm' else PICTURE
    try:
        data = cv2.imencode(written, picture)[1].tobytes()
    except cv2.error as error:
        pytest.skip(f'this OpenCV writes no {written}: {error}')
    path = tmp_path / f'a{suffix}'
    path.write_bytes(data)
    image = read_image(path)
    assert image.shape == PICTURE.shape and image.dtype == np.uint8
    assert read_ruler(image) == 12.345
    assert files_in(tmp_path, IMAGE_SUFFIXES) == [path]


@pytest.mark.parametrize('suffix', ['.avif', '.gif', '.webp'])
def test_what_opencv_was_built_without_is_read_all_the_same(
    tmp_path: Path, monkeypatch, suffix: str
) -> None:
    path = tmp_path / f'a{suffix}'
    path.write_bytes(encoded(suffix))
    monkeypatch.setattr(images.cv2, 'imdecode', lambda *_: None)
    assert read_ruler(read_image(path)) == 12.345


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.tif', '.jpg'])
def test_a_picture_is_turned_as_its_file_says(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    pillow = pytest.importorskip('PIL.Image')
    turn = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    stored = pillow.fromarray(np.ascontiguousarray(turn(PICTURE)[..., ::-1]))
    exif = stored.getexif()
    exif[0x0112] = orientation
    path = tmp_path / f'a{suffix}'
    stored.save(path, exif=exif, **({'quality': 95} if suffix == '.jpg' else {}))
    image = read_image(path)
    assert image.shape == PICTURE.shape
    assert read_ruler(image) == 12.345


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.gif', '.webp', '.bmp', '.tif', '.avif'])
def test_half_a_picture_is_none(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    try:
        data = cv2.imencode(suffix, noise)[1].tobytes()
    except cv2.error as error:
        pytest.skip(f'this OpenCV writes no {suffix}: {error}')
    path = tmp_path / f'a{suffix}'
    path.write_bytes(data)
    assert read_image(path).shape == noise.shape
    for share in (0.3, 0.6, 0.95):
        path.write_bytes(data[: round(share * len(data))])
        with pytest.raises(MediaError, match=rf'a\{suffix} is '):
            read_image(path)


def test_grey_pictures_stay_grey_if_asked(tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), PICTURE[..., 0])
    assert read_image(path, grey=True).shape == PICTURE.shape[:2]
    assert read_image(path).shape == PICTURE.shape


def test_pictures_that_cannot_be_decoded_are_found_each_with_its_reason(tmp_path: Path) -> None:
    paths = []
    for name in ('good.png', 'half.png', 'text.png', 'empty.png', 'pointer.png', 'again.png'):
        paths.append(tmp_path / name)
        cv2.imwrite(str(paths[-1]), PICTURE)
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    paths[2].write_bytes(b'no picture')
    paths[3].write_bytes(b'')
    paths[4].write_bytes(b'version https://git-lfs.github.com/spec/v1\noid x\n')
    found = dict(unreadable([*paths, tmp_path / 'missing.png']))
    assert set(found) == {*paths[1:5], tmp_path / 'missing.png'}
    assert 'cut short' in found[paths[1]]
    assert 'Git LFS pointer' in found[paths[4]]
    assert 'is not there' in found[tmp_path / 'missing.png']


# Folders


def test_what_systems_and_notebooks_leave_behind_is_passed_over(tmp_path: Path) -> None:
    for folder in ('happy', '__MACOSX', '.ipynb_checkpoints', '@eaDir', '.git'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'a.png').write_bytes(b'x')
    (tmp_path / 'happy' / '._a.png').write_bytes(b'x')
    (tmp_path / 'happy' / 'b.png').mkdir()
    assert subfolders(tmp_path) == [tmp_path / 'happy']
    assert files_under(tmp_path, IMAGE_SUFFIXES) == [tmp_path / 'happy' / 'a.png']


def test_linked_folders_are_followed_without_looping(tmp_path: Path) -> None:
    elsewhere = tmp_path / 'elsewhere'
    root = tmp_path / 'root'
    for folder in (elsewhere / 'sad', root / 'happy'):
        folder.mkdir(parents=True)
        (folder / 'a.png').write_bytes(b'x')
    (root / 'sad').symlink_to(elsewhere / 'sad')
    (root / 'up').symlink_to(root)
    (root / 'happy' / 'again').symlink_to(root / 'happy')
    (root / 'all').symlink_to(tmp_path)
    (root / 'nowhere').symlink_to(tmp_path / 'gone')
    found = files_under(root, IMAGE_SUFFIXES)
    # Each once, and what lies in the root under its own name.
    assert found == [root / 'happy' / 'a.png', root / 'sad' / 'a.png'] or found == [
        root / 'all' / 'elsewhere' / 'sad' / 'a.png',
        root / 'happy' / 'a.png',
    ]
    assert len(found) == 2


def test_a_file_called_like_an_address_or_a_home_is_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'http:').mkdir()
    (tmp_path / 'http:' / 'film.mp4').write_bytes(b'x')
    (tmp_path / '~nobody.mp4').write_bytes(b'x')
    assert not is_stream('http://film.mp4')
    assert is_stream('http://example.org/film.mp4')
    assert local_path('~nobody.mp4') == Path('~nobody.mp4')
    assert local_path('~no_such_user_here.mp4') == Path('~no_such_user_here.mp4')
    assert local_path('~/film.mp4') == Path.home() / 'film.mp4'
