# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Downloads from a real HTTP server on this machine."""

from __future__ import annotations

import contextlib
import http.server
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from emotion_perception.models import ModelError, load_catalog, model_file
from emotion_perception.models.catalog import describe_file
from emotion_perception.models.fetch import download

CONTENT = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/away.bin':
            self.send_response(302)
            self.send_header('Location', 'http://models.invalid/file.bin')
            self.end_headers()
            return
        if self.path == '/endless.bin':
            # Neither the size is told, nor an end reached before somebody hangs up.
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 20))
            return
        if self.path != '/file.bin' and self.path != '/cut.bin':
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header('Content-Length', str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == '/file.bin' else CONTENT[:1000])

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope='module')
def server():
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as instance:
        threading.Thread(target=instance.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{instance.server_port}'
        instance.shutdown()


@pytest.fixture
def entry(server, tmp_path, monkeypatch):
    """Write a catalogue whose one model is at the server; return a function that reads it."""
    weights = tmp_path / 'weights'
    weights.mkdir()
    (tmp_path / 'source').write_bytes(CONTENT)
    monkeypatch.setenv('EMOTION_WEIGHTS', str(weights))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))

    def read(path: str = '/file.bin', **changes: object):
        mapping = {
            'task': 'detector',
            'file': 'file.bin',
            'url': server + path,
            **describe_file(tmp_path / 'source'),
            **changes,
        }
        (weights / 'catalog.yaml').write_text(yaml.safe_dump({'models': {'far': mapping}}))
        return load_catalog()['far']

    return read


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob('*') if path.is_file())


def test_missing_file_is_downloaded_once_and_verified(entry, tmp_path):
    path = model_file(entry())
    assert path == tmp_path / 'cache' / 'emotion' / 'file.bin'
    assert path.read_bytes() == CONTENT
    before = path.stat().st_mtime_ns
    assert model_file(entry()) == path and path.stat().st_mtime_ns == before
    assert left_in(tmp_path / 'cache') == ['file.bin']


def test_progress_counts_up_to_the_size(entry, tmp_path):
    seen = []
    download(entry(), tmp_path / 'here', lambda size, total: seen.append((size, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [size for size, _ in seen] == sorted(size for size, _ in seen)


@pytest.mark.parametrize(
    ('path', 'changes', 'words'),
    [
        ('/file.bin', {'sha256': '0a' * 32}, ['0a' * 32, 'nothing was kept']),
        ('/file.bin', {'bytes': 10}, ['256000 bytes', '10 are the most']),
        ('/endless.bin', {}, ['nothing was kept']),
        ('/away.bin', {}, ['models.invalid', 'without TLS']),
        ('/cut.bin', {}, ['file.bin']),
        ('/absent.bin', {}, ['404', 'python -m emotion_perception.models fetch far']),
    ],
)
def test_failed_download_says_why_and_leaves_nothing(entry, tmp_path, path, changes, words):
    with pytest.raises(ModelError) as caught:
        model_file(entry(path, **changes))
    for word in words:
        assert word in str(caught.value)
    assert left_in(tmp_path / 'cache') == []


def test_what_has_no_stated_size_is_bounded_all_the_same(entry, tmp_path, monkeypatch):
    monkeypatch.setattr('emotion_perception.models.fetch._MOST_BYTES', 1 << 20)
    with pytest.raises(ModelError, match='nothing was kept'):
        model_file(entry('/endless.bin', bytes=0))
    assert left_in(tmp_path / 'cache') == []


@pytest.mark.parametrize(
    ('changes', 'why'),
    [
        ({'file': '/etc/passwd'}, 'stays inside'),
        ({'file': '../../outside.bin'}, 'stays inside'),
        ({'file': 'a/../../outside.bin'}, 'stays inside'),
        ({'state_dict': '../outside.pth'}, 'stays inside'),
        ({'url': 'http://models.invalid/file.bin'}, 'https'),
        ({'url': 'ftp://models.invalid/file.bin'}, 'https'),
        ({'url': 'file:///etc/passwd'}, 'https'),
        ({'url': 'https:///file.bin'}, 'https'),
    ],
)
def test_an_entry_that_reaches_outside_or_is_not_safe_is_refused(entry, changes, why):
    with pytest.raises(ModelError, match=why):
        entry(**changes)


def test_an_entry_may_say_that_its_address_is_without_tls(entry):
    assert entry(url='http://models.invalid/file.bin', insecure=True).insecure


def test_server_that_is_not_there_gives_file_size_and_command(entry):
    with pytest.raises(ModelError) as caught:
        model_file(entry(url='http://127.0.0.1:9/file.bin'))
    for word in (
        'file.bin',
        f'{len(CONTENT)} bytes',
        'python -m emotion_perception.models fetch far',
    ):
        assert word in str(caught.value)


def test_offline_never_downloads(entry, tmp_path):
    with pytest.raises(ModelError) as caught:
        model_file(entry(), offline=True)
    for word in (
        'file.bin',
        f'{len(CONTENT)} bytes',
        'python -m emotion_perception.models fetch far',
    ):
        assert word in str(caught.value)
    assert left_in(tmp_path / 'cache') == []


def test_cache_that_cannot_be_written_is_reported(entry, tmp_path):
    (tmp_path / 'occupied').write_text('a file, not a directory')
    with pytest.raises(ModelError, match='occupied'):
        model_file(entry(), cache=str(tmp_path / 'occupied'))


def test_several_downloads_at_once_leave_one_whole_file(entry, tmp_path):
    far = entry()
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: download(far, tmp_path / 'shared'), range(4)))
    assert len(paths) == 1 and paths.pop().read_bytes() == CONTENT
    assert left_in(tmp_path / 'shared') == ['file.bin']


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-m', 'emotion_perception.models', *arguments],
        capture_output=True,
        text=True,
        env=os.environ.copy(),
    )


def test_command_line_lists_and_fetches(entry, tmp_path):
    entry()
    assert 'to fetch' in command('list').stdout
    fetched = command('fetch', 'far')
    assert fetched.returncode == 0
    path = Path(fetched.stdout.strip())
    assert path.read_bytes() == CONTENT
    assert 'ready' in command('list').stdout
    path.write_bytes(CONTENT[:-1])
    assert 'damaged' in command('list').stdout
    assert f'bytes: {len(CONTENT)}' in command('sum', str(tmp_path / 'source')).stdout


def test_command_line_fails_with_one_line(entry):
    entry(url='http://127.0.0.1:9/file.bin')
    for arguments in (['fetch', 'far'], ['fetch', 'unknown'], ['sum', '/no/such/file']):
        result = command(*arguments)
        assert result.returncode == 1
        assert result.stderr.startswith('error: ') and 'Traceback' not in result.stderr


def test_yunet_entry_is_the_file_of_the_opencv_zoo():
    root = Path(__file__).resolve().parents[3]
    shared = Path(os.environ.get('EMOTION_SHARED', root.parent / 'shared'))
    yunet = load_catalog(root / 'weights' / 'catalog.yaml')['yunet']
    if not (shared / 'data' / 'models' / yunet.file).is_file():
        pytest.skip('waits for the project data (EMOTION_SHARED)')
    path = model_file(yunet, cache=str(shared / 'data' / 'models'), offline=True)
    assert path.stat().st_size == yunet.bytes
