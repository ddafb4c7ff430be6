# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Analyse many recordings: ``./emotion analyze PATH... --out DIR``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.executor import Executor
from emotion_apps.analyze.options import Every, Options
from emotion_apps.analyze.progress import Progress
from emotion_apps.analyze.recordings import find_recordings
from emotion_apps.analyze.run import Run
from emotion_apps.transcript_options import add_transcript_options, wants_transcript
from emotion_perception.models.balance import BalanceSettings

SOME_FAILED = 3
"""Exit code of an analysis that is finished but for recordings that could not be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse recordings; return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        options = _options(given)
    except ValueError as error:
        parser.error(str(error))
    try:
        return analyze(given.paths, given.out, options, given.workers, given.address)
    except AnalyzeError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('stopped; the same command goes on where it was', file=sys.stderr)
        return 128 + signal.SIGINT


def analyze(
    paths: Sequence[str], out: str, options: Options, workers: int = 0, address: str = ''
) -> int:
    """Analyse recordings into a folder, print what became of them, return the exit code.

    :param paths: files, folders, patterns, URLs.
    :param out: folder or URL of the results.
    :param workers: 0 for one a core.
    :param address: of a Ray cluster, ``auto``, or ``local`` for one on this machine; empty for
        processes.
    :raises AnalyzeError: if it cannot begin, or cannot go on.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise AnalyzeError(
            f'tables need packages that are not installed ({error}): run '
            '`./emotion setup --analyze`'
        ) from error
    from emotion_apps.analyze.perception import fingerprint
    from emotion_apps.analyze.report import write_report
    from emotion_apps.analyze.store import Store
    from emotion_apps.analyze.tasks import Job
    from emotion_perception.audio.vad import VadError
    from emotion_perception.models import ModelError
    from emotion_perception.vision.detect import DetectorError
    from emotion_perception.words.transcriber import TranscriptError

    recordings = find_recordings(paths, out)
    if not recordings:
        raise AnalyzeError(f'no recording in {", ".join(paths)}')
    store = Store(out)
    try:
        job = Job(options, out, fingerprint(options))
    except (ModelError, DetectorError, VadError, TranscriptError) as error:
        raise AnalyzeError(str(error)) from error
    began = time.monotonic()
    progress = Progress(len(recordings))
    with store.claim():
        executor = _executor(job, workers, address)
        try:
            outcome = Run(recordings, executor, progress).go()
        finally:
            executor.close()
            progress.close()
        summary = write_report(store, job, recordings, outcome)
    _print(summary, out, time.monotonic() - began, len(outcome.earlier))
    return SOME_FAILED if outcome.failures else 0


def _executor(job: Any, workers: int, address: str) -> Executor:
    if address:
        from emotion_apps.analyze.cluster import Cluster

        return Cluster(job, address, workers)
    from emotion_apps.analyze.pool import Pool

    return Pool(job, workers or len(os.sched_getaffinity(0)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='./emotion analyze',
        description='Recordings to tables: faces, utterances and their emotions.',
    )
    parser.add_argument(
        'paths',
        nargs='+',
        metavar='PATH',
        help='film, sound or picture; folder, pattern or URL of such',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder or URL of the results')
    parser.add_argument(
        '--every',
        default='1',
        metavar='N',
        help='look at every N-th picture, or at one in so many seconds (0.2s); default: all',
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--faces-only', action='store_true', help='do not listen')
    what.add_argument('--voice-only', action='store_true', help='do not look')
    parser.add_argument(
        '--models',
        default='',
        metavar='fer=MODEL,ser=MODEL',
        help='other models of faces and voices, by name, path or hub id',
    )
    parser.add_argument(
        '--class-balance',
        type=float,
        default=BalanceSettings.class_balance,
        metavar='0..1',
        help='mixture of classes to answer for: 0 as in the training data, 1 all equally common '
        '(default: %(default)s)',
    )
    add_transcript_options(parser)
    parser.add_argument(
        '--language',
        default=Options.language,
        metavar='CODE',
        help='what is spoken, as ISO 639-1 has it (default: %(default)s)',
    )
    parser.add_argument(
        '--film', action='store_true', help='write films with what was found drawn into them'
    )
    parser.add_argument('--workers', type=int, default=0, metavar='N', help='default: one a core')
    parser.add_argument(
        '--address',
        default='',
        metavar='ray://...|auto|local',
        help='do the work on a Ray cluster; local starts Ray on this machine',
    )
    parser.add_argument(
        '--piece',
        type=float,
        default=Options.piece,
        metavar='SECONDS',
        help='films are cut into pieces of about this length; results do not depend on it '
        '(default: %(default)s)',
    )
    return parser


def _options(given: argparse.Namespace) -> Options:
    """Return the options of a command line.

    :raises ValueError: naming what is wrong.
    """
    models: dict[str, str] = {}
    for part in filter(None, given.models.split(',')):
        task, equals, model = part.partition('=')
        if task not in ('fer', 'ser') or not equals or not model:
            raise ValueError(f'--models {part}: write fer=MODEL or ser=MODEL')
        models[task] = model
    if not 0 <= given.class_balance <= 1:
        raise ValueError('--class-balance must be from 0 to 1')
    transcript = wants_transcript(given)
    if transcript and given.faces_only:
        raise ValueError('--transcript listens, and --faces-only does not')
    if given.workers < 0:
        raise ValueError('--workers must not be negative')
    if not given.piece > 0:
        raise ValueError('--piece must be above 0')
    return Options(
        Every.parse(given.every),
        faces=not given.voice_only,
        voice=not given.faces_only,
        class_balance=given.class_balance,
        transcript=transcript,
        transcript_model=given.transcript_model,
        language=given.language,
        film=given.film,
        piece=given.piece,
        **models,
    )


def _print(summary: Mapping[str, Any], out: str, seconds: float, earlier: int) -> None:
    totals = summary['totals']
    print(
        f'{totals["recordings"]} recordings ({totals["seconds"] / 60:.1f} min) in {seconds:.1f} s'
        + (f', {earlier} of them earlier' if earlier else '')
        + f': {totals["faces"]} faces in {totals["pictures"]} pictures, '
        f'{totals["utterances"]} utterances'
    )
    for failure in summary['failures']:
        print(f'failed: {failure["recording"]}: {failure["reason"]}')
    for name in ('summary.json', 'index.html'):
        print(f'{out.rstrip("/")}/{name}')


if __name__ == '__main__':
    sys.exit(main())
