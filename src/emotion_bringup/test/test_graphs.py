# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The description of the graphs, the command line of the runner, and the nodes' parameters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from emotion_bringup.graphs import COMMON, GRAPHS, PACKAGES, SETTINGS, ArgumentError, resolve
from emotion_bringup.process import GraphProcess, make_node, node_class
from emotion_bringup.reference import main as check_reference
from emotion_bringup.runner import global_arguments, main, show, split
from emotion_perception.settings import settings_of

NODES = sorted(PACKAGES)


@pytest.fixture(scope='module')
def parameters() -> Iterator[dict[str, dict[str, rclpy.Parameter]]]:
    """Return the parameters that each node declares, from the real nodes."""
    context = rclpy.context.Context()
    rclpy.init(context=context)
    declared = {}
    for name in NODES:
        node = node_class(PACKAGES[name], name)(context=context)
        declared[name] = {key: node.get_parameter_or(key) for key in node._parameters}
        node.destroy_node()
    context.try_shutdown()
    yield declared


def test_every_argument_sets_a_parameter_that_the_node_has(parameters) -> None:
    for graph in GRAPHS.values():
        for argument in graph.arguments:
            for node, parameter in argument.targets:
                if argument.kind is not dict:
                    assert parameter in parameters[node], f'{graph.name}: {argument.name}'
            for _, node, parameter, _ in argument.needs:
                assert parameter in parameters[node], f'{graph.name}: {argument.name}'
        for entry in graph.nodes:
            for parameter in entry.parameters:
                assert parameter in parameters[entry.name], f'{graph.name}: {entry.name}'


def test_every_argument_has_the_type_of_its_parameter(parameters) -> None:
    kinds = {bool: 'BOOL', int: 'INTEGER', float: 'DOUBLE', str: 'STRING', list: 'STRING_ARRAY'}
    for graph in GRAPHS.values():
        for argument in graph.arguments:
            for node, parameter in argument.targets:
                if argument.kind in kinds:
                    declared = parameters[node][parameter].type_.name
                    assert declared == kinds[argument.kind], f'{graph.name}: {argument.name}'


@pytest.mark.parametrize('name', NODES)
def test_a_node_declares_its_settings_and_nothing_else(name, parameters) -> None:
    settings = {item.name: item for item in settings_of(SETTINGS[name])}
    ros = ('use_sim_time', 'start_type_description_service')
    assert set(settings) == {
        key for key in parameters[name] if key not in ros and not key.startswith('qos_overrides')
    }
    for key, item in settings.items():
        value = parameters[name][key].value
        assert (tuple(value) if item.is_tuple else value) == item.default, key


def test_one_word_has_one_meaning_in_all_nodes() -> None:
    """A parameter of one name is of one type wherever it stands, units in seconds included."""
    kinds: dict[str, set[type]] = {}
    for cls in SETTINGS.values():
        for item in settings_of(cls):
            kinds.setdefault(item.name, set()).add(item.kind)
    mixed = {name for name, found in kinds.items() if len(found) > 1}
    # Frames a second and samples a second, as camera and sound drivers call them.
    assert mixed == {'rate'}


def test_nothing_given_leaves_the_nodes_their_defaults() -> None:
    for graph in GRAPHS.values():
        if graph.given:
            continue
        for setup, entry in zip(resolve(graph, {}), graph.nodes):
            assert setup.parameters == dict(entry.parameters)
            assert setup.remappings == {}


def test_every_graph_serves_the_page_when_it_is_asked_to() -> None:
    for graph in GRAPHS.values():
        given = {'web': 'true', 'web_port': '9000'}
        setups = {setup.name: setup for setup in resolve(graph, given)}
        assert setups['web_node'].parameters['port'] == 9000
        if not graph.given:
            assert 'web_node' not in {setup.name for setup in resolve(graph, {'web': 'false'})}


def test_a_browser_as_camera_replaces_ours_and_brings_the_page_along() -> None:
    setups = {s.name: s for s in resolve(GRAPHS['multimodal'], {'camera': 'browser'})}
    assert 'camera_node' not in setups
    assert 'microphone_node' in setups
    assert setups['web_node'].parameters == {'camera': True}
    both = {'camera': 'browser', 'microphone': 'browser'}
    setups = {s.name: s for s in resolve(GRAPHS['multimodal'], both)}
    assert 'microphone_node' not in setups
    assert setups['web_node'].parameters == {'camera': True, 'microphone': True}


def test_the_graph_of_the_page_takes_a_browser_unless_something_else_is_given() -> None:
    setups = {setup.name: setup for setup in resolve(GRAPHS['web'], {})}
    assert setups['web_node'].parameters == {'camera': True, 'microphone': True}
    assert not {'camera_node', 'microphone_node'} & set(setups)
    setups = {setup.name: setup for setup in resolve(GRAPHS['web'], {'camera': '0'})}
    assert setups['camera_node'].parameters == {'source': '0'}
    assert setups['web_node'].parameters == {'microphone': True}
    setups = {setup.name: setup for setup in resolve(GRAPHS['web'], {'video': 'a.mp4'})}
    assert setups['microphone_node'].parameters == {'source': 'a.mp4'}
    assert setups['web_node'].parameters == {}
    given = {'camera_topic': '/front/image_raw'}
    setups = {setup.name: setup for setup in resolve(GRAPHS['web'], given)}
    assert 'camera_node' not in setups
    assert setups['web_node'].parameters == {'microphone': True}


def test_a_video_feeds_camera_and_microphone() -> None:
    setups = {s.name: s for s in resolve(GRAPHS['multimodal'], {'video': 'a.mp4', 'loop': 'true'})}
    for name in ('camera_node', 'microphone_node'):
        assert setups[name].parameters == {'source': 'a.mp4', 'loop': True}


def test_all_that_recognise_answer_for_the_mixture_of_classes_that_is_asked_for() -> None:
    wanted = {
        'face': ('fer_node',),
        'voice': ('ser_node',),
        **dict.fromkeys(
            ('perception', 'multimodal', 'interview'), ('fer_node', 'ser_node', 'fusion_node')
        ),
    }
    for name, nodes in wanted.items():
        setups = resolve(GRAPHS[name], {'class_balance': '0.25'})
        given = {item.name for item in setups if item.parameters.get('class_balance') == 0.25}
        assert given == set(nodes), name


def test_a_game_is_always_played_for_equally_common_classes() -> None:
    setups = {item.name: item.parameters for item in resolve(GRAPHS['game'], {})}
    assert setups['fer_node']['class_balance'] == 1.0
    with pytest.raises(ArgumentError, match="unknown argument 'class_balance'"):
        resolve(GRAPHS['game'], {'class_balance': '0'})


def test_fusion_by_network_makes_both_recognisers_publish_embeddings() -> None:
    for name in ('perception', 'multimodal', 'interview'):
        for method, wanted in (('network', {'embedding': True}), ('stacker', {})):
            setups = {
                setup.name: setup.parameters
                for setup in resolve(GRAPHS[name], {'fusion_method': method})
            }
            assert setups['fusion_node'] == {'method': method}
            assert setups['fer_node'] == setups['ser_node'] == wanted


def test_a_robot_without_a_screen_has_no_view() -> None:
    for graph in GRAPHS.values():
        if 'view' in {argument.name for argument in graph.arguments}:
            assert 'view_node' not in {item.name for item in resolve(graph, {'view': 'false'})}
            assert 'view_node' in {item.name for item in resolve(graph, {'view': 'true'})}


def test_a_camera_number_stays_a_text() -> None:
    setups = resolve(GRAPHS['face'], {'camera': '0', 'rate': '15'})
    assert setups[0].parameters == {'source': '0', 'rate': 15.0}


def test_rules_of_the_game_in_braces_become_parameters_of_its_node() -> None:
    values = {'rounds': '3', 'game': '{countdown: 5, targets: [Happy, Sad]}'}
    setups = {setup.name: setup for setup in resolve(GRAPHS['game'], values)}
    assert setups['game_node'].parameters == {
        'rounds': 3,
        'countdown': 5,
        'targets': ['Happy', 'Sad'],
    }
    for wrong in ('{countdown', '3', 'quick'):
        with pytest.raises(ArgumentError, match='in braces'):
            resolve(GRAPHS['game'], {'game': wrong})
    with pytest.raises(ArgumentError, match=r"no 'colour'; allowed are rounds, .*baseline"):
        resolve(GRAPHS['game'], {'game': '{colour: red, seed: 1}'})


def test_another_driver_replaces_our_camera() -> None:
    setups = resolve(GRAPHS['face'], {'camera_topic': '/front/image_raw'})
    assert next(s.name for s in setups) == 'face_detector_node'
    assert setups[0].remappings == {'camera/image_raw': '/front/image_raw'}


@pytest.mark.parametrize(
    'values, text',
    [
        ({'colour': 'red'}, 'it takes: .*camera'),
        ({'rounds': 'many'}, 'a whole number'),
        ({'window': 'big'}, r"allowed: \['auto', 'on', 'off'\]"),
        ({'rounds': '0'}, 'at least 1'),
        ({'targets': 'Happy,Sad', 'rate': '-1'}, 'at least 0'),
        ({'loop': '1'}, 'true or false'),
        ({'config': '/nowhere.yaml'}, 'no such file'),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(values, text) -> None:
    with pytest.raises(ArgumentError, match=text):
        resolve(GRAPHS['game'], values)


def test_the_command_line_is_split() -> None:
    for name in (['game'], ['--graph', 'game']):
        assert split([*name, 'rounds:=3', '--ros-args', '-r', 'a:=b']) == (
            'game',
            {'rounds': '3'},
            ['-r', 'a:=b'],
        )
    assert global_arguments({'namespace': '/r1/', 'log_level': 'warn'}, ['-r', 'a:=b']) == [
        '--ros-args',
        '-r',
        '__ns:=/r1',
        '--log-level',
        'warn',
        '-r',
        'a:=b',
    ]


@pytest.mark.parametrize(
    'line', [[], ['nothing'], ['--graph'], ['game', 'rounds'], ['game', 'x:=1']]
)
def test_a_wrong_command_line_ends_with_two(line, capsys) -> None:
    assert main(line) == 2
    assert 'error: ' in capsys.readouterr().err


def test_arguments_are_shown_with_their_description() -> None:
    for graph in GRAPHS.values():
        text = show(graph)
        for argument in (*graph.arguments, *COMMON):
            assert f'  {argument.name}:=' in text
            assert argument.doc.endswith('.')
            assert argument.describe() in text
    assert 'default blazeface' in show(GRAPHS['face'])
    assert 'product, mean, stacker, network' in show(GRAPHS['perception'])
    assert '1 to 30' in show(GRAPHS['game'])


def test_a_wrong_parameter_ends_the_runner_with_one_line() -> None:
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'emotion_bringup.runner',
            'voice',
            'microphone:=nowhere.wav',
            '--ros-args',
            '-p',
            'vad_node:segment.threshold:=7.0',
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert 'error: vad_node: parameter segment.threshold' in done.stderr
    assert 'Traceback' not in done.stderr


def test_an_interrupt_while_nodes_are_made_closes_those_that_are(monkeypatch) -> None:
    closed = []

    def make(setup: SimpleNamespace, *_: object) -> SimpleNamespace:
        if setup.path == 'second':
            raise KeyboardInterrupt
        return SimpleNamespace(destroy_node=lambda: closed.append(setup.path))

    monkeypatch.setattr('emotion_bringup.process.make_node', make)
    setups = [SimpleNamespace(path=name) for name in ('first', 'second')]
    with pytest.raises(KeyboardInterrupt):
        GraphProcess(setups)
    assert closed == ['first']


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_runner_cleanly(sign) -> None:
    process = subprocess.Popen(
        [sys.executable, '-m', 'emotion_bringup.runner', 'voice', 'microphone:=nowhere.wav'],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A job in the background inherits that SIGINT is ignored; a user's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, 'RCUTILS_LOGGING_USE_STDOUT': '1', 'PYTHONUNBUFFERED': '1'},
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if 'microphone_node' in line:
                break
        process.send_signal(sign)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, ''.join(lines) + output
    assert 'Traceback' not in output


def test_each_launch_file_stands_for_a_graph() -> None:
    files = {
        p.name.split('.')[0] for p in (Path(__file__).parents[1] / 'launch').glob('*.launch.py')
    }
    assert files == set(GRAPHS)


def test_the_docs_list_the_parameters_that_the_nodes_have(capsys) -> None:
    docs = Path(__file__).parents[3] / 'docs' / 'parameters.md'
    assert check_reference(['--check', str(docs)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    'name', ['12:30.mp4', '😀.mp4', '-x.mp4', 'a b: {c}.mp4', '"q\'.mp4', 'http:x.mp4', '0', '~x']
)
def test_the_name_of_a_file_reaches_the_nodes_unharmed(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    context = rclpy.context.Context()
    rclpy.init(context=context)
    try:
        for setup in resolve(GRAPHS['perception'], {'video': path}):
            if setup.name in ('camera_node', 'microphone_node'):
                node = make_node(setup, context)
                assert node.get_parameter('source').value == path
                node.destroy_node()
    finally:
        context.try_shutdown()
