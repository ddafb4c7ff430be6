# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The command line: ``./emotion bag record|play|info``, with the options of ``ros2 bag``."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy
from rclpy.signals import SignalHandlerOptions

from emotion_bringup.bag.errors import BagError
from emotion_bringup.bag.offers import read_overrides, to_play
from emotion_bringup.bag.player import Player
from emotion_bringup.bag.progress import Progress, duration, size
from emotion_bringup.bag.reader import BagReader, Topic
from emotion_bringup.bag.recorder import Recorder
from emotion_bringup.bag.selection import PROFILES, Selection, profile_patterns
from emotion_bringup.bag.signals import stop_event
from emotion_bringup.bag.writer import COMPRESSIONS, BagWriter
from emotion_perception.ros.executor import NodeExecutor

_CLOCK_RATE = 40.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    :return: exit code: 0; 1 where something was lost; 2 where it could not be begun.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    ros: list[str] = []
    if '--ros-args' in given:
        at = given.index('--ros-args')
        given, ros = given[:at], given[at:]
    options = _parser().parse_args(given)
    try:
        verb: Callable[[argparse.Namespace, list[str]], int] = options.run
        return verb(options, ros)
    except BagError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2


def _record(options: argparse.Namespace, ros: list[str]) -> int:
    if not (options.topics or options.all or options.regex or options.profile):
        raise BagError('what is to be recorded? Name topics, a --profile, a -e pattern, or --all')
    patterns = [options.regex] if options.regex else []
    everything = options.all
    if options.profile:
        found = profile_patterns(options.profile)
        patterns += found
        everything = everything or not found
    selection = Selection(
        [] if everything else _absolute(options.topics),
        [] if everything else patterns,
        options.exclude,
    )
    overrides = read_overrides(options.qos) if options.qos else {}
    folder = Path(options.output or f'bag_{datetime.now():%Y_%m_%d-%H_%M_%S}')
    writer = BagWriter(folder, os.environ.get('ROS_DISTRO', ''), options.compression)
    with _node('bag_recorder', ros) as (node, stop):
        if options.use_sim_time:
            node.set_parameters([Parameter('use_sim_time', value=True)])
        recorder = Recorder(node, writer, selection, overrides, simulated=options.use_sim_time)
        progress = Progress()
        begun = time.monotonic()
        print(f'recording into {folder}; Ctrl-C ends it', file=sys.stderr)
        try:
            while not recorder.failure and not stop.wait(0.25):
                passed = time.monotonic() - begun
                progress.show(
                    f'{duration(passed)}, {len(recorder.topics)} topics, {writer.count} messages, '
                    f'{size(writer.path.stat().st_size)}'
                )
                if options.duration and passed >= options.duration:
                    break
        finally:
            recorder.close()
            progress.end()
    print(f'{folder}: {writer.count} messages of {len(recorder.topics)} topics', file=sys.stderr)
    if recorder.failure:
        print(f'error: the recording ended early: {recorder.failure}', file=sys.stderr)
    if recorder.dropped:
        print(f'error: {recorder.dropped} messages were lost: the disk is slow', file=sys.stderr)
    return 1 if recorder.failure or recorder.dropped else 0


def _play(options: argparse.Namespace, ros: list[str]) -> int:
    reader = BagReader(Path(options.bag))
    if not reader.count:
        raise BagError(f'{options.bag} holds no messages')
    if not reader.finished:
        print('the recording was not finished: it is played as far as it goes', file=sys.stderr)
    patterns = [options.regex] if options.regex else []
    selection = Selection(_absolute(options.topics), patterns, options.exclude)
    topics = [name for name in reader.topics if selection.takes(name)]
    remappings = dict(_remapping(text) for text in options.remap)
    overrides = read_overrides(options.qos) if options.qos else {}
    length = duration((reader.end - reader.start) * 1e-9)
    with _node('bag_player', ros) as (node, stop):
        player = Player(
            node,
            reader,
            topics,
            remappings=remappings,
            overrides=overrides,
            rate=options.rate,
            offset=options.start_offset,
            clock=options.clock,
        )
        progress = Progress()

        def tell() -> None:
            progress.show(f'{duration(player.position)} of {length}, {player.count} messages')

        player.play(stop, loop=options.loop, told=tell)
        progress.end()
        print(f'{player.count} messages were played', file=sys.stderr)
    return 0


def _info(options: argparse.Namespace, ros: list[str]) -> int:
    reader = BagReader(Path(options.bag))
    seconds = (reader.end - reader.start) * 1e-9
    print(f'files:     {", ".join(path.name for path in reader.paths)} (mcap)')
    print(f'size:      {size(reader.size)}')
    print(f'duration:  {duration(seconds)}')
    for name, stamp in (('start', reader.start), ('end', reader.end)):
        shown = datetime.fromtimestamp(stamp * 1e-9).isoformat(' ', 'milliseconds')
        print(f'{name + ":":10} {shown} ({stamp * 1e-9:.3f})')
    print(f'messages:  {reader.count}')
    if not reader.finished:
        print('           (the recording was not finished: this is what can be read)')
    print('topics:')
    for topic in sorted(reader.topics.values(), key=lambda topic: topic.name):
        print(f'  {topic.name}  {topic.kind}  {_describe(topic, seconds)}')
    return 0


def _describe(topic: Topic, seconds: float) -> str:
    parts = [f'{topic.count} messages']
    if topic.count > 1 and seconds > 0:
        parts.append(f'{topic.count / seconds:.1f} Hz')
    if topic.offers:
        profile = to_play(topic.offers)
        latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        parts.append(profile.reliability.name.lower() + (', latched' if latched else ''))
    return ', '.join(parts)


@contextmanager
def _node(name: str, ros: list[str]) -> Iterator[tuple[Node, threading.Event]]:
    """Give a node that is spun, and an event that Ctrl-C sets.

    A signal does no more than that: whatever is under way, a bag is closed in order.
    """
    rclpy.init(args=ros, signal_handler_options=SignalHandlerOptions.NO)
    stop = stop_event()
    node = rclpy.create_node(name)
    executor = NodeExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=_spin, args=(executor, stop), name='spin', daemon=True)
    thread.start()
    try:
        yield node, stop
    finally:
        executor.shutdown(timeout_sec=5.0)
        thread.join(5.0)
        node.destroy_node()
        rclpy.try_shutdown()


def _spin(executor: NodeExecutor, stop: threading.Event) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        stop.set()


def _absolute(topics: Sequence[str]) -> list[str]:
    return [topic if topic.startswith('/') else f'/{topic}' for topic in topics]


def _remapping(text: str) -> tuple[str, str]:
    before, sign, after = text.partition(':=')
    if not sign or not before or not after:
        raise BagError(f'{text!r}: a remapping has the form /old:=/new')
    return _absolute([before])[0], _absolute([after])[0]


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f'it must be above 0, not {text}')
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='emotion bag', description='Record, replay and look into bags (MCAP).'
    )
    verbs = parser.add_subparsers(required=True, metavar='{record,play,info}')

    record = verbs.add_parser('record', help='record topics until Ctrl-C')
    record.add_argument('topics', nargs='*', metavar='TOPIC')
    record.add_argument('-o', '--output', default='', metavar='FOLDER', help='the new bag')
    record.add_argument('-a', '--all', action='store_true', help='all topics that are not hidden')
    record.add_argument(
        '--profile',
        choices=PROFILES,
        help='results: no pictures, crops or sound of anybody; sound: the microphone and '
        'utterances, too; everything',
    )
    record.add_argument(
        '--compression', choices=COMPRESSIONS, default='none', help='default: %(default)s'
    )
    record.add_argument(
        '-d', '--duration', type=_positive, default=0.0, metavar='SECONDS', help='end by itself'
    )
    record.add_argument('--use-sim-time', action='store_true', help='file the messages by /clock')
    record.set_defaults(run=_record)

    play = verbs.add_parser('play', help='publish a bag again')
    play.add_argument('bag', help='folder of ros2 bag or emotion bag, or one .mcap file')
    play.add_argument('--topics', nargs='+', default=[], metavar='TOPIC')
    play.add_argument('-r', '--rate', type=_positive, default=1.0, help='default: %(default)s')
    play.add_argument('-l', '--loop', action='store_true', help='begin again at the end')
    play.add_argument(
        '--clock',
        type=_positive,
        nargs='?',
        const=_CLOCK_RATE,
        default=0.0,
        metavar='HZ',
        help=f'publish /clock ({_CLOCK_RATE:g} times a second), for nodes with use_sim_time',
    )
    play.add_argument('--start-offset', type=float, default=0.0, metavar='SECONDS')
    play.add_argument(
        '-m', '--remap', nargs='+', default=[], metavar='OLD:=NEW', help='other names'
    )
    play.set_defaults(run=_play)

    for verb in (record, play):
        verb.add_argument('-e', '--regex', default='', help='topics that have this in their name')
        verb.add_argument('-x', '--exclude', default='', metavar='REGEX', help='topics left out')
        verb.add_argument(
            '--qos-profile-overrides-path',
            dest='qos',
            default='',
            metavar='FILE',
            help='quality of service by topic, as ros2 bag takes it',
        )

    info = verbs.add_parser('info', help='say what a bag holds')
    info.add_argument('bag')
    info.set_defaults(run=_info)
    return parser
