# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Install the applications: a folder each, with its node and its screen."""

from setuptools import find_packages, setup

NAME = 'emotion_apps'

# Executable: module and class of the node.
NODES = {
    'orchestrator_node': 'multimodal.node:OrchestratorNode',
    'game_node': 'game.node:GameNode',
    'interview_node': 'interview.node:InterviewNode',
    'view_node': 'viewer.node:ViewNode',
    'web_node': 'web.node:WebNode',
}
SCREENS = {
    'multimodal': 'multimodal.screen:MultimodalScreen',
    'game': 'game.screen:GameScreen',
    'interview': 'interview.screen:InterviewScreen',
}

setup(
    name=NAME,
    version='0.2.0',
    packages=find_packages(exclude=['test', 'test.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml', 'LICENSE']),
    ],
    # The page: what the server hands out.
    package_data={NAME: ['web/static/*', 'web/static/*/*']},
    zip_safe=False,
    # Without it `colcon test` would run nothing, and say OK.
    extras_require={'test': ['pytest'], 'analyze': ['pyarrow', 'fsspec']},
    maintainer='Emotion Perception Maintainers',
    maintainer_email='emotion-perception@users.noreply.github.com',
    description='Applications of emotion perception: multimodal cycle, game, mock interview.',
    license='Apache-2.0',
    license_files=['LICENSE'],
    entry_points={
        'console_scripts': [
            f'{node} = {NAME}.{place.partition(":")[0]}:main' for node, place in NODES.items()
        ],
        'emotion.nodes': [f'{node} = {NAME}.{place}' for node, place in NODES.items()],
        'emotion.screens': [f'{name} = {NAME}.{place}' for name, place in SCREENS.items()],
    },
)
