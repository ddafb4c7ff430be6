"""The thin layer between the algorithms and ROS; besides it only ``nodes`` import ROS."""
