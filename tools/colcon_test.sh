#!/usr/bin/env bash
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
# Run the packages' own tests with `colcon test`, in the workspace that `./emotion` makes:
# tools/colcon_test.sh [PACKAGE...]
set -euo pipefail
ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
. "$ROOT/tools/workspace.sh"

prepare_tests
test_environment
cd "$ROOT"
chosen=()
if [ $# -gt 0 ]; then chosen=(--packages-select "$@"); fi
bases=(--base-paths src weights --build-base "$ENV_DIR/build" --install-base "$ENV_DIR/install")
colcon() { python -I -W ignore -m colcon "$@"; }

# Results of an earlier run would count as this one's.
colcon --log-base "$ENV_DIR/log" test-result --test-result-base "$ENV_DIR/build" --delete-yes > /dev/null || true
# A package without a test of its own must not pass for tested: pytest says 5 there, and fails.
failed=0
colcon --log-base "$ENV_DIR/log" test "${bases[@]}" "${chosen[@]}" \
    --executor sequential --return-code-on-test-failure || failed=$?
colcon --log-base "$ENV_DIR/log" test-result --test-result-base "$ENV_DIR/build" --all || failed=$?
exit $failed
