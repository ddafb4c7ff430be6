# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A whole game that plays itself: ``./emotion demo --game --out DIR``.

The real graph of the game runs in this process; only the camera is replaced by two portraits
that come, sway, and go (:mod:`emotion_bringup.two_people`). They react to the state of the game,
so that every phase of it is seen: player 2 comes late, leaves in the second round, and returns.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_bringup.demo_media import save_picture
from emotion_bringup.graphs import GRAPHS, ArgumentError, resolve
from emotion_bringup.process import GraphProcess, finish, in_executor, initialise
from emotion_bringup.two_people import TwoPeople
from emotion_msgs.action import PlayGame
from emotion_msgs.msg import EmotionPredictionArray, GameState
from emotion_perception.emotions import EMOTIONS
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher, BusSubscription
from emotion_perception.ros.convert import array_to_image, image_to_array
from emotion_perception.ros.parameters import ConfigurationError
from emotion_perception.storage import write_atomically

CAMERA = 'camera/image_raw'
ROUNDS, SECONDS, SEED = 3, 5.0, 2
# One portrait smiles, the other looks straight: what else would the rounds ask them for?
TARGETS = ('Happy', 'Neutral')
# A slow machine plays it, too.
RULES = {
    'autostart': False,
    'final_seconds': 0,
    'countdown': 2,
    'result_seconds': 2,
    'minimum_frames': 1,
}

# The picture of a phase is taken so many seconds after its beginning.
_MOMENTS = {
    'WAITING_PLAYERS': 1.2,
    'COUNTDOWN': 0.9,
    'ROUND': 0.6 * SECONDS,
    'PAUSED': 1.2,
    'ROUND_RESULT': 1.0,
    'FINAL': 0.8,
}
# Seconds that somebody takes to come or go, and that player 2 stays away.
_WALK, _STAY_AWAY = 0.7, 3.0


class Stage(Node):
    """Two people before a camera who play: publishes the frames, watches the game.

    :param fps: frames per second.
    """

    def __init__(self, fps: float = 30.0) -> None:
        super().__init__('demo_stage')
        self._people = TwoPeople()
        self._period = 1.0 / fps
        self._lock = threading.Lock()
        self._away = [0.0, 1.0]
        self._phase, self._since = '', time.monotonic()
        self._state: GameState | None = None
        self.states: dict[str, GameState] = {}
        """Newest state of each phase."""
        self.pictures: dict[str, Any] = {}
        """The screen of each phase, BGR."""
        self._best_taken: set[str] = set()
        self.model = ''
        self._camera = BusPublisher(self, Image, CAMERA, qos.IMAGE)
        self._view = BusSubscription(self, Image, 'emotion/view', self._on_view)
        self.create_subscription(GameState, 'emotion/game/state', self._on_state, qos.LATCHED)
        self.create_subscription(
            EmotionPredictionArray, 'emotion/faces', self._on_faces, qos.RESULT
        )
        self.play = ActionClient(self, PlayGame, 'emotion/game/play')
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._film, name='stage', daemon=True)
        self._thread.start()

    def destroy_node(self) -> None:
        """End the film."""
        self._stop.set()
        self._thread.join()
        super().destroy_node()

    def _film(self) -> None:
        """Publish frames at the rate, each as the play asks for."""
        begin = due = time.monotonic()
        last = begin
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            # A machine that cannot keep up skips frames instead of falling behind.
            due = max(due + self._period, now - self._period)
            self._walk(now - last)
            last = now
            picture = self._people.frame(now - begin, (self._away[0], self._away[1]))
            header = Header(stamp=self.get_clock().now().to_msg(), frame_id='camera')
            self._camera.publish(array_to_image(picture, header))

    def _walk(self, step: float) -> None:
        """Move player 2 towards where the play wants her."""
        with self._lock:
            state, inside = self._state, time.monotonic() - self._since
        if state is None:
            return
        wanted = 0.0
        if state.phase == GameState.WAITING_PLAYERS:
            wanted = 0.0 if inside > 1.5 else 1.0
        elif state.phase == GameState.ROUND and state.round == 2:
            # Once only: after the pause she stays.
            gone = 'PAUSED' in self.states
            wanted = 1.0 if not gone and state.remaining < 0.9 * state.duration else 0.0
        elif state.phase == GameState.PAUSED:
            wanted = 1.0 if inside < _STAY_AWAY else 0.0
        move = step / _WALK
        self._away[1] += max(-move, min(move, wanted - self._away[1]))

    def _on_state(self, state: GameState) -> None:
        with self._lock:
            if state.phase_name != self._phase:
                self._phase, self._since = state.phase_name, time.monotonic()
            self._state = state
            self.states[state.phase_name] = state

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        if message.predictions:
            self.model = message.predictions[0].model

    def _on_view(self, message: Image) -> None:
        """Keep a screen of each phase: the first after the moment that shows it best.

        Until then any is kept: a slow machine may draw no other.
        """
        name = message.header.frame_id.rpartition('/')[2]
        with self._lock:
            state, inside = self._state, time.monotonic() - self._since
        if name not in _MOMENTS or name in self._best_taken:
            return
        if name in self.pictures and (state is None or name != state.phase_name):
            return
        self.pictures[name] = image_to_array(message).copy()
        if state is not None and name == state.phase_name and inside >= _MOMENTS[name]:
            self._best_taken.add(name)


def play(stage: Stage, limit: float) -> PlayGame.Result | None:
    """Play one game through the action; return its result, or ``None`` if it took too long."""
    end = time.monotonic() + limit

    def wait(condition: Any) -> bool:
        while not condition():
            if time.monotonic() > end or not stage.context.ok():
                return False
            time.sleep(0.05)
        return True

    # The models are loaded when the first faces come out: only then is it worth to begin.
    if not wait(stage.play.server_is_ready) or not wait(lambda: stage.model):
        return None
    goal = PlayGame.Goal(rounds=ROUNDS, seconds=SECONDS, targets=list(TARGETS), seed=SEED)
    sent = in_executor(stage, lambda: stage.play.send_goal_async(goal))
    if not wait(sent.done) or not sent.result().accepted:
        return None
    result = in_executor(stage, sent.result().get_result_async)
    if not wait(result.done):
        return None
    wait(lambda: 'FINAL' in stage.pictures)
    return result.result().result


def report(result: PlayGame.Result, stage: Stage, folder: Path | None) -> dict[str, Any]:
    """Return the game as plain data; write it and the pictures if there is a folder."""
    names = {PlayGame.Result.FINISHED: 'finished', PlayGame.Result.ABANDONED: 'abandoned'}
    final = stage.states.get('FINAL')
    data: dict[str, Any] = {
        'outcome': names.get(result.outcome, 'cancelled'),
        'message': result.message,
        'winner': result.winner,
        'scores': [int(score) for score in result.scores],
        'rounds': [
            {
                'round': item.round,
                'target': item.target_label,
                'means': [round(float(mean), 4) for mean in item.means],
                'frames': item.frames,
                'winner': item.winner,
            }
            for item in result.rounds
        ],
        'players': [
            {
                'number': player.number,
                'track': player.track_id,
                'score': player.score,
                'best': round(float(player.best), 4),
                'best_target': EMOTIONS[player.best_target] if player.best_target < 6 else '',
            }
            for player in (final.players if final else ())
        ],
        'phases': sorted(stage.states, key=lambda name: stage.states[name].phase),
        'model': stage.model,
        'pictures': {name: f'game_{name.lower()}.png' for name in stage.pictures},
    }
    if folder is not None:
        for name, file in data['pictures'].items():
            save_picture(folder / file, stage.pictures[name])
        write_atomically(folder / 'result.json', (json.dumps(data, indent=2) + '\n').encode())
    return data


def show(data: dict[str, Any]) -> None:
    """Print the game for people."""
    print(f'Facial Emotion Battle: {data["outcome"]}')
    for item in data['rounds']:
        winner = f'player {item["winner"]}' if item['winner'] else 'tie'
        print(
            f'  round {item["round"]}: {item["target"]:<9} '
            f'{100 * item["means"][0]:5.1f} % : {100 * item["means"][1]:5.1f} %  '
            f'({item["frames"]} frames)  {winner}'
        )
    winner = f'player {data["winner"]} wins' if data['winner'] else 'a tie'
    if data['outcome'] == 'finished':
        print(f'  {winner}, {data["scores"][0]} : {data["scores"][1]}')


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the game.

    :return: exit code: 0 if the game was played to its end and every phase was drawn; 2 for a
        wrong argument.
    """
    parser = argparse.ArgumentParser(
        prog='./emotion demo --game', description='A whole game that plays itself.'
    )
    parser.add_argument('--out', type=Path, help='folder for result.json and one PNG per phase')
    parser.add_argument(
        '--headless', action='store_true', help='show no window, even where there is a display'
    )
    parser.add_argument('--fer-model', default='', help='FER model (default: the embedded one)')
    parser.add_argument('--limit', type=float, default=240.0, help='give up after so many seconds')
    options = parser.parse_args(sys.argv[1:] if arguments is None else list(arguments))
    values = {
        'camera_topic': CAMERA,
        'window': 'off' if options.headless else 'auto',
        'fer_model': options.fer_model,
        'game': json.dumps(RULES),
    }
    initialise()
    process = None
    try:
        process = GraphProcess(resolve(GRAPHS['game'], values))
        stage = Stage()
        process.spin(stage)
        result = play(stage, options.limit)
        if result is None:
            print('error: the game did not come to its end; see the log above', file=sys.stderr)
            return 1
        data = report(result, stage, options.out)
    except (ArgumentError, ConfigurationError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except (ImportError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        finish(process)
    show(data)
    if options.out is not None:
        print(f'  {options.out / "result.json"}, {len(data["pictures"])} pictures')
    missing = sorted(set(_MOMENTS) - set(data['pictures']))
    if missing:
        print(f'error: no picture of {", ".join(missing)}', file=sys.stderr)
    return 0 if data['outcome'] == 'finished' and not missing else 1


if __name__ == '__main__':
    sys.exit(main())
