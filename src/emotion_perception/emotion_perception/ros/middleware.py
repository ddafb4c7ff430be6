# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What this package asks of Fast DDS beyond what rmw_fastrtps sets by itself.

**Queues.** By rmw_fastrtps's own choice (``PREALLOCATED_WITH_REALLOC``) Fast DDS keeps, for each
place in a topic's queue, room for the largest message that was ever there: twenty blocks of 20 MB
that wait in a queue of a hundred are 400 MB for as long as the subscription lives. With
``DYNAMIC`` a message's memory goes with the message.

**Discovery.** A process that begins asks who is there before it can hear the answers, and finds
those whose answer it missed when they next say so: every three seconds; here, every second.

Both stand in ``fastdds.xml``, beside this file.

https://fast-dds.docs.eprosima.com/en/latest/fastdds/dds_layer/core/policy/eprosimaExtensions.html
https://fast-dds.docs.eprosima.com/en/latest/fastdds/discovery/general_disc_settings.html
"""

from __future__ import annotations

import os
from importlib.resources import files

from emotion_perception.ros.distributions import FASTDDS_PROFILES

# Whoever chooses for himself is left alone.
_CHOICES = (
    'FASTDDS_DEFAULT_PROFILES_FILE',
    'FASTRTPS_DEFAULT_PROFILES_FILE',
    'RMW_FASTRTPS_USE_QOS_FROM_XML',
    'RMW_FASTRTPS_PUBLICATION_MODE',
)


def use_profile() -> None:
    """Set the profile for this process and those it starts; call it before rclpy is initialised.

    Nothing is set where the environment chooses a profile or a publication mode already.
    """
    if any(name in os.environ for name in _CHOICES):
        return
    # By one name: Fast DDS reads the files of both, and complains of a profile that comes twice.
    os.environ[FASTDDS_PROFILES] = str(files('emotion_perception').joinpath('ros/fastdds.xml'))
    os.environ['RMW_FASTRTPS_USE_QOS_FROM_XML'] = '1'
