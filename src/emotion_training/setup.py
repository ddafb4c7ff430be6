# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Install the training and evaluation of the models."""

from setuptools import find_packages, setup

NAME = 'emotion_training'

setup(
    name=NAME,
    version='0.2.0',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={NAME: ['**/*.yaml']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml', 'LICENSE']),
    ],
    zip_safe=False,
    # Without it `colcon test` would run nothing, and say OK.
    extras_require={'test': ['pytest']},
    maintainer='Emotion Perception Maintainers',
    maintainer_email='emotion-perception@users.noreply.github.com',
    description='Data sets, training and evaluation of the emotion models.',
    license='Apache-2.0',
    license_files=['LICENSE'],
)
