# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A graph as a launch description: the body of every launch file."""

from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from emotion_bringup.graphs import COMMON, GRAPHS, Argument, Graph, resolve
from emotion_perception.ros.parent import end_with_me

_COMPOSED = Argument(
    'composed', 'One process for the whole graph; false starts a process a node.', kind=bool
)
_RESPAWN = Argument('respawn', 'Start a process again when it dies.', kind=bool)
_ENCLAVE = Argument(
    'enclave',
    'SROS2: path of the enclave of the process; with composed:=false, each node has one below it.',
)
# Seconds until then. One that cannot start takes longer to say so than to be started again.
_PAUSE = 0.2


def describe(name: str) -> LaunchDescription:
    """Return the launch description of a graph by name.

    An argument's default is empty: it leaves the node's own.
    """
    graph = GRAPHS[name]
    arguments = (*graph.arguments, *COMMON, _COMPOSED, _RESPAWN, _ENCLAVE)
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(
                    argument.name,
                    default_value='',
                    description=argument.describe(),
                    choices=(
                        ['', *argument.choices]
                        if argument.choices and argument.kind is not dict
                        else None
                    ),
                )
                for argument in arguments
            ),
            OpaqueFunction(function=_start, args=[graph]),
        ]
    )


def _start(context: LaunchContext, graph: Graph) -> list[Node]:
    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    names = [argument.name for argument in (*graph.arguments, *COMMON)]
    values = {name: given(name) for name in names if given(name)}
    setups = resolve(graph, values)
    common = {
        'output': 'screen',
        'respawn': bool(_RESPAWN.parse(given('respawn') or 'false')),
        'respawn_delay': _PAUSE,
        'additional_env': end_with_me(),
    }
    level = ['--log-level', values.pop('log_level')] if 'log_level' in values else []

    def ros_arguments(node: str = '') -> list[str]:
        path = given('enclave').rstrip('/')
        return [*level, '--enclave', path + node] if path else level

    namespace = values.pop('namespace', '')
    files = [values.pop('config')] if 'config' in values else []
    if _COMPOSED.parse(given('composed') or 'true'):
        # A name would be that of every node.
        return [
            Node(
                package='emotion_bringup',
                executable='graph',
                exec_name=graph.name,
                namespace=namespace,
                arguments=['--graph', graph.name, *(f'{k}:={text}' for k, text in values.items())],
                parameters=files,
                ros_arguments=ros_arguments(),
                **common,
            )
        ]
    return [
        Node(
            package=setup.package,
            executable=setup.name,
            name=setup.name,
            namespace='/'.join(filter(None, (namespace, setup.namespace))),
            parameters=[
                *files,
                {
                    key: ParameterValue(value, value_type=_kind(value))
                    for key, value in setup.parameters.items()
                },
            ],
            remappings=list(setup.remappings.items()),
            ros_arguments=ros_arguments(
                '/' + '/'.join(filter(None, (namespace.strip('/'), setup.path)))
            ),
            **common,
        )
        for setup in setups
    ]


def _kind(value: object) -> object:
    return list[str] if isinstance(value, list) else type(value)
