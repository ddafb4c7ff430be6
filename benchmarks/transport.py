# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The bare transport: the graph's messages through as many processes, and no work in them.

``transport.py source|detector|fer FACES FPS`` runs one process of the chain.
"""

from __future__ import annotations

import sys

import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Face, FaceArray
from emotion_perception.ros import qos
from emotion_perception.ros.convert import array_to_image, image_to_array, to_prediction


def main(part: str, faces: int, fps: float) -> None:
    """Run one process until it is ended."""
    rclpy.init()
    node = rclpy.create_node(f'transport_{part}')
    crop = np.zeros((128, 128, 3), np.uint8)
    vector = np.full(6, 1 / 6, np.float32)
    if part == 'source':
        frame = np.zeros((480, 640, 3), np.uint8)
        images = node.create_publisher(Image, 'camera/image_raw', qos.IMAGE)

        def send() -> None:
            images.publish(array_to_image(frame, Header(stamp=node.get_clock().now().to_msg())))

        node.create_timer(1 / fps, send)
    elif part == 'detector':
        arrays = node.create_publisher(FaceArray, 'emotion/detections', qos.IMAGE)

        def on_image(message: Image) -> None:
            image_to_array(message)
            arrays.publish(
                FaceArray(
                    header=message.header,
                    faces=[
                        Face(id=f'face_{i}', crop=array_to_image(crop, message.header))
                        for i in range(faces)
                    ],
                )
            )

        node.create_subscription(Image, 'camera/image_raw', on_image, qos.IMAGE)
    else:
        single = node.create_publisher(EmotionPrediction, 'emotion/face', qos.RESULT)
        all_faces = node.create_publisher(EmotionPredictionArray, 'emotion/faces', qos.RESULT)

        def on_faces(message: FaceArray) -> None:
            predictions = [
                to_prediction(message.header, EmotionPrediction.FACE, face.id, vector)
                for face in message.faces
            ]
            single.publish(predictions[0])
            all_faces.publish(
                EmotionPredictionArray(header=message.header, predictions=predictions)
            )

        node.create_subscription(FaceArray, 'emotion/detections', on_faces, qos.IMAGE)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        # What is sent while a signal shuts the context down fails: that is no failure.
        if rclpy.ok():
            raise


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
