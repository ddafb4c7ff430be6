# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The graphs: which nodes, with which arguments. The one truth for launch files and the runner.

No default, choice or range of a parameter stands here: an argument takes them from the settings
of the node, and one that is not given leaves the node's own. The module imports neither
``launch`` nor rclpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from emotion_apps.game.settings import GameNodeSettings, GameSettings
from emotion_apps.interview.settings import InterviewNodeSettings
from emotion_apps.multimodal.settings import OrchestratorSettings
from emotion_apps.viewer.settings import ViewSettings
from emotion_apps.web.settings import WebSettings
from emotion_bringup.cameras import IMAGES, Cameras
from emotion_bringup.node_setup import NodeSetup
from emotion_perception.nodes.settings import SETTINGS as PERCEPTION_SETTINGS
from emotion_perception.settings import Setting, Settings, check, settings_of

SETTINGS: Mapping[str, type[Settings]] = {
    **PERCEPTION_SETTINGS,
    'orchestrator_node': OrchestratorSettings,
    'game_node': GameNodeSettings,
    'interview_node': InterviewNodeSettings,
    'view_node': ViewSettings,
    'web_node': WebSettings,
}
"""Of each node: what its parameters are, and what they may be."""


class ArgumentError(ValueError):
    """An argument is unknown or has a value it cannot have; the text says what is allowed."""


@dataclass(frozen=True)
class Argument:
    """A ``name:=value`` argument.

    :param doc: one sentence, with the unit.
    :param targets: the parameters it sets, as (node, parameter).
    :param kind: type of the parameters: bool, int, float, str, list for a list of strings
        (``a,b`` or a YAML list), dict for any parameters of the nodes by name
        (``{name: value}``), or Cameras.
    :param choices: allowed values, or of a dict allowed names; empty for any.
    :param needs: what a value needs of other nodes: (value, node, parameter, its value) each.
    :param starts: what a value starts: (value, node) each.
    :param replaces: what a value makes needless or leaves out: (value, node) each.
    :param setting: what the node says of the parameter: its default, and what is allowed.
    """

    name: str
    doc: str
    targets: tuple[tuple[str, str], ...] = ()
    kind: type = str
    choices: tuple[str, ...] = ()
    needs: tuple[tuple[str, str, str, object], ...] = ()
    starts: tuple[tuple[object, str], ...] = ()
    replaces: tuple[tuple[object, str], ...] = ()
    setting: Setting | None = None

    def describe(self) -> str:
        """Return what it is, what is allowed, and what holds where it is not given."""
        allowed, default = ', '.join(self.choices), ''
        if self.setting is not None:
            allowed = self.setting.allowed
            default = '' if self.setting.default in ('', ()) else f'default {self.setting.shown}'
        rest = '; '.join(filter(None, (allowed, default)))
        return f'{self.doc} ({rest})' if rest else self.doc

    def parse(self, text: str) -> object:
        """Return the value that a text on the command line stands for.

        :raises ArgumentError: if it is not one.
        """
        value = self._read(text)
        try:
            if self.setting is not None:
                check(self.setting, tuple(value) if isinstance(value, list) else value)
            elif self.choices and self.kind is not dict and value not in self.choices:
                raise ValueError(f'allowed: {list(self.choices)}')
        except ValueError as error:
            raise ArgumentError(f'{self.name}:={text}: {error}') from error
        return value

    def _read(self, text: str) -> Any:
        if self.kind is str:
            return text
        if self.kind is list:
            return [part.strip() for part in text.strip('[]').split(',') if part.strip()]
        if self.kind is Cameras:
            try:
                return Cameras.read(text)
            except ValueError as error:
                raise ArgumentError(f'{self.name}:={text}: {error}') from error
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = None
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind:
            names = {
                bool: 'true or false',
                int: 'a whole number',
                float: 'a number',
                dict: 'parameters in braces, for instance {rounds: 3}',
            }
            raise ArgumentError(f'{self.name}:={text}: it must be {names[self.kind]}')
        if isinstance(value, dict) and not set(value) <= set(self.choices or value):
            unknown = sorted(set(value) - set(self.choices))[0]
            raise ArgumentError(
                f'{self.name}:={text}: there is no {unknown!r}; allowed are '
                f'{", ".join(self.choices)}'
            )
        return value


def _sets(
    name: str,
    *targets: tuple[str, str],
    doc: str = '',
    needs: tuple[tuple[str, str, str, object], ...] = (),
    starts: tuple[tuple[object, str], ...] = (),
    replaces: tuple[tuple[object, str], ...] = (),
) -> Argument:
    """Make an argument that sets parameters of nodes: these say what is allowed.

    :param doc: where it should say something else than the (first) parameter's own.
    """
    node, parameter = targets[0]
    found = next(item for item in settings_of(SETTINGS[node]) if item.name == parameter)
    return Argument(
        name,
        doc or found.rule.doc,
        targets,
        list if found.is_tuple else found.kind,
        tuple(map(str, found.rule.choices)),
        needs,
        starts,
        replaces,
        found,
    )


@dataclass(frozen=True)
class NodeEntry:
    """A node of a graph; the executable has the node's name.

    :param package: the ROS package that has the executable.
    :param parameters: what makes this graph differ from the node's defaults.
    :param replaced_by: an argument; where it is given, somebody else does this node's work.
    :param on_demand: whether it is started only where an argument asks for it.
    """

    name: str
    package: str = 'emotion_perception'
    parameters: Mapping[str, object] = field(default_factory=dict)
    replaced_by: str = ''
    on_demand: bool = False


@dataclass(frozen=True)
class Graph:
    """A graph by name.

    :param given: arguments that this graph gives itself, unless they are given.
    """

    name: str
    doc: str
    nodes: tuple[NodeEntry, ...]
    arguments: tuple[Argument, ...]
    given: Mapping[str, str] = field(default_factory=dict)


# Topic that an argument gives another name.
_REMAPPINGS = {
    'camera_topic': IMAGES,
    'audio_topic': 'audio/audio_stamped',
    'audio_info_topic': 'audio/audio_info',
}

COMMON = (
    Argument('config', 'YAML file of parameters, in the usual ROS 2 form.'),
    Argument('namespace', 'Put before all node and topic names, for several robots.'),
    Argument(
        'log_level',
        'Least severe message to log.',
        choices=('debug', 'info', 'warn', 'error', 'fatal'),
    ),
    Argument('use_sim_time', 'Take the time from /clock (bags, simulation).', kind=bool),
)

BROWSER = 'browser'
"""As camera or microphone: those of whoever opens the page and allows it."""


def _device(name: str, node: str, doc: str) -> Argument:
    """Make the argument of a device that a browser can stand in for."""
    return _sets(
        name,
        (node, 'source'),
        doc=doc,
        needs=((BROWSER, 'web_node', name, True),),
        starts=((BROWSER, 'web_node'),),
        replaces=((BROWSER, node),),
    )


_CAMERA = (
    _device(
        'camera',
        'camera_node',
        'Camera index (0) or path (/dev/video0), video file, stream URL (rtsp://, http://, ...), '
        'image file, or folder of images; browser for that of a page.',
    ),
    Argument('camera_topic', 'Images of another driver: the topic; our camera is not started.'),
    Argument(
        'cameras',
        'Several cameras, each with nodes, topics and frame under its name: front,rear for camera '
        '0 and 1, or {front: /dev/video2, rear: rear.mp4}; the rest follows the first.',
        (('camera_node', 'source'),),
        Cameras,
    ),
    _sets('rate', ('camera_node', 'rate')),
    _sets('detector', ('face_detector_node', 'detector')),
    _sets('fer_model', ('fer_node', 'model')),
)
_MICROPHONE = (
    _device(
        'microphone',
        'microphone_node',
        'Where sound comes from: microphone, or the path of a sound file, of a folder of sound '
        'files, or of a video with sound; browser for the microphone of a page.',
    ),
    _sets('microphone_device', ('microphone_node', 'device')),
    Argument('audio_topic', 'Sound of another driver: the topic; our microphone is not started.'),
    Argument('audio_info_topic', 'AudioInfo of that driver.'),
    _sets('vad', ('vad_node', 'vad')),
    _sets('ser_model', ('ser_node', 'model')),
    _sets('voice_memory', ('ser_node', 'memory.utterances')),
    _sets('noise_suppression', ('ser_node', 'noise_suppression')),
)
_FUSION = _sets(
    'fusion_method',
    ('fusion_node', 'method'),
    doc='How face and voice become one; network looks at embeddings too, which '
    'both recognisers then publish.',
    needs=tuple(('network', node, 'embedding', True) for node in ('fer_node', 'ser_node')),
)
_BALANCE = {
    'face': _sets('class_balance', ('fer_node', 'class_balance')),
    'voice': _sets('class_balance', ('ser_node', 'class_balance')),
    'both': _sets(
        'class_balance',
        *((node, 'class_balance') for node in ('fer_node', 'ser_node', 'fusion_node')),
    ),
}
_VIDEO = Argument(
    'video',
    'Video file: camera and microphone both play it.',
    (('camera_node', 'source'), ('microphone_node', 'source')),
)
_LOOP_FACE = _sets('loop', ('camera_node', 'loop'))
_LOOP_VOICE = _sets('loop', ('microphone_node', 'loop'))
_LOOP = _sets('loop', ('camera_node', 'loop'), ('microphone_node', 'loop'))
_SCREEN = (
    Argument(
        'view',
        'Draw the screen; false for a robot that shows nothing.',
        kind=bool,
        replaces=((False, 'view_node'),),
    ),
    _sets('window', ('view_node', 'window')),
)

_EXTRAS = (
    Argument(
        'interop',
        'Publish in the messages of other tools, too: Foxglove, RViz, vision_msgs, ROS4HRI, TF.',
        kind=bool,
        starts=((True, 'interop_node'),),
    ),
    Argument('web', 'Serve the page for browsers.', kind=bool, starts=((True, 'web_node'),)),
    _sets('web_port', ('web_node', 'port')),
    _sets('web_host', ('web_node', 'host')),
    _sets('web_certificate', ('web_node', 'certificate')),
    _sets('web_key', ('web_node', 'key')),
    _sets('web_names', ('web_node', 'names')),
)
_GAME = (
    _sets('rounds', ('game_node', 'rounds')),
    _sets('seconds', ('game_node', 'seconds')),
    _sets('targets', ('game_node', 'targets')),
    _sets('seed', ('game_node', 'seed')),
    _sets('baseline', ('game_node', 'baseline')),
    _sets('sounds', ('game_node', 'sounds')),
    Argument(
        'game',
        'Any further rules, for instance {countdown: 5, autostart: false}.',
        (('game_node', ''),),
        dict,
        tuple(rule.name for rule in settings_of(GameSettings)),
    ),
)
_INTERVIEW = (
    _sets('questions', ('interview_node', 'questions')),
    _sets('out', ('interview_node', 'out')),
    _sets('transcript', ('interview_node', 'transcript')),
    _sets('transcript_model', ('interview_node', 'transcript_model')),
)

_APPS = 'emotion_apps'
_ON_DEMAND = (
    NodeEntry('web_node', _APPS, on_demand=True),
    NodeEntry('interop_node', on_demand=True),
)
_FACE = (
    NodeEntry('camera_node', replaced_by='camera_topic'),
    NodeEntry('face_detector_node'),
    NodeEntry('fer_node'),
)
_VOICE = (
    NodeEntry('microphone_node', replaced_by='audio_topic'),
    NodeEntry('vad_node'),
    NodeEntry('ser_node'),
)
_BOTH = (*_FACE, *_VOICE, NodeEntry('fusion_node'))
_BOTH_ARGUMENTS = (
    *_CAMERA,
    *_MICROPHONE,
    _FUSION,
    _BALANCE['both'],
    _VIDEO,
    _LOOP,
    *_SCREEN,
)


def _view(screen: str) -> NodeEntry:
    return NodeEntry('view_node', _APPS, {'screen': screen})


GRAPHS: dict[str, Graph] = {
    graph.name: graph
    for graph in (
        Graph(
            'face',
            'Emotion from faces.',
            (*_FACE, _view('perception'), *_ON_DEMAND),
            (*_CAMERA, _BALANCE['face'], _LOOP_FACE, *_SCREEN, *_EXTRAS),
        ),
        Graph(
            'voice',
            'Emotion from voices.',
            (*_VOICE, *_ON_DEMAND),
            (*_MICROPHONE, _BALANCE['voice'], _LOOP_VOICE, *_EXTRAS),
        ),
        Graph(
            'perception',
            'Emotion from faces and voices, and both as one.',
            (*_BOTH, _view('perception'), *_ON_DEMAND),
            (*_BOTH_ARGUMENTS, *_EXTRAS),
        ),
        Graph(
            'multimodal',
            'The cycle: lock a face, hear a voice, show both.',
            (
                *_BOTH,
                NodeEntry('orchestrator_node', _APPS),
                _view('multimodal'),
                *_ON_DEMAND,
            ),
            (*_BOTH_ARGUMENTS, *_EXTRAS),
        ),
        # The score of a round is a mean: smoothing would only delay the bars, and carry the
        # face of before into the round. No target may be hard because it was rare in training.
        Graph(
            'game',
            'Facial Emotion Battle: two players, one camera.',
            (
                NodeEntry('camera_node', replaced_by='camera_topic'),
                NodeEntry('face_detector_node'),
                NodeEntry(
                    'fer_node', parameters={'smoother.method': 'none', 'class_balance': 1.0}
                ),
                NodeEntry('game_node', _APPS),
                _view('game'),
                *_ON_DEMAND,
            ),
            (
                *_CAMERA,
                _LOOP_FACE,
                *_SCREEN,
                *_GAME,
                *_EXTRAS,
            ),
        ),
        Graph(
            'interview',
            'Mock interview with feedback.',
            (
                *_BOTH,
                NodeEntry('interview_node', _APPS),
                _view('interview'),
                *_ON_DEMAND,
            ),
            (
                *_BOTH_ARGUMENTS,
                *_INTERVIEW,
                *_EXTRAS,
            ),
        ),
        # A page has a button for each application: none begins by itself.
        Graph(
            'web',
            'Perception and every application, in a browser.',
            (
                *_BOTH,
                NodeEntry('orchestrator_node', _APPS, {'autostart': False}),
                NodeEntry('game_node', _APPS, {'autostart': False}),
                NodeEntry('interview_node', _APPS, {'autostart': False}),
                _view('auto'),
                *_ON_DEMAND,
            ),
            (
                *_BOTH_ARGUMENTS,
                *_GAME,
                *_INTERVIEW,
                *_EXTRAS,
            ),
            {'web': 'true', 'camera': BROWSER, 'microphone': BROWSER, 'window': 'off'},
        ),
    )
}


PACKAGES = {entry.name: entry.package for graph in GRAPHS.values() for entry in graph.nodes}
"""The package of each node."""


def resolve(graph: Graph, values: Mapping[str, str]) -> list[NodeSetup]:
    """Return the nodes to start, for the arguments that were given.

    :param values: argument name -> text; an empty text counts as not given.
    :raises ArgumentError: for unknown names and for values an argument cannot have.
    """
    given = {name: text for name, text in values.items() if text != ''}
    known = {argument.name: argument for argument in (*graph.arguments, *COMMON)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ArgumentError(
            f'unknown argument {unknown[0]!r} of graph {graph.name!r}; '
            f'it takes: {", ".join(sorted(known))}'
        )
    if 'config' in given and not Path(given['config']).is_file():
        raise ArgumentError(f'config:={given["config"]}: there is no such file')
    remappings = {topic: given[name] for name, topic in _REMAPPINGS.items() if name in given}
    parsed = {name: known[name].parse(text) for name, text in _with_own(graph, given).items()}
    cameras = _cameras(parsed, given)
    started = {n for name, v in parsed.items() for wanted, n in known[name].starts if wanted == v}
    replaced = {
        n for name, v in parsed.items() for wanted, n in known[name].replaces if wanted == v
    }
    setups = []
    for entry in graph.nodes:
        if entry.replaced_by and entry.replaced_by in given:
            continue
        if entry.name in replaced or (entry.on_demand and entry.name not in started):
            continue
        parameters = dict(entry.parameters)
        if 'use_sim_time' in parsed:
            parameters['use_sim_time'] = parsed['use_sim_time']
        for name, value in parsed.items():
            for node, parameter in known[name].targets:
                if node == entry.name and isinstance(value, dict):
                    parameters.update(value)
                elif node == entry.name:
                    parameters[parameter] = value
            parameters.update(
                {
                    parameter: needed
                    for wanted, node, parameter, needed in known[name].needs
                    if node == entry.name and wanted == value
                }
            )
        setups.append(NodeSetup(entry.name, entry.package, parameters, remappings))
    return list(cameras.spread(setups)) if cameras else setups


def _cameras(parsed: dict[str, Any], given: Mapping[str, str]) -> Cameras | None:
    """Take the cameras out of the arguments, which must not speak of another one besides."""
    cameras = parsed.pop('cameras', None)
    if cameras is None:
        return None
    for name in ('camera', 'video'):
        if name in given:
            raise ArgumentError(
                f'cameras:= names the sources, as in cameras:={{front: 0, rear: rear.mp4}}: '
                f'leave out {name}:='
            )
    if given.get('camera_topic', '').startswith('/'):
        raise ArgumentError(
            f'camera_topic:={given["camera_topic"]}: with cameras:= it stands under the name of '
            'each camera (image_raw for /front/image_raw and /rear/image_raw), without / in front'
        )
    return cast(Cameras, cameras)


def _with_own(graph: Graph, given: Mapping[str, str]) -> dict[str, str]:
    """Add what the graph gives itself, save where something given stands in for it."""
    arguments = {argument.name: argument for argument in graph.arguments}
    set_by_user = {
        target for name in given if name in arguments for target in arguments[name].targets
    }
    elsewhere = {entry.name for entry in graph.nodes if entry.replaced_by in given}
    own = {
        name: text
        for name, text in graph.given.items()
        if not any(
            target in set_by_user or target[0] in elsewhere for target in arguments[name].targets
        )
    }
    return {**own, **given}
