# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give feedback on a recorded interview: ``./emotion interview --video FILE --out DIR``.

The same rules as the live interview, without ROS, faster than real time; ``--compare`` sets two
reports side by side.
"""

from __future__ import annotations

import argparse
import sys
import time as wall
from collections.abc import Sequence
from pathlib import Path

from emotion_apps.interview.analysis import Analysis, VideoError
from emotion_apps.interview.compare import CompareError, compare, load_report
from emotion_apps.interview.cut import LEAST_SILENCE, Cut, cut
from emotion_apps.interview.log import InterviewLog
from emotion_apps.interview.notes import notes
from emotion_apps.interview.questions import QuestionError, default_questions, load_questions
from emotion_apps.interview.report import write_report
from emotion_apps.interview.scribe import Scribe
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.summary import summarise
from emotion_apps.interview.texts import NOTHING
from emotion_apps.transcript_options import add_transcript_options, wants_transcript
from emotion_perception.audio.vad import VadError
from emotion_perception.models import ModelError
from emotion_perception.words.transcriber import TranscriptError
from emotion_perception.words.whisper import Whisper


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse a recording, print the notes, and write the report if a folder is given."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.fps > 0:
        parser.error('--fps must be above 0')
    if options.silence is not None and not options.silence >= LEAST_SILENCE:
        parser.error(f'--silence must be {LEAST_SILENCE} or more')
    try:
        if options.compare:
            print(compare(*map(load_report, options.compare)), end='')
            return 0
        if options.video is None:
            parser.error('--video or --compare is needed')
        log = _analyse(options)
    except (
        VideoError, QuestionError, ModelError, VadError, TranscriptError, CompareError
    ) as error:  # fmt: skip
        print(f'error: {error}', file=sys.stderr)
        return 2
    _print_notes(log)
    if options.out is None:
        print('Nothing was stored; give --out DIR to keep the report.')
        return 0
    try:
        report = write_report(log, options.out)
    except OSError as error:
        print(f'error: the report could not be written: {error}', file=sys.stderr)
        return 2
    print(f'{report.page}\n{report.markdown}\n{report.data}')
    return 0


def _analyse(options: argparse.Namespace) -> InterviewLog:
    """Return what was found in the recording."""
    begin = wall.monotonic()
    given = load_questions(options.questions) if options.questions else None
    plan: Cut = cut(given, options.silence, f'The recording {options.video.name}')
    scribe = None
    if wants_transcript(options):
        language = (given or default_questions()).language
        # Loaded now: what is wrong with it is said before the long work.
        whisper = Whisper(options.transcript_model, language)
        scribe = Scribe(lambda: whisper, language, patient=True)
    session = InterviewSession(plan.questions, plan.settings, scribe=scribe)
    try:
        analysis = Analysis(session, options.fps, options.fer_model, options.ser_model, plan.times)
        seconds = analysis.run(options.video)
    finally:
        if scribe is not None:
            scribe.stop()
    if plan.open_ended:
        session.log.forget_unanswered_end()
    spent = wall.monotonic() - begin
    print(f'{seconds:.1f} s of video in {spent:.1f} s ({seconds / spent:.1f} times real time)')
    return session.log


def _print_notes(log: InterviewLog) -> None:
    strengths, suggestions = notes(log, summarise(log))
    for title, items in (('Strengths', strengths), ('Suggestions', suggestions)):
        print(f'{title}:')
        for note in items:
            print(f'  - {note.text} ({note.measurement})')
        if not items:
            print(f'  {NOTHING}')


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='./emotion interview', description='Feedback on a recorded interview.'
    )
    parser.add_argument('--video', type=Path, help='recording with one person')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for interview.html, interview.md and interview.json; without it nothing is '
        'stored',
    )
    parser.add_argument(
        '--questions',
        type=Path,
        help='YAML file of the questions that were answered, in order, with their times or '
        'without; without it the recording is one answer',
    )
    parser.add_argument(
        '--silence',
        type=float,
        metavar='SECONDS',
        help='an answer ends after so much silence (default: 4 with --questions that have no '
        'times; without --questions the recording is one answer)',
    )
    add_transcript_options(parser)
    parser.add_argument(
        '--compare',
        nargs=2,
        type=Path,
        metavar=('A.json', 'B.json'),
        help='set two reports side by side, as Markdown',
    )
    parser.add_argument(
        '--fps',
        type=float,
        default=10.0,
        help='frames analysed a second at most (default: %(default)s)',
    )
    parser.add_argument('--fer-model', default='fer-default', help='name or path')
    parser.add_argument('--ser-model', default='ser-default', help='name or path')
    return parser


if __name__ == '__main__':
    sys.exit(main())
