# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from emotion_perception.storage import SaveError, write_atomically


def test_a_file_is_written_whole_and_folders_are_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / 'a' / 'b.bin', b'12')
    write_atomically(tmp_path / 'a' / 'b.bin', b'345')
    assert (tmp_path / 'a' / 'b.bin').read_bytes() == b'345'
    assert os.listdir(tmp_path / 'a') == ['b.bin']


def test_its_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / 'file', b'')
    finally:
        os.umask(before)
    assert (tmp_path / 'file').stat().st_mode & 0o777 == 0o640


def test_a_file_too_large_for_the_disk_leaves_the_old_one_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / 'report.html'
    write_atomically(path, b'old')
    child = os.fork()
    if child == 0:
        # A limit on the size of files stands for a full disk: the write fails half way.
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_atomically(path, bytes(100_000))
        except SaveError as error:
            os._exit(0 if 'report.html: File too large' in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['report.html']


def test_an_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / 'file', b'1')
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / 'taken').write_text('')
    with pytest.raises(SaveError, match=r'could not save .*taken/file') as caught:
        write_atomically(tmp_path / 'taken' / 'file', b'1')
    assert caught.value.__cause__.errno in (errno.ENOTDIR, errno.EEXIST)


def test_a_link_with_the_name_of_the_target_is_replaced_not_followed(tmp_path: Path) -> None:
    other = tmp_path / 'other'
    other.write_bytes(b'precious')
    (tmp_path / 'file').symlink_to(other)
    write_atomically(tmp_path / 'file', b'new')
    assert other.read_bytes() == b'precious'
    assert (tmp_path / 'file').read_bytes() == b'new'
