#!/usr/bin/env bash
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
# Write the exact versions again: requirements/pins.txt (a pip constraints file for every
# supported Python), ros-jazzy.txt and ros-kilted.txt. Needs `uv` on the path. Run it to move to
# newer releases, then run the whole suite on each Python and distribution.
set -euo pipefail
cd "$(dirname "$0")/../requirements"

compile() {  # compile OUT IN...: one resolution that holds for Python 3.10 to 3.13 on Linux
    local out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header "$@" |
        grep -v -E "^(cuda|nvidia|triton|pywin|pyreadline|colorama|httpx2-jsfetch)|sys_platform == '(win32|darwin)'" |
        sed "s/ ; sys_platform != 'emscripten' and sys_platform != 'win32'//; s/ and sys_platform != 'emscripten'//; s/ ; sys_platform != 'emscripten'//; s/ ; sys_platform != 'win32'//; s/ ; sys_platform == 'linux'//" |
        { echo "# Written by tools/lock.sh; do not edit."; cat; } > "$out.new"
    mv "$out.new" "$out"
}

# setuptools: see ros-jazzy.in. backports-strenum: later releases exclude Python 3.11 and newer.
# docutils: no later release is taken by all releases of Sphinx.
compile pins.txt runtime.txt test.txt transcript.txt training.txt \
    <(printf '%s\n' 'setuptools<80' 'backports-strenum<1.3' 'docutils<0.23')
compile ros-jazzy.txt ros-jazzy.in -c pins.txt
compile ros-kilted.txt ros-kilted.in -c pins.txt
