"""Emotion perception from faces and voices: algorithms, and the ROS 2 nodes around them.

Everything outside :mod:`emotion_perception.ros` and :mod:`emotion_perception.nodes` is the
algorithm layer: it takes and returns NumPy arrays and dataclasses and never imports ROS.
"""
