# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The multimodal cycle from end to end: ``./emotion demo [--out DIR]``.

The real graph runs in this process on a film and a voice that are made now of what packages
carry, or on one's own film, camera or microphone. One cycle is asked for through the action
``emotion/detect``; the result is printed and, with ``--out``, written as ``result.json`` with
one picture of the screen for each phase.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import GetState
from rclpy.action import ActionClient
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from sensor_msgs.msg import Image

from emotion_apps.viewer.node import ViewNode
from emotion_bringup import demo_media
from emotion_bringup.graphs import GRAPHS, ArgumentError, resolve
from emotion_bringup.node_setup import NodeSetup
from emotion_bringup.process import GraphProcess, in_executor, make_node
from emotion_msgs.action import DetectEmotion
from emotion_msgs.msg import EmotionPrediction, MultimodalState
from emotion_perception.emotions import names
from emotion_perception.media.container import probe
from emotion_perception.media.errors import MediaError
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.convert import image_to_array
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.storage import write_atomically

_SOURCES = ('camera_node', 'microphone_node')
_PHASES = ('WAITING_FACE', 'LISTENING', 'SHOW_RESULT')
# So many screens after the first word, LISTENING has its picture.
_SPOKEN = 25
# Seconds of the film, which is played in a loop.
_FILM = 4.0
# Seconds for the longest speech, its result, and the screen of it.
_SLACK = 60.0
_OUTCOMES = {
    DetectEmotion.Result.SUCCESS: 'success',
    DetectEmotion.Result.NO_FACE: 'no_face',
    DetectEmotion.Result.NO_SPEECH: 'no_speech',
    DetectEmotion.Result.CANCELLED: 'cancelled',
}


class DemoError(RuntimeError):
    """The demonstration cannot go on; the text says why."""


@dataclass(frozen=True)
class Input:
    """Where picture and sound come from.

    :param arguments: of the graph.
    :param speech_timeout: seconds to wait for speech.
    :param picture: what is seen, in words.
    :param sound: what is heard, in words.
    """

    arguments: dict[str, str]
    speech_timeout: float
    picture: str
    sound: str


class Audience(Node):
    """Watch the graph: states, screens, and who is in trouble."""

    def __init__(self) -> None:
        super().__init__('demo')
        self._lock = threading.Lock()
        self._state: MultimodalState | None = None
        self.states: list[dict[str, Any]] = []
        """Phases in order, each with its time in seconds since the first."""
        self.pictures: dict[str, np.ndarray] = {}
        """The screen of each phase, BGR."""
        self.watching = False
        """Whether the screen has come at all."""
        self.troubles: dict[str, str] = {}
        """What nodes last said went wrong, by node."""
        self.detect = ActionClient(self, DetectEmotion, 'emotion/detect')
        self.create_subscription(
            MultimodalState, 'emotion/multimodal/state', self._on_state, qos.LATCHED
        )
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, qos.RESULT)
        self._view = BusSubscription(self, Image, 'emotion/view', self._on_view)
        self._begin = 0.0
        self._spoken = 0

    def destroy_node(self) -> None:
        """Look away."""
        self._view.destroy()
        self.detect.destroy()
        super().destroy_node()

    def begin(self) -> None:
        """Count the phases from now on."""
        with self._lock:
            self.states.clear()
            self.pictures.clear()
            self._begin, self._spoken = time.monotonic(), 0
            if self._state is not None:
                self._note(self._state)

    @property
    def phase(self) -> str:
        """Return the phase of the cycle."""
        with self._lock:
            return self._state.phase_name if self._state else ''

    def is_active(self, name: str) -> Callable[[], bool]:
        """Return a function that tells whether a lifecycle node is active by now."""
        client = self.create_client(GetState, f'{name}/get_state')
        asked: list[Any] = []

        def check() -> bool:
            if not asked:
                if client.service_is_ready():
                    asked.append(client.call_async(GetState.Request()))
                return False
            if not asked[-1].done():
                return False
            if asked[-1].result().current_state.label == 'active':
                return True
            asked.append(client.call_async(GetState.Request()))
            return False

        return check

    def _note(self, state: MultimodalState) -> None:
        if not self.states or self.states[-1]['phase'] != state.phase_name:
            self.states.append(
                {'phase': state.phase_name, 'time': round(time.monotonic() - self._begin, 3)}
            )

    def _on_state(self, state: MultimodalState) -> None:
        with self._lock:
            self._state = state
            self._note(state)

    def _on_view(self, message: Image) -> None:
        """Keep the screen of each phase that shows most of it."""
        self.watching = True
        phase = message.header.frame_id.rpartition('/')[2]
        with self._lock:
            state = self._state
        if state is None or state.phase_name != phase:
            return
        if phase == 'LISTENING' and phase in self.pictures:
            # While somebody speaks the screen shows how loud; a while of it says most.
            self._spoken += state.speaking
            if not 0 < self._spoken <= _SPOKEN:
                return
        if phase == 'WAITING_FACE' and phase in self.pictures and not state.progress > 0:
            return
        self.pictures[phase] = image_to_array(message)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level == DiagnosticStatus.ERROR:
                self.troubles[status.name] = status.message
            else:
                self.troubles.pop(status.name, None)


def built_in(folder: Path) -> Input:
    """Make film and sound in a folder, and return how to play them.

    :raises DemoError: if something that they are made of is missing.
    """
    try:
        voice = demo_media.find_voice()
        seconds = demo_media.make_sound(folder / 'voice.wav', voice)
        seen = demo_media.make_film(folder / 'face.avi', _FILM)
    except demo_media.MissingInputError as error:
        raise DemoError(str(error)) from error
    return Input(
        {
            'camera': str(folder / 'face.avi'),
            'microphone': str(folder / 'voice.wav'),
            'loop': 'true',
        },
        2 * seconds + 4,
        seen,
        voice.name,
    )


def choose_input(options: argparse.Namespace, folder: Path) -> Input:
    """Return where picture and sound come from.

    :param folder: for what has to be made.
    :raises DemoError: if something that it is made of is missing.
    """
    if options.video:
        chosen = Input(
            {'video': options.video, 'loop': 'true'},
            _file_patience(options.video),
            options.video,
            options.video,
        )
    elif options.camera:
        chosen = Input(
            {'camera': options.camera, 'microphone': 'microphone'},
            20.0,
            f'camera {options.camera}',
            'the microphone',
        )
    else:
        chosen = built_in(folder)
    if not options.microphone:
        return chosen
    arguments = {**chosen.arguments, 'microphone': options.microphone}
    if not Path(options.microphone).exists():
        arguments['microphone'] = 'microphone'
        if options.microphone != 'microphone':
            arguments['microphone_device'] = options.microphone
    if 'video' in arguments:
        arguments['camera'] = arguments.pop('video')
    return replace(chosen, arguments=arguments, sound=options.microphone)


def _file_patience(path: str) -> float:
    """Return how long (seconds) to wait for speech in a film that is played in a loop."""
    try:
        seconds = probe(path).seconds
    except MediaError as error:
        raise DemoError(str(error)) from error
    length = 0.0 if math.isnan(seconds) else seconds
    return min(2 * length + 10.0, 600.0)


def with_demo_rules(setups: Sequence[NodeSetup]) -> list[NodeSetup]:
    """Return the graph's nodes without the sources, and with the cycle run from here alone."""
    # On a machine that is just busy, a joint result may take its time.
    rules = {'autostart': False, 'fused_wait': 10.0, 'voice_wait': 20.0}
    return [
        replace(setup, parameters={**setup.parameters, **rules})
        if setup.name == 'orchestrator_node'
        else setup
        for setup in setups
        if setup.name not in _SOURCES
    ]


def run_cycle(
    process: GraphProcess, audience: Audience, chosen: Input, options: argparse.Namespace
) -> DetectEmotion.Result:
    """Play one cycle: wait until all are ready, then let the sources begin.

    :raises DemoError: if somebody cannot begin, or does not within ``--limit`` seconds.
    """
    end = time.monotonic() + options.limit
    speech_timeout = options.speech_timeout or chosen.speech_timeout
    models = [name for name, node in process.nodes.items() if isinstance(node, LifecycleNode)]

    def wait(condition: Callable[[], bool], what: str, trouble: Sequence[str] = ()) -> None:
        while not condition():
            if process.failed or not audience.context.ok():
                raise DemoError('a node failed; see the log above')
            for name in trouble:
                if name in audience.troubles:
                    raise DemoError(f'{name}: {audience.troubles[name]}')
            if time.monotonic() > end:
                known = '; '.join(f'{name}: {text}' for name, text in audience.troubles.items())
                raise DemoError(f'{what} did not come in time' + (f' ({known})' if known else ''))
            time.sleep(0.02)

    for name in models:
        wait(audience.is_active(name), f'{name}, active', models)
    wait(audience.detect.server_is_ready, 'the action emotion/detect')
    wait(lambda: audience.watching, 'the screen')
    goal = DetectEmotion.Goal(face_timeout=options.limit, speech_timeout=speech_timeout)
    sent = in_executor(audience, lambda: audience.detect.send_goal_async(goal))
    wait(sent.done, 'an answer of emotion/detect')
    audience.begin()
    for setup in resolve(GRAPHS['multimodal'], chosen.arguments):
        if setup.name in _SOURCES:
            process.spin(make_node(setup))
    # The cycle has time-outs of its own; this one is for a graph that stands still.
    end = time.monotonic() + options.limit + speech_timeout + _SLACK
    result = in_executor(audience, sent.result().get_result_async)
    wait(result.done, 'the end of the cycle', _SOURCES)
    outcome = result.result().result
    if outcome.outcome in (DetectEmotion.Result.SUCCESS, DetectEmotion.Result.NO_SPEECH):
        wait(lambda: 'SHOW_RESULT' in audience.pictures, 'the screen of the result')
        view = process.nodes['view_node']
        if isinstance(view, ViewNode) and view.shows_window:
            # People want to read it.
            wait(lambda: audience.phase != 'SHOW_RESULT', 'the end of the result')
    return outcome


def as_data(prediction: EmotionPrediction) -> dict[str, Any]:
    """Return a prediction as plain data."""
    return {
        'label': prediction.label,
        'confidence': round(float(prediction.confidence), 6),
        'probabilities': {
            name: round(value, 6) for name, value in names(prediction.probabilities).items()
        },
        'class_balance': None
        if math.isnan(prediction.class_balance)
        else round(float(prediction.class_balance), 6),
        'model': prediction.model,
    }


def report(
    result: DetectEmotion.Result, audience: Audience, chosen: Input, folder: Path | None
) -> dict[str, Any]:
    """Return the cycle as plain data; write it and the pictures if there is a folder.

    :raises OSError: if something cannot be written.
    """
    data: dict[str, Any] = {
        name: as_data(getattr(result, name)) if getattr(result, f'has_{name}') else None
        for name in ('face', 'voice', 'fused')
    }
    pictures = {
        phase: f'{number}_{phase.lower()}.png'
        for number, phase in enumerate(_PHASES, 1)
        if phase in audience.pictures
    }
    data |= {
        'states': list(audience.states),
        'outcome': _OUTCOMES[result.outcome],
        'message': result.message,
        'input': {'picture': chosen.picture, 'sound': chosen.sound},
        'pictures': pictures,
    }
    if folder is not None:
        for phase, file in pictures.items():
            demo_media.save_picture(folder / file, audience.pictures[phase])
        write_atomically(folder / 'result.json', (json.dumps(data, indent=2) + '\n').encode())
    return data


def show(data: dict[str, Any]) -> None:
    """Print the cycle for people."""
    print(f'\nMultimodal System: {data["outcome"]} ({data["message"]})')
    print(f'  seen: {data["input"]["picture"]}\n  heard: {data["input"]["sound"]}')
    for name in ('face', 'voice', 'fused'):
        item = data[name]
        if item is None:
            print(f'  {name:<6} -')
            continue
        rest = sorted(item['probabilities'].items(), key=lambda pair: -pair[1])[1:]
        others = ', '.join(f'{label} {100 * value:.0f}' for label, value in rest)
        print(
            f'  {name:<6} {item["label"]:<9} {100 * item["confidence"]:3.0f} %   ({others})'
            f'   {item["model"]}'
        )
    print(
        '  ' + ' -> '.join(f'{item["phase"]} at {item["time"]:.1f} s' for item in data['states'])
    )


def problems(data: dict[str, Any]) -> list[str]:
    """Return what failed; empty if a face was locked, speech heard, and both were read."""
    found = []
    if data['face'] is None:
        found.append('no face was locked')
    if data['voice'] is None:
        found.append(
            f'no voice was read: {data["message"]}'
            if data['face'] is not None
            else 'no speech was waited for'
        )
    missing = [phase for phase in _PHASES if phase not in data['pictures']]
    if not found and missing:
        found.append(f'no picture of {", ".join(missing)}')
    return found


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog='./emotion demo',
        description=('One face-then-voice cycle of the real graph; --game plays a game instead.'),
    )
    parser.add_argument('--out', type=Path, help='folder for result.json and one PNG per phase')
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--video', help='film with sound to play instead of the built-in input')
    source.add_argument('--camera', help='camera index or device; the microphone comes with it')
    parser.add_argument('--microphone', help='sound file, or microphone by name or index')
    parser.add_argument('--fer-model', default='', help='FER model (default: the embedded one)')
    parser.add_argument('--ser-model', default='', help='SER model (default: the embedded one)')
    parser.add_argument('--headless', action='store_true', help='show no window')
    parser.add_argument(
        '--speech-timeout',
        type=float,
        default=0.0,
        help=('seconds to wait for speech after the face was locked; 0 for what suits the input'),
    )
    parser.add_argument(
        '--limit',
        type=float,
        default=60.0,
        help=('seconds to wait until the graph is ready, and then for a held expression'),
    )
    return parser.parse_args(list(arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration.

    :return: exit code: 0 if a face was locked, speech was heard and both were read; 1 if not; 2
        for a wrong argument.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if '--game' in arguments:
        from emotion_bringup import demo_game

        return demo_game.main([text for text in arguments if text != '--game'])
    options = parse(arguments)
    process = None
    rclpy.init()
    try:
        if options.video and not Path(options.video).is_file():
            raise DemoError(f'{options.video}: there is no such file')
        with tempfile.TemporaryDirectory(prefix='emotion_demo_') as folder:
            process = GraphProcess(
                with_demo_rules(
                    resolve(
                        GRAPHS['multimodal'],
                        {
                            'window': 'off' if options.headless else 'auto',
                            'fer_model': options.fer_model,
                            'ser_model': options.ser_model,
                        },
                    )
                )
            )
            audience = Audience()
            process.spin(audience)
            # Film and voice are made while the models are loaded.
            chosen = choose_input(options, Path(folder))
            result = run_cycle(process, audience, chosen, options)
            data = report(result, audience, chosen, options.out)
            process.close()
            process = None
    except (ArgumentError, ConfigurationError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (DemoError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if process is not None:
            process.close()
        rclpy.try_shutdown()
    show(data)
    if options.out is not None:
        print(f'  {options.out / "result.json"}, {len(data["pictures"])} pictures')
    found = problems(data)
    for text in found:
        print(f'error: {text}', file=sys.stderr)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
