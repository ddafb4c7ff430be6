# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Install the application: its node, and its screen for the view."""

from setuptools import setup

NAME = 'mood_lamp'

setup(
    name=NAME,
    version='0.2.0',
    packages=[NAME],
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    zip_safe=False,
    extras_require={'test': ['pytest']},
    maintainer='Emotion Perception Maintainers',
    maintainer_email='emotion-perception@users.noreply.github.com',
    description='A lamp in the colour of the mood.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': ['mood_lamp_node = mood_lamp.node:main'],
        # By these two the runner finds the node, and the view its screen.
        'emotion.nodes': ['mood_lamp_node = mood_lamp.node:MoodLampNode'],
        'emotion.screens': ['mood_lamp = mood_lamp.screen:MoodLampScreen'],
    },
)
