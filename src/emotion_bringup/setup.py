"""Install the graphs: launch files, configuration and the single-process runner."""

from glob import glob

from setuptools import find_packages, setup

NAME = 'emotion_bringup'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(exclude=['test', 'test.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        (f'share/{NAME}/launch', sorted(glob('launch/*.launch.py'))),
        (f'share/{NAME}/config', sorted(glob('config/*.yaml') + glob('config/*.rviz'))),
    ],
    zip_safe=False,
    maintainer='The emotion perception team',
    maintainer_email='emotion-perception@example.org',
    description='The graphs of emotion perception and how to start them.',
    license='Apache-2.0',
)
