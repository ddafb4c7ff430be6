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

_RESPAWN = Argument('respawn', 'Start a node again when it dies.', kind=bool)


def describe(name: str) -> LaunchDescription:
    """Return the launch description of a graph by name.

    An argument's default is empty: it leaves the node's own.
    """
    graph = GRAPHS[name]
    arguments = (*graph.arguments, *COMMON, _RESPAWN)
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

    values = {argument.name: given(argument.name) for argument in (*graph.arguments, *COMMON)}
    respawn = bool(_RESPAWN.parse(given('respawn') or 'false'))
    files = [given('config')] if given('config') else []
    log = ['--log-level', given('log_level')] if given('log_level') else []
    return [
        Node(
            package=setup.package,
            executable=setup.name,
            name=setup.name,
            namespace=given('namespace'),
            output='screen',
            respawn=respawn,
            respawn_delay=1.0,
            parameters=[
                *files,
                {
                    key: ParameterValue(value, value_type=_kind(value))
                    for key, value in setup.parameters.items()
                },
            ],
            remappings=list(setup.remappings.items()),
            ros_arguments=log,
        )
        for setup in resolve(graph, values)
    ]


def _kind(value: object) -> object:
    return list[str] if isinstance(value, list) else type(value)
