#!/usr/bin/env bash
# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
# Write the exact versions again: requirements/pins.txt, and in requirements/locked/ a list for
# each purpose with the SHA-256 of every file that may be installed. Needs `uv` on the path.
#
#   tools/lock.sh           move to newer releases; then run the suite on each Python and
#                           distribution
#   tools/lock.sh --same    keep every version that is there, after a range was added or removed
set -euo pipefail
cd "$(dirname "$0")/../requirements"
tools=$PWD/../tools

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
same=()
if [ "${1:-}" = --same ]; then
    cat pins.txt > "$work/same.txt"
    same=(-c "$work/same.txt")
fi

compile() {  # one resolution that holds for Python 3.10 to 3.13
    uv pip compile --quiet --universal --python-version 3.10 --no-annotate --no-header "$@"
}

# setuptools: see ros-jazzy.in. backports-strenum: later releases exclude Python 3.11 and newer.
# docutils: no later release is taken by all releases of Sphinx.
printf '%s\n' 'setuptools<80' 'backports-strenum<1.3' 'docutils<0.23' > "$work/held.txt"
compile "${same[@]}" -c "$work/held.txt" \
    build.txt runtime.txt opencv.txt test.txt transcript.txt training.txt |
    grep -v -E "^(cuda|nvidia|triton|pywin|pyreadline|colorama|httpx2-jsfetch)|sys_platform == '(win32|darwin)'" |
    sed "s/ ; sys_platform != 'emscripten' and sys_platform != 'win32'//; s/ and sys_platform != 'emscripten'//; s/ ; sys_platform != 'emscripten'//; s/ ; sys_platform != 'win32'//; s/ ; sys_platform == 'linux'//" |
    { echo "# Written by tools/lock.sh; do not edit."; cat; } > "$work/pins.txt"
cp "$work/pins.txt" pins.txt

# OpenCV and PyTorch have lists of their own or none: each comes in several builds, of which one
# is chosen at installation.
BUILDS='opencv-python(-headless)?|torch|torchvision|(cuda|nvidia|triton).*'

lock() {  # lock NAME WITHOUT REQUIREMENTS...
    local name=$1 without=$2 kept=()
    shift 2
    # What pins.txt does not name, ROS 2 and the audit's tools, is in the list alone.
    if [ ${#same[@]} -gt 0 ] && [ -e "locked/$name.txt" ]; then kept=(-c "locked/$name.txt"); fi
    compile --format pylock.toml -c pins.txt "${kept[@]}" "$@" -o "$work/pylock.toml" > /dev/null
    uv run --quiet --no-project --python '>=3.11' --with packaging \
        python -I "$tools/hashes.py" "$work/pylock.toml" --without "$without" > "$work/list.txt"
    mkdir -p locked
    cp "$work/list.txt" "locked/$name.txt"
}

opencv=$(sed -n 's/^opencv-python==//p' pins.txt)
echo "opencv-python-headless==$opencv" > "$work/headless.txt"
lock build '' build.txt
for distro in jazzy kilted; do lock "ros-$distro" '' "ros-$distro.in"; done
lock runtime "$BUILDS" runtime.txt
lock runtime-no-deps '' --no-deps runtime-no-deps.txt
lock opencv '' --no-deps opencv.txt
lock opencv-headless '' --no-deps "$work/headless.txt"
for name in test analyze cluster transcript training; do lock $name "$BUILDS" $name.txt; done
lock training-no-deps '' --no-deps training-no-deps.txt
lock audit '' audit.txt
