"""Install the algorithms and the nodes of emotion perception."""

from setuptools import find_packages, setup

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
}

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={NAME: ['**/*.ttf', '**/*.yaml', '**/*.html', '**/*.txt']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    zip_safe=False,
    maintainer='The emotion perception team',
    maintainer_email='emotion-perception@example.org',
    description='Emotions from faces and voices: algorithms and ROS 2 nodes.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [f'{node} = {NAME}.nodes.{node}:main' for node in NODES],
        'emotion.nodes': [f'{node} = {NAME}.nodes.{node}:{kind}' for node, kind in NODES.items()],
    },
)
