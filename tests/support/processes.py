# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Nodes and other programs as real processes that end with the test."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yaml

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Have the kernel end this process when the test run dies, however it dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def executable(name: str) -> Path:
    """Return the file that ``ros2 run PACKAGE NAME`` starts, whichever package has the node.

    Raises:
        LookupError: if no installed package has such a node.

    """
    from ament_index_python.packages import get_package_prefix

    points = list(entry_points(group='emotion.nodes', name=name))
    if not points:
        raise LookupError(f'no installed package has a node {name!r}')
    package = points[0].module.partition('.')[0]
    return Path(get_package_prefix(package), 'lib', package, name)


class Process:
    """One program that a test started: its output goes to a log file."""

    def __init__(
        self, name: str, command: list[str], log: Path, env: Mapping[str, str], may_end: bool
    ) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.may_end = may_end
        self._stopped = self._interrupted = False
        with log.open('wb') as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**env, 'PYTHONFAULTHANDLER': '1'},
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs, negative where a signal ended it."""
        return self._popen.poll()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.returncode is None

    @property
    def died(self) -> bool:
        """Whether it ended by itself although the test did not expect that."""
        return not self.running and not self._stopped and not self.may_end

    def output(self) -> str:
        """Return what it has printed so far."""
        return self.log.read_text(errors='replace')

    def wait_for_output(self, text: str, timeout: float = 20.0) -> str:
        """Wait until the output holds `text`; return the whole output.

        Raises:
            AssertionError: if it ends, or `timeout` seconds pass, without that text.

        """
        end = time.monotonic() + timeout
        while True:
            ended = not self.running
            output = self.output()
            if text in output:
                return output
            assert not ended, f'{self.name} ended ({self.returncode}) without {text!r}:\n{output}'
            assert time.monotonic() < end, f'{self.name} did not print {text!r}:\n{output}'
            time.sleep(0.02)

    def wait(self, timeout: float = 20.0) -> int:
        """Wait for its end, which this call declares expected; return the exit code.

        Raises:
            AssertionError: if it still runs after `timeout` seconds.

        """
        self.may_end = True
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f'{self.name} still runs after {timeout} s:\n{self.output()}'
            ) from None

    def signal(self, number: int) -> None:
        """Send a signal to the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it the hard way, as a crash would."""
        self._stopped = True
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def interrupt(self) -> bool:
        """Press Ctrl-C, once for all; return whether it runs still."""
        running = self.running
        if running and not self._interrupted:
            self._interrupted = True
            self.signal(signal.SIGINT)
        self._stopped = True
        return running

    def stop(self, timeout: float = 10.0) -> bool:
        """End it as Ctrl-C does; return whether that sufficed within `timeout` seconds."""
        if self.interrupt():
            try:
                self._popen.wait(timeout)
            except subprocess.TimeoutExpired:
                # Where it hangs goes into its log.
                os.kill(self.pid, signal.SIGABRT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(timeout)
                self.kill()
                return False
        # A child that outlived its parent would be an orphan.
        self.signal(signal.SIGKILL)
        return True


class ProcessGroup:
    """The processes of one test, on one ROS domain."""

    def __init__(self, folder: Path, domain: int) -> None:
        self.folder = folder
        self.domain = domain
        self.processes: list[Process] = []
        folder.mkdir(parents=True, exist_ok=True)

    def environment(self) -> dict[str, str]:
        """Return the environment that every process gets."""
        return {
            **os.environ,
            'ROS_DOMAIN_ID': str(self.domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'ROS_LOG_DIR': str(self.folder / 'ros'),
            'RCUTILS_COLORIZED_OUTPUT': '0',
            'RCUTILS_LOGGING_BUFFERED_STREAM': '0',
            'PYTHONUNBUFFERED': '1',
        }

    def start(
        self,
        *command: str | Path,
        name: str = '',
        env: Mapping[str, str] | None = None,
        may_end: bool = False,
    ) -> Process:
        """Start a program; `may_end` says that its end by itself is no failure."""
        words = [str(word) for word in command]
        name = name or Path(words[0]).name
        log = self.folder / f'{len(self.processes):02d}-{name}.log'
        process = Process(name, words, log, {**self.environment(), **(env or {})}, may_end)
        self.processes.append(process)
        return process

    def node(
        self,
        node: str,
        *,
        name: str = '',
        namespace: str = '',
        remap: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        may_end: bool = False,
        arguments: tuple[str, ...] = (),
        parameters: Mapping[str, Any] | None = None,
        through: tuple[str | Path, ...] = (),
        **more: Any,
    ) -> Process:
        """Start a node by the name of its executable, 'fer_node' and the like.

        Args:
            node: The name of its executable.
            name: Another node name.
            namespace: A namespace, '/left' for example.
            remap: Topic and service names, from → to.
            env: More environment.
            may_end: Whether its end by itself is no failure (a file that ends, a bad parameter).
            arguments: More command-line arguments, before ``--ros-args``.
            parameters: Parameters by name (for dotted names); `more` holds the plain ones.
            through: A command that runs what follows it.
            more: Parameters.

        """
        words = [*map(str, through), str(executable(node)), *arguments, '--ros-args']
        if name:
            words += ['-r', f'__node:={name}']
        if namespace:
            words += ['-r', f'__ns:={namespace}']
        for before, after in (remap or {}).items():
            words += ['-r', f'{before}:={after}']
        values = {**(parameters or {}), **more}
        if values:
            file = self.folder / f'{len(self.processes):02d}-{name or node}.yaml'
            file.write_text(yaml.safe_dump({'/**': {'ros__parameters': values}}))
            words += ['--params-file', str(file)]
        return self.start(*words, name=name or node, env=env, may_end=may_end)

    def check(self) -> None:
        """Raise AssertionError if a process died that the test did not expect to end."""
        for process in self.processes:
            assert not process.died, (
                f'{process.name} ended by itself ({process.returncode}):\n'
                f'{process.output()[-4000:]}'
            )

    def logs(self, characters: int = 4000) -> str:
        """Return the end of every process's output, for the report of a failure."""
        return '\n'.join(
            f'--- {process.name} (exit code {process.returncode})\n'
            f'{process.output()[-characters:]}'
            for process in self.processes
        )

    def stop(self, timeout: float = 10.0) -> list[str]:
        """End all, newest first; return the names of those that did not heed Ctrl-C."""
        for process in self.processes:
            process.interrupt()
        return [process.name for process in reversed(self.processes) if not process.stop(timeout)]
