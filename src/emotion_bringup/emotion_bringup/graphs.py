"""The graphs: which nodes, with which arguments. The one truth for launch files and the runner.

No default of a parameter stands here: an argument that is not given leaves the node's own. The
module imports neither ``launch`` nor rclpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from emotion_apps.game.game import GameSettings
from emotion_perception.fusion.combine import METHODS
from emotion_perception.settings import settings_of


class ArgumentError(ValueError):
    """An argument is unknown or has a value it cannot have; the text says what is allowed."""


@dataclass(frozen=True)
class Argument:
    """A ``name:=value`` argument.

    :param doc: one sentence, with the unit.
    :param targets: the parameters it sets, as (node, parameter).
    :param kind: type of the parameters: bool, int, float, str, list for a list of strings
        (``a,b`` or a YAML list), or dict for any parameters of the nodes by name
        (``{name: value}``).
    :param choices: allowed values, or of a dict allowed names; empty for any.
    :param needs: what a value needs of other nodes: (value, node, parameter, its value) each.
    """

    name: str
    doc: str
    targets: tuple[tuple[str, str], ...] = ()
    kind: type = str
    choices: tuple[str, ...] = ()
    needs: tuple[tuple[str, str, str, object], ...] = ()

    def parse(self, text: str) -> object:
        """Return the value that a text on the command line stands for.

        :raises ArgumentError: if it is not one.
        """
        if self.choices and self.kind is not dict and text not in self.choices:
            raise ArgumentError(f'{self.name}:={text}: allowed are {", ".join(self.choices)}')
        if self.kind is str:
            return text
        if self.kind is list:
            return [part.strip() for part in text.strip('[]').split(',') if part.strip()]
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
        if self.kind is dict and not set(value) <= set(self.choices or value):
            unknown = sorted(set(value) - set(self.choices))[0]
            raise ArgumentError(
                f'{self.name}:={text}: there is no {unknown!r}; allowed are '
                f'{", ".join(self.choices)}'
            )
        return value


@dataclass(frozen=True)
class NodeEntry:
    """A node of a graph; the executable has the node's name.

    :param package: the ROS package that has the executable.
    :param parameters: what makes this graph differ from the node's defaults.
    :param replaced_by: an argument; where it is given, somebody else does this node's work.
    """

    name: str
    package: str = 'emotion_perception'
    parameters: Mapping[str, object] = field(default_factory=dict)
    replaced_by: str = ''


@dataclass(frozen=True)
class NodeSetup:
    """A node as it is to be started: :func:`resolve`'s result."""

    name: str
    package: str
    parameters: dict[str, object]
    remappings: dict[str, str]


@dataclass(frozen=True)
class Graph:
    """A graph by name."""

    name: str
    doc: str
    nodes: tuple[NodeEntry, ...]
    arguments: tuple[Argument, ...]


# Topic that an argument gives another name.
_REMAPPINGS = {
    'camera_topic': 'camera/image_raw',
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

_CAMERA = (
    Argument(
        'camera',
        'Camera index or device, video file, stream URL, picture or folder.',
        (('camera_node', 'source'),),
    ),
    Argument('camera_topic', 'Images of another driver: the topic; our camera is not started.'),
    Argument(
        'rate', 'Frames per second to take from the source.', (('camera_node', 'rate'),), float
    ),
    Argument(
        'detector',
        'Face detector.',
        (('face_detector_node', 'detector'),),
        choices=('blazeface', 'yunet', 'haar'),
    ),
    Argument(
        'fer_model',
        'FER model: name in the catalogue, file, directory or hub id.',
        (('fer_node', 'model'),),
    ),
)
_MICROPHONE = (
    Argument(
        'microphone',
        'Where sound comes from: microphone, or a sound file, a folder, a video.',
        (('microphone_node', 'source'),),
    ),
    Argument(
        'microphone_device',
        'Microphone by name (a part of it) or index.',
        (('microphone_node', 'device'),),
    ),
    Argument('audio_topic', 'Sound of another driver: the topic; our microphone is not started.'),
    Argument('audio_info_topic', 'AudioInfo of that driver.'),
    Argument(
        'vad',
        'Voice activity detector.',
        (('vad_node', 'vad'),),
        choices=('silero', 'webrtc', 'rms'),
    ),
    Argument(
        'ser_model',
        'SER model: name in the catalogue, file, directory or hub id.',
        (('ser_node', 'model'),),
    ),
    Argument(
        'voice_memory',
        'Utterances by which SER adapts to the voice it hears; 0: none.',
        (('ser_node', 'memory'),),
        int,
    ),
    Argument(
        'noise_suppression',
        'Suppress noise before SER.',
        (('ser_node', 'noise_suppression'),),
        choices=('off', 'rnnoise'),
    ),
)
_FUSION = Argument(
    'fusion_method',
    'How face and voice become one; network looks at embeddings too, which '
    'both recognisers then publish.',
    (('fusion_node', 'method'),),
    choices=METHODS,
    needs=tuple(('network', node, 'embedding', True) for node in ('fer_node', 'ser_node')),
)
_BALANCE = {
    modality: Argument(
        'class_balance',
        'Mixture of classes to answer for: 0 as in the training data, 1 all equally common.',
        tuple((node, 'class_balance') for node in nodes),
        float,
    )
    for modality, nodes in {
        'face': ('fer_node',),
        'voice': ('ser_node',),
        'both': ('fer_node', 'ser_node', 'fusion_node'),
    }.items()
}
_VIDEO = Argument(
    'video',
    'Video file: camera and microphone both play it.',
    (('camera_node', 'source'), ('microphone_node', 'source')),
)
_LOOP_FACE = Argument('loop', 'Start a file again at its end.', (('camera_node', 'loop'),), bool)
_LOOP_VOICE = Argument(
    'loop', 'Start a file again at its end.', (('microphone_node', 'loop'),), bool
)
_LOOP = Argument(
    'loop', 'Start files again at their end.', _LOOP_FACE.targets + _LOOP_VOICE.targets, bool
)
_WINDOW = Argument(
    'window',
    'Show a window: auto (where there is a display), on or off.',
    (('view_node', 'window'),),
    choices=('auto', 'on', 'off'),
)

_APPS = 'emotion_apps'
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


def _view(screen: str) -> NodeEntry:
    return NodeEntry('view_node', _APPS, {'screen': screen})


GRAPHS: dict[str, Graph] = {
    graph.name: graph
    for graph in (
        Graph(
            'face',
            'Emotion from faces.',
            (*_FACE, _view('perception')),
            (*_CAMERA, _BALANCE['face'], _LOOP_FACE, _WINDOW),
        ),
        Graph(
            'voice', 'Emotion from voices.', _VOICE, (*_MICROPHONE, _BALANCE['voice'], _LOOP_VOICE)
        ),
        Graph(
            'perception',
            'Emotion from faces and voices, and both as one.',
            (*_FACE, *_VOICE, NodeEntry('fusion_node'), _view('perception')),
            (*_CAMERA, *_MICROPHONE, _FUSION, _BALANCE['both'], _VIDEO, _LOOP, _WINDOW),
        ),
        Graph(
            'multimodal',
            'The cycle: lock a face, hear a voice, show both.',
            (
                *_FACE,
                *_VOICE,
                NodeEntry('fusion_node'),
                NodeEntry('orchestrator_node', _APPS),
                _view('multimodal'),
            ),
            (*_CAMERA, *_MICROPHONE, _FUSION, _BALANCE['both'], _VIDEO, _LOOP, _WINDOW),
        ),
        # The score of a round is a mean: smoothing would only delay the bars, and carry the
        # face of before into the round. No target may be hard because it was rare in training.
        Graph(
            'game',
            'Facial Emotion Battle: two players, one camera.',
            (
                NodeEntry('camera_node', replaced_by='camera_topic'),
                NodeEntry('face_detector_node'),
                NodeEntry('fer_node', parameters={'method': 'none', 'class_balance': 1.0}),
                NodeEntry('game_node', _APPS),
                _view('game'),
            ),
            (
                *_CAMERA,
                _LOOP_FACE,
                _WINDOW,
                Argument('rounds', 'Number of rounds.', (('game_node', 'rounds'),), int),
                Argument(
                    'seconds', 'Length of a round, seconds.', (('game_node', 'seconds'),), float
                ),
                Argument(
                    'targets',
                    'Classes to draw targets from, for instance Happy,Sad.',
                    (('game_node', 'targets'),),
                    list,
                ),
                Argument(
                    'seed',
                    'Order of the targets; negative for a random one.',
                    (('game_node', 'seed'),),
                    int,
                ),
                Argument(
                    'baseline',
                    "Subtract each player's neutral face.",
                    (('game_node', 'baseline'),),
                    bool,
                ),
                Argument(
                    'sounds',
                    'Play sounds for countdown and results.',
                    (('game_node', 'sounds'),),
                    bool,
                ),
                Argument(
                    'game',
                    'Any further rules, for instance {countdown: 5, auto_start: false}.',
                    (('game_node', ''),),
                    dict,
                    tuple(rule.name for rule in settings_of(GameSettings)),
                ),
            ),
        ),
        Graph(
            'interview',
            'Mock interview with feedback.',
            (
                *_FACE,
                *_VOICE,
                NodeEntry('fusion_node'),
                NodeEntry('interview_node', _APPS),
                _view('interview'),
            ),
            (
                *_CAMERA,
                *_MICROPHONE,
                _FUSION,
                _BALANCE['both'],
                _VIDEO,
                _LOOP,
                _WINDOW,
                Argument(
                    'questions', 'YAML file of questions.', (('interview_node', 'questions'),)
                ),
                Argument(
                    'out',
                    'Folder for the report; nothing is stored without it.',
                    (('interview_node', 'out'),),
                ),
            ),
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
    setups = []
    for entry in graph.nodes:
        if entry.replaced_by and entry.replaced_by in given:
            continue
        parameters = dict(entry.parameters)
        if 'use_sim_time' in given:
            parameters['use_sim_time'] = known['use_sim_time'].parse(given['use_sim_time'])
        for name, text in given.items():
            value = known[name].parse(text)
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
    return setups
