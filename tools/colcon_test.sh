#!/usr/bin/env bash
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
# Run the packages' own tests with `colcon test`, in the workspace that ./emotion has built:
# tools/colcon_test.sh [PACKAGE...]
set -euo pipefail
cd "$(dirname "$0")/.."
select=()
if [ $# -gt 0 ]; then select=(--packages-select "$@"); fi
exec ./emotion exec bash -c '
    bases=(--build-base "$EMOTION_ENV/build" --install-base "$EMOTION_ENV/install")
    colcon --log-base "$EMOTION_ENV/log" test --base-paths src weights underlay/audio_common_msgs \
        "${bases[@]}" --executor sequential "$@" &&
        colcon test-result --test-result-base "$EMOTION_ENV/build" --all
' colcon "${select[@]}"
