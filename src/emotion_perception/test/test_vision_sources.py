# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Pictures from files, folders, streams and cameras that are not there."""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_perception.media import backoff
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.vision.calibration import CalibrationError, load_calibration
from emotion_perception.vision.source import Frame, SourceSettings, kind_of
from emotion_perception.vision.sources import Source
from support.faces import background, write_video
from support.films import read_ruler, write_film


def numbered(count: int, width: int = 160, height: int = 120) -> list[np.ndarray]:
    """Pictures whose grey level tells their number: 10, 14, 18, ..."""
    return [np.full((height, width, 3), 10 + 4 * i, np.uint8) for i in range(count)]


def number_of(frame: Frame) -> int:
    return round((float(frame.image.mean()) - 10) / 4)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / 'film.avi', numbered(30), rate=50.0)


def read_all(source: Source) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_the_kind_of_a_source_follows_from_its_name(tmp_path: Path) -> None:
    assert kind_of('0') == kind_of('/dev/video2') == 'camera'
    assert kind_of('rtsp://10.0.0.5/live') == kind_of('HTTP://host/a.mp4') == 'stream'
    assert kind_of(str(tmp_path)) == 'folder'
    assert kind_of('a.PNG') == 'image'
    assert kind_of('film.mp4') == 'video'


def test_a_film_plays_at_its_own_speed_and_ends(film: Path) -> None:
    start = time.monotonic()
    frames = read_all(Source(SourceSettings(source=str(film))))
    assert time.monotonic() - start >= 29 * 0.02
    # A busy machine may leave frames out, but each has its own time.
    numbers = [number_of(frame) for frame in frames]
    assert len(numbers) > 15 and numbers == sorted(set(numbers))
    begins = [frame.time - number / 50 for frame, number in zip(frames, numbers)]
    assert np.ptp(begins) < 1e-3
    # Stamps are when a frame was due, and none is delivered before that.
    assert frames[-1].time <= time.monotonic()


def test_a_film_that_loops_goes_on_without_a_gap(film: Path) -> None:
    source = Source(SourceSettings(source=str(film), loop=True))
    frames = [source.read() for _ in range(70)]
    steps = np.diff([frame.time for frame in frames])
    # A busy machine may leave frames out, but times stay on the film's grid.
    assert np.allclose(steps / 0.02, np.round(steps / 0.02), atol=1e-3)
    assert steps.min() > 0
    numbers = [number_of(frame) for frame in frames]
    assert sum(a > b for a, b in itertools.pairwise(numbers)) >= 2
    source.close()
    assert source.read() is None


def test_a_lower_rate_thins_a_film_out(film: Path) -> None:
    frames = read_all(Source(SourceSettings(source=str(film), rate=10.0, realtime=False)))
    assert [number_of(frame) for frame in frames] == [0, 5, 10, 15, 20, 25]


@pytest.mark.skipif(shutil.which('ffmpeg') is None, reason='needs ffmpeg to make the film')
def test_a_film_of_varying_rate_keeps_its_own_times(film: Path, tmp_path: Path) -> None:
    slower = tmp_path / 'slower.mkv'
    subprocess.run(
        [
            'ffmpeg',
            '-loglevel',
            'error',
            '-i',
            str(film),
            '-vf',
            "setpts='if(lt(N,15),N,15+(N-15)*3)/50/TB'",
            '-vsync',
            'vfr',
            '-c:v',
            'mjpeg',
            str(slower),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    # The last frame's time is the encoder's.
    frames = read_all(Source(SourceSettings(source=str(slower))))[:-1]
    steps = np.diff([frame.time for frame in frames])
    # A busy machine may leave frames out; the others are on their own time.
    expected = [min(n, 15) / 50 + max(n - 15, 0) * 3 / 50 for n in map(number_of, frames)]
    assert np.allclose(steps, np.diff(expected), atol=0.002)
    assert len(frames) > 15


def test_without_real_time_a_film_is_read_as_fast_as_it_is_taken(film: Path) -> None:
    start = time.monotonic()
    source = Source(SourceSettings(source=str(film), realtime=False))
    assert len(read_all(source)) == 30
    assert time.monotonic() - start < 10


def test_a_slow_reader_gets_newer_frames_not_older_ones(film: Path) -> None:
    source = Source(SourceSettings(source=str(film)))
    first = source.read()
    time.sleep(0.35)
    # One frame was already on its way; the rest is skipped.
    source.read()
    later = source.read()
    assert time.monotonic() - later.time < 0.2
    assert number_of(later) - number_of(first) > 8


def test_pictures_are_fitted_into_a_size_in_their_own_shape(film: Path) -> None:
    def size(**settings: int) -> tuple[int, int]:
        source = Source(SourceSettings(source=str(film), **settings))
        image = source.read().image
        source.close()
        return image.shape[1], image.shape[0]

    assert size(width=320, height=240) == (320, 240)
    assert size(width=80) == (80, 60)
    assert size(width=400, height=120) == (160, 120)


def test_one_image_is_shown_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / 'face.png'
    cv2.imwrite(str(path), background())
    source = Source(SourceSettings(source=str(path), rate=100.0, realtime=False))
    frames = [source.read() for _ in range(20)]
    assert np.allclose(np.diff([frame.time for frame in frames]), 0.01, atol=1e-6)
    assert np.array_equal(frames[-1].image, background())
    source.close()


def test_a_folder_plays_its_images_in_order_and_leaves_out_what_is_none(tmp_path: Path) -> None:
    for i, image in enumerate(numbered(4)):
        cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    (tmp_path / '1b.jpg').write_bytes(b'no image')
    (tmp_path / 'notes.txt').write_text('no image either')
    notices: list[str] = []
    source = Source(SourceSettings(source=str(tmp_path), rate=200.0), notices.append)
    assert [number_of(frame) for frame in read_all(source)] == [0, 1, 2, 3]
    assert len(notices) == 1 and '1b.jpg' in notices[0]


@pytest.mark.parametrize(
    'name, content, message',
    [
        ('missing.mp4', None, r'missing\.mp4 is not there'),
        ('broken.mp4', b'nonsense', r'broken\.mp4 cannot be read: it is damaged or no recording'),
        ('empty.avi', b'', r'empty\.avi is empty'),
        ('missing.png', None, r'missing\.png is not there'),
        ('broken.jpg', b'nonsense', r'broken\.jpg is not a picture'),
    ],
)
def test_a_file_that_cannot_be_played_is_named(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=message):
        Source(SourceSettings(source=str(tmp_path / name))).read()


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match='no image files'):
        Source(SourceSettings(source=str(tmp_path))).read()


def test_a_truncated_film_plays_as_far_as_it_goes(film: Path) -> None:
    content = film.read_bytes()
    film.write_bytes(content[: len(content) * 2 // 3])
    frames = read_all(Source(SourceSettings(source=str(film), realtime=False)))
    assert 5 < len(frames) < 30


def test_a_camera_that_is_not_there_is_tried_until_the_source_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backoff, 'FIRST', 0.02)
    notices: list[str] = []
    source = Source(
        SourceSettings(source='/dev/video_none'),
        notices.append,
    )
    timer = threading.Timer(0.3, source.close)
    timer.start()
    assert source.read() is None
    assert source.lost
    # Said once, not with each attempt.
    assert len(notices) == 1 and '/dev/video_none is not there' in notices[0]


@pytest.mark.parametrize(
    'settings, message',
    [
        ({'source': ' '}, 'source is empty'),
        ({'format': 'MJPEG'}, 'four letters'),
        ({'rate': -1.0}, 'rate'),
        ({'width': -5}, 'width'),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SourceSettings(**settings)


@pytest.mark.skipif(shutil.which('ffmpeg') is None, reason='needs ffmpeg to serve a stream')
def test_a_stream_that_breaks_and_returns_is_played_again(film: Path) -> None:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{probe.getsockname()[1]}/live'

    def serve() -> subprocess.Popen:
        return subprocess.Popen(
            [
                'ffmpeg',
                '-loglevel',
                'error',
                '-re',
                '-stream_loop',
                '-1',
                '-i',
                str(film),
                '-c:v',
                'mpeg1video',
                '-r',
                '25',
                '-f',
                'mpegts',
                '-listen',
                '1',
                url,
            ],
            stdin=subprocess.DEVNULL,
        )

    notices: list[str] = []
    source = Source(SourceSettings(source=url), notices.append)
    guard = threading.Timer(60, source.close)
    guard.start()
    server = serve()
    try:
        assert source.read() is not None
        notices.clear()
        server.kill()
        server.wait()
        server = serve()
        while not any('again' in notice for notice in notices):
            assert source.read() is not None, notices
        assert not source.lost
        assert any('gives no more pictures' in notice for notice in notices)
    finally:
        guard.cancel()
        source.close()
        server.kill()
        server.wait()


def test_a_live_stream_that_comes_faster_than_it_is_taken_stays_in_the_present(
    tmp_path: Path,
) -> None:
    film = write_film(
        tmp_path / 'live.ts', [place / 25 for place in range(200)], g='10', bf='0'
    ).read_bytes()
    begun: list[float] = []

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            begun.append(time.monotonic())
            piece = len(film) // 200
            with contextlib.suppress(OSError):
                for place in range(0, len(film), piece):
                    time.sleep(max(0.0, begun[-1] + place / piece / 25 - time.monotonic()))
                    self.wfile.write(film[place : place + piece])

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Camera) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = Source(SourceSettings(source=f'http://127.0.0.1:{server.server_port}/live'))
        shown = []
        while not shown or shown[-1] < 5.0:
            frame = source.read()
            shown.append(read_ruler(frame.image))
            # Four pictures come meanwhile.
            time.sleep(0.16)
        behind = time.monotonic() - 0.16 - begun[-1] - shown[-1]
        source.close()
        server.shutdown()
    assert shown == sorted(set(shown))
    # Whoever shows every picture is fifteen seconds behind by now.
    assert behind < 2.5
    assert time.monotonic() - frame.time < 2.5


# Recordings on a server, and what a film costs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder on this machine; return the address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{made.server_port}'
        made.shutdown()


def test_a_recording_on_a_server_plays_at_its_own_speed(tmp_path: Path, server: str) -> None:
    write_film(
        tmp_path / 'film.mp4',
        [place / 25 for place in range(20)],
        container={'movflags': '+faststart'},
    )
    source = Source(SourceSettings(source=f'{server}/film.mp4'), [].append)
    assert source.kind == 'stream'
    frames = [source.read() for _ in range(20)]
    assert [read_ruler(frame.image) for frame in frames] == pytest.approx(
        [place / 25 for place in range(20)], abs=0.0015
    )
    assert frames[-1].time - frames[0].time >= 0.75
    source.close()


def test_a_server_without_the_file_is_named_and_tried_again(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, 'FIRST', 0.02)
    notices: list[str] = []
    source = Source(
        SourceSettings(source=f'{server}/none.mp4'),
        notices.append,
    )
    timer = threading.Timer(0.5, source.close)
    timer.start()
    assert source.read() is None
    assert len(notices) == 1 and 'none.mp4 cannot be opened' in notices[0]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what will have been decoded."""
    decoded: list[object] = []
    decode = PictureReader._decode
    monkeypatch.setattr(
        PictureReader,
        '_decode',
        lambda self, packet: (decoded.append(packet), decode(self, packet))[1],
    )
    return decoded


@pytest.fixture
def independent(tmp_path: Path) -> Path:
    """Return a film of 3 s in which no picture depends on another."""
    times = [place / 25 for place in range(75)]
    return write_film(tmp_path / 'film.avi', times, codec='mjpeg', pixels='yuvj420p')


def test_pictures_that_a_lower_rate_leaves_out_are_not_decoded(
    independent: Path, decoded: list[object]
) -> None:
    frames = read_all(Source(SourceSettings(source=str(independent), rate=5.0, realtime=False)))
    assert [read_ruler(frame.image) for frame in frames] == pytest.approx(
        [place / 5 for place in range(15)], abs=0.0015
    )
    assert len(decoded) < 25


@pytest.mark.parametrize('rate', [0.0, 25.0])
def test_pictures_that_nobody_wants_are_not_decoded(
    independent: Path, decoded: list[object], rate: float
) -> None:
    taken = [0.0]

    def rest() -> float:
        """Want one picture in a fifth of a second, of the second second all."""
        now = time.monotonic()
        if frames and 1.0 <= now - frames[0].time < 2.0:
            return 0.0
        return max(0.0, taken[0] + 0.19 - now)

    frames: list[Frame] = []
    source = Source(SourceSettings(source=str(independent), rate=rate), rest=rest)
    while (frame := source.read()) is not None:
        taken[0] = frame.time
        frames.append(frame)
    begun = frames[0].time
    seconds = [int(frame.time - begun) for frame in frames]
    # However late this machine is, pictures carry the time at which they were due.
    assert all(
        frame.time - read_ruler(frame.image) == pytest.approx(begun, abs=0.005) for frame in frames
    )
    assert 1 <= seconds.count(0) <= 6
    assert 8 <= seconds.count(1) <= 26
    assert seconds.count(2) <= 6
    assert len(decoded) < 55


def test_a_film_that_cannot_be_kept_up_with_goes_on_at_a_key_picture(tmp_path: Path) -> None:
    film = write_film(tmp_path / 'film.mp4', [place / 25 for place in range(150)], g='25', bf='0')
    source = Source(SourceSettings(source=str(film)))
    first = source.read()
    time.sleep(2.5)
    # One was on its way; those after it are there when they are due.
    source.read()
    frames = [source.read() for _ in range(5)]
    begun = first.time - read_ruler(first.image)
    for frame in frames:
        assert frame.time - read_ruler(frame.image) == pytest.approx(begun, abs=0.005)
    assert 2.3 < read_ruler(frames[0].image) < 4.6
    source.close()


def test_a_broken_picture_and_what_systems_leave_behind_are_not_shown(tmp_path: Path) -> None:
    for i, image in enumerate(numbered(3)):
        cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    half = (tmp_path / '1.png').read_bytes()[:150]
    (tmp_path / '1.png').write_bytes(half)
    (tmp_path / '._0.png').write_bytes(b'x')
    (tmp_path / '.ipynb_checkpoints').mkdir()
    notices: list[str] = []
    source = Source(SourceSettings(source=str(tmp_path), rate=200.0), notices.append)
    assert [number_of(frame) for frame in read_all(source)] == [0, 2]
    assert len(notices) == 1
    assert '1.png is only a part of a picture' in notices[0]
    assert '1 of 3 so far' in notices[0]


# Calibration

CALIBRATION = """
image_width: 640
image_height: 480
camera_name: head
camera_matrix: {rows: 3, cols: 3, data: [600, 0, 320, 0, 610, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [590, 0, 321, 0, 0, 600, 241, 0, 0, 0, 1, 0]}
"""


def test_a_calibration_file_is_read_and_scaled(tmp_path: Path) -> None:
    path = tmp_path / 'head.yaml'
    path.write_text(CALIBRATION)
    calibration = load_calibration(path)
    assert calibration.k[0] == 600 and calibration.d[1] == -0.2
    half = calibration.scaled(320, 240)
    assert half.k == (300, 0, 160, 0, 305, 120, 0, 0, 1)
    assert half.p[2] == 160.5 and half.p[6] == 120.5 and half.p[10] == 1
    assert half.d == calibration.d


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda text: text.replace('image_width: 640', 'image_width: wide'), 'image_width'),
        (lambda text: text.replace('[600, 0, 320,', '[600, 0,'), '8 numbers instead of 9'),
        (lambda text: text.replace('projection_matrix', 'p'), 'projection_matrix'),
        (lambda text: 'just words', 'no keys'),
        (lambda text: '{', 'is not YAML'),
    ],
)
def test_a_wrong_calibration_file_is_refused_with_the_key(
    tmp_path: Path, change, message: str
) -> None:
    path = tmp_path / 'head.yaml'
    path.write_text(change(CALIBRATION))
    with pytest.raises(CalibrationError, match=message):
        load_calibration(path)


def test_a_missing_calibration_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r'none\.yaml cannot be read'):
        load_calibration(tmp_path / 'none.yaml')
