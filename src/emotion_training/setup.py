"""Install the training and evaluation of the models."""

from setuptools import find_packages, setup

NAME = 'emotion_training'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={NAME: ['**/*.yaml']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    zip_safe=False,
    maintainer='The emotion perception team',
    maintainer_email='emotion-perception@example.org',
    description='Data sets, training and evaluation of the emotion models.',
    license='Apache-2.0',
)
