"""The thin layer between the algorithms and ROS: the only place besides ``nodes`` that imports it."""
