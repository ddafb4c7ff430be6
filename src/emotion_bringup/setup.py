# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Install the graphs: launch files, configuration and the single-process runner."""

from glob import glob

from setuptools import find_packages, setup

NAME = 'emotion_bringup'

setup(
    name=NAME,
    version='0.2.0',
    packages=find_packages(exclude=['test', 'test.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml', 'LICENSE']),
        (f'share/{NAME}/launch', sorted(glob('launch/*.launch.py'))),
        (f'share/{NAME}/config', sorted(glob('config/*.yaml'))),
        *(
            (f'share/{NAME}/config/{tool}', sorted(glob(f'config/{tool}/*')))
            for tool in ('foxglove', 'plotjuggler', 'rosbag2', 'rviz')
        ),
    ],
    zip_safe=False,
    entry_points={
        'console_scripts': [
            'graph = emotion_bringup.runner:main',
            'policy = emotion_bringup.policy:main',
        ]
    },
    # Without it `colcon test` would run nothing, and say OK.
    extras_require={'test': ['pytest']},
    maintainer='Emotion Perception Maintainers',
    maintainer_email='emotion-perception@users.noreply.github.com',
    description='The graphs of emotion perception and how to start them.',
    license='Apache-2.0',
    license_files=['LICENSE'],
)
