# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Speak a text through a synthesiser of the system, without waiting for it."""

from __future__ import annotations

import shutil
import subprocess

# Each with the arguments that make it wait until it has spoken.
_PROGRAMS = (('espeak-ng',), ('espeak',), ('spd-say', '--wait'), ('say',))


class Speaker:
    """A synthesiser, if one is installed (:attr:`program` is empty if not)."""

    def __init__(self) -> None:
        self._command = next(
            (list(command) for command in _PROGRAMS if shutil.which(command[0])), []
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def program(self) -> str:
        """Return the program's name, or an empty text."""
        return self._command[0] if self._command else ''

    @property
    def speaking(self) -> bool:
        """Return whether it speaks now."""
        return self._process is not None and self._process.poll() is None

    def say(self, text: str) -> None:
        """Begin to speak, instead of what is spoken now."""
        self.stop()
        if self._command:
            self._process = subprocess.Popen(
                # After "--" a text that begins with a dash is no option.
                [*self._command, '--', text],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        """Be silent."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait()
