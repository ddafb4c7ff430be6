# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``./emotion record``: record one's own sentences in each emotion, on this machine only."""

from __future__ import annotations

import argparse
import csv
import io
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from emotion_perception.audio.pcm import RATE
from emotion_perception.audio.source import AudioSource, AudioSourceError, SourceSettings
from emotion_perception.audio.sources import open_source
from emotion_perception.emotions import EMOTIONS, emotion_of
from emotion_perception.media.samples import to_int16
from emotion_perception.media.wav import write_wav
from emotion_perception.storage import SaveError, write_atomically
from emotion_training.common.files import TrainingError
from emotion_training.ser.take import Take, complaint, play, record_take

SENTENCES = (
    'Kids are talking by the door.',
    'I will be back in about ten minutes.',
    'The letter has been lying on the table since Monday.',
    'They told me what happened last night.',
    "It is eleven o'clock.",
)
"""Sentences that say nothing about how one feels, so that the voice has to."""

COLUMNS = ('path', 'label', 'speaker', 'seconds', 'text')


class Lines:
    """Reads what the user types without holding up the recording."""

    def __init__(self, stream: TextIO) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._over = False
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: TextIO) -> None:
        for line in stream:
            self._lines.put(line.strip())
        self._lines.put(None)

    def ask(self) -> str | None:
        """Wait for a line; ``None`` when there will be no more."""
        if self._over:
            return None
        line = self._lines.get()
        self._over = line is None
        return line

    def pressed(self) -> bool:
        """Return whether a line has come meanwhile, and take it."""
        try:
            line = self._lines.get_nowait()
        except queue.Empty:
            return False
        self._over = line is None
        return line is not None


class Session:
    """Asks for every sentence in every emotion and writes ``manifest.csv`` and WAV files.

    :param folder: of the recordings; a second session continues it.
    :param speaker: name in the manifest.
    """

    def __init__(
        self,
        folder: Path,
        speaker: str,
        lines: Lines,
        say: Callable[[str], None],
        show: Callable[[str], None],
    ) -> None:
        self.folder, self.speaker = Path(folder), speaker
        self.lines, self.say, self.show = lines, say, show
        self.manifest = self.folder / 'manifest.csv'

    def done(self) -> set[tuple[str, str]]:
        """Return the (label, text) pairs of this speaker that are recorded already."""
        if not self.manifest.is_file():
            return set()
        with open(self.manifest, newline='', encoding='utf-8') as file:
            return {
                (row['label'], row['text'])
                for row in csv.DictReader(file)
                if row['speaker'] == self.speaker
            }

    def run(
        self,
        open_microphone: Callable[[], AudioSource],
        emotions: Sequence[str],
        sentences: Sequence[str],
        longest: float,
        repeats: int = 1,
    ) -> int:
        """Record what is missing; return how many takes were kept.

        :raises AudioSourceError: if the microphone cannot be opened or is lost.
        :raises TrainingError: if the folder cannot be written: before anybody speaks.
        :raises SaveError: if a take could not be saved before the input ended.
        """
        self._check_folder()
        wanted = [
            (label, text if turn == 0 else f'{text} ({turn + 1})')
            for turn in range(repeats)
            for text in sentences
            for label in emotions
        ]
        todo = [pair for pair in wanted if pair not in self.done()]
        self.say(
            f'{len(todo)} of {len(wanted)} takes to record into {self.folder}. Nothing '
            'leaves this machine.'
        )
        kept = 0
        for number, (label, text) in enumerate(todo, 1):
            answer = self._one(open_microphone, f'{number}/{len(todo)}', label, text, longest)
            if answer == 'q':
                break
            kept += answer == ''
        self.say(f'{kept} takes kept; manifest: {self.manifest}')
        if kept:
            self.say(f'next: emotion train ser --adapt {self.manifest}')
        return kept

    def _one(
        self,
        open_microphone: Callable[[], AudioSource],
        place: str,
        label: str,
        text: str,
        longest: float,
    ) -> str:
        """Record one sentence; return '' if kept, 's' if skipped, 'q' to stop."""
        while True:
            self.say(f'\n[{place}] say it {label.upper()}:  "{text}"')
            self.say('Enter: record   s: skip   q: quit')
            answer = self.lines.ask()
            if answer is None or answer.lower() == 'q':
                return 'q'
            if answer.lower() == 's':
                return 's'
            self.say('recording... Enter or a pause ends it')
            source = open_microphone()
            try:
                take = record_take(source, longest, self.lines.pressed, self.show)
            finally:
                source.close()
            wrong = complaint(take)
            self.say(f'\n{take.seconds:.1f} s' + (f' - {wrong}' if wrong else ''))
            answer = self._keep(take, bool(wrong))
            if answer == 'k':
                return self._keep_trying(take, label, text)
            if answer in ('s', 'q'):
                return answer

    def _keep(self, take: Take, wrong: bool) -> str:
        """Ask what becomes of a take: 'k' keep, 'r' redo, 's' skip, 'q' quit."""
        usual = 'r' if wrong else 'k'
        while True:
            self.say(f'k: keep   l: listen   r: redo   s: skip   q: quit   (Enter: {usual})')
            answer = self.lines.ask()
            if answer is None:
                return 'q'
            answer = answer.lower()[:1] or usual
            if answer == 'l':
                problem = play(take.samples)
                if problem:
                    self.say(problem)
            elif answer in ('k', 'r', 's', 'q'):
                return answer

    def _check_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(f'{self.folder} cannot be made: {error.strerror}') from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise TrainingError(f'{self.folder} cannot be written: name another folder (--out)')

    def _keep_trying(self, take: Take, label: str, text: str) -> str:
        """Save a take; while that fails it is kept, and saved as soon as there is room.

        Return '' if it was saved, 's' if the user gave it up.

        :raises SaveError: if there was still no room when the input ended.
        """
        while True:
            try:
                self._save(take, label, text)
            except SaveError as error:
                self.say(f'{error}\nThe take is kept: make room, then press Enter.')
                self.say('Enter: save it now   s: throw it away')
                answer = self._answer_or_end()
                if answer is None:
                    self._save(take, label, text)
                    return ''
                if answer.lower() == 's':
                    return 's'
            else:
                return ''

    def _answer_or_end(self) -> str | None:
        """Ask; Ctrl-C counts as the end of the input, before which a take is still saved."""
        try:
            return self.lines.ask()
        except KeyboardInterrupt:
            return None

    def _save(self, take: Take, label: str, text: str) -> None:
        """Write the sound and its row of the manifest: both, or neither.

        :raises SaveError: if there is no room.
        """
        name = f'{self.speaker}_{label.lower()}_{time.strftime("%Y%m%d_%H%M%S")}'
        path, number = self.folder / f'{name}.wav', 1
        while path.exists():
            number += 1
            path = self.folder / f'{name}_{number}.wav'
        write_wav(path, to_int16(take.samples), RATE)
        try:
            write_atomically(self.manifest, self._with_row(path.name, take, label, text))
        except OSError:
            path.unlink()
            raise

    def _with_row(self, name: str, take: Take, label: str, text: str) -> bytes:
        """Return the manifest as it is now, and one row more."""
        written = io.StringIO(newline='')
        writer = csv.DictWriter(written, COLUMNS)
        old = self.manifest.read_bytes() if self.manifest.is_file() else b''
        if not old:
            writer.writeheader()
        elif not old.endswith(b'\n'):
            written.write('\r\n')
        writer.writerow(
            {
                'path': name,
                'label': label,
                'speaker': self.speaker,
                'seconds': f'{take.seconds:.2f}',
                'text': text,
            }
        )
        return old + written.getvalue().encode()


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(
        prog='emotion record', description='Record your own voice in each emotion.'
    )
    made.add_argument('--out', type=Path, default=Path('recordings'), metavar='DIR')
    made.add_argument('--speaker', default='me', help='your name in the manifest')
    made.add_argument(
        '--emotions', default=','.join(EMOTIONS), help='comma-separated (default: all six)'
    )
    made.add_argument('--sentences', type=Path, metavar='FILE', help='text file, one a line')
    made.add_argument('--repeats', type=int, default=1, help='takes of each sentence and emotion')
    made.add_argument('--seconds', type=float, default=8.0, help='longest take')
    made.add_argument('--device', default='', help='microphone by name or number')
    return made


def run(options: argparse.Namespace) -> None:
    """Carry out a parsed command line.

    :raises TrainingError: for what the user can put right.
    """
    labels = []
    for name in options.emotions.split(','):
        emotion = emotion_of(name)
        if emotion is None:
            raise TrainingError(f'unknown emotion {name!r}; known: {", ".join(EMOTIONS)}')
        labels.append(emotion.label)
    if not options.speaker.replace('_', '').replace('-', '').isalnum():
        raise TrainingError('--speaker: letters, digits, - and _ only')
    sentences = SENTENCES
    if options.sentences is not None:
        try:
            lines = options.sentences.read_text(encoding='utf-8').splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TrainingError(f'{options.sentences}: cannot be read: {error}') from error
        sentences = tuple(line.strip() for line in lines if line.strip())
        if not sentences:
            raise TrainingError(f'{options.sentences}: holds no sentence')
    settings = SourceSettings(source='microphone', device=options.device)
    live = sys.stdout.isatty()

    def show(line: str) -> None:
        print(f'\r{line}' if live else line, end='' if live else '\n', flush=True)

    session = Session(
        options.out, options.speaker, Lines(sys.stdin), lambda line: print(line, flush=True), show
    )
    try:
        session.run(
            lambda: open_source(settings), labels, sentences, options.seconds, options.repeats
        )
    except (AudioSourceError, SaveError) as error:
        raise TrainingError(str(error)) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    try:
        run(parser().parse_args(argv))
    except TrainingError as error:
        print(f'error: {error}', file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print('\nstopped; what was kept is saved')
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
