# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The ROS layer on real rclpy: parameters, images, the in-process bus, lifecycle, worker."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

from emotion_perception.ros import bus, convert
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.parameters import ConfigurationError, Parameters
from emotion_perception.ros.start import StartSettings
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.settings import Settings, part, setting
from emotion_perception.vision.encodings import ImageError


@dataclass(frozen=True)
class Inner(Settings):
    low: float = setting(1.0, 'Low.', live=True)
    high: float = setting(2.0, 'High.', live=True)

    def check(self) -> None:
        if self.low > self.high:
            raise ValueError('low is above high')


@dataclass(frozen=True)
class Outer(Settings):
    rate: float = setting(1.0, 'Rate, hertz.', low=0, high=5, live=True)
    kind: str = setting('good', 'Kind.', choices=('good', 'bad'))
    count: int = setting(3, 'Count.', low=1)
    names: tuple[str, ...] = setting((), 'Names.')
    inner: Inner = part(Inner)


@dataclass(frozen=True)
class ModelNodeSettings(StartSettings):
    kind: str = setting('good', 'Kind.', choices=('good', 'bad'))
    rate: float = setting(1.0, 'Rate, hertz.', low=0, high=5, live=True)


@pytest.fixture
def context() -> Iterator[rclpy.context.Context]:
    context = rclpy.context.Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


def spin_until(
    context: rclpy.context.Context,
    nodes: list[Node],
    done: Callable[[], bool],
    timeout: float = 10.0,
) -> bool:
    executor = SingleThreadedExecutor(context=context)
    for node in nodes:
        executor.add_node(node)
    end = time.monotonic() + timeout
    while not done() and time.monotonic() < end:
        executor.spin_once(0.05)
    executor.shutdown()
    return done()


def make(context: rclpy.context.Context, *arguments: str, name: str = 'n') -> Node:
    return rclpy.create_node(name, context=context, cli_args=['--ros-args', *arguments])


def picture(shape: tuple[int, ...] = (4, 6, 3)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_parameters_take_the_defaults_of_the_settings(context) -> None:
    node = make(context)
    assert Parameters(node, Outer).value == Outer()
    descriptor = node.describe_parameter('rate')
    assert descriptor.description == 'Rate, hertz.'
    assert descriptor.floating_point_range[0].to_value == 5.0


def test_a_whole_number_is_taken_for_a_float(context) -> None:
    node = make(context, '-p', 'rate:=2', '-p', 'names:=[a, b]')
    settings = Parameters(node, Outer).value
    assert settings.rate == 2.0
    assert settings.names == ('a', 'b')


@pytest.mark.parametrize('argument', ['rate:=9.0', 'kind:=ugly', 'count:=0', 'rate:=text'])
def test_a_wrong_start_value_is_named(context, argument: str) -> None:
    node = make(context, '-p', argument)
    with pytest.raises(ConfigurationError, match=f'n: parameter {argument.split(":")[0]}'):
        Parameters(node, Outer)


def test_live_settings_change_and_others_do_not(context) -> None:
    node = make(context)
    parameters = Parameters(node, Outer)
    heard: list[Outer] = []
    parameters.on_change(heard.append)
    assert node.set_parameters([Parameter('rate', value=4.0)])[0].successful
    assert heard[-1].rate == parameters.value.rate == 4.0
    assert not node.set_parameters([Parameter('rate', value=6.0)])[0].successful
    refused = node.set_parameters([Parameter('kind', value='bad')])[0]
    assert not refused.successful
    assert 'read-only' in refused.reason
    assert parameters.value.kind == 'good'


def test_parts_are_parameters_with_a_prefix_that_are_checked_together(context) -> None:
    node = make(context, '-p', 'inner.high:=3')
    parameters = Parameters(node, Outer)
    assert parameters.value.inner == Inner(high=3.0)
    refused = node.set_parameters([Parameter('inner.low', value=4.0)])[0]
    assert (refused.successful, refused.reason) == (False, 'low is above high')
    both = [Parameter('inner.low', value=4.0), Parameter('inner.high', value=5.0)]
    assert node.set_parameters_atomically(both).successful
    assert parameters.value.inner == Inner(4.0, 5.0)
    with pytest.raises(ConfigurationError, match='n: low is above high'):
        Parameters(make(context, '-p', 'inner.low:=9.0'), Outer)


def test_a_change_that_cannot_be_used_is_refused_with_the_reason(context) -> None:
    node = make(context)
    parameters = Parameters(node, Outer)

    def refuse(settings: Outer) -> None:
        raise RuntimeError('no file for this rate')

    parameters.on_change(refuse)
    refused = node.set_parameters([Parameter('rate', value=4.0)])[0]
    assert (refused.successful, refused.reason) == (False, 'no file for this rate')
    assert parameters.value.rate == node.get_parameter('rate').value == 1.0


def test_an_image_survives_the_way_there_and_back() -> None:
    for array in (picture(), picture()[:, ::2]):
        message = convert.array_to_image(array, Header())
        np.testing.assert_array_equal(convert.image_to_array(message), array)


@pytest.mark.parametrize(
    'change, text',
    [
        ({'encoding': 'nonsense'}, 'nonsense'),
        ({'step': 3}, 'step is 3'),
        ({'height': 9}, 'bytes of data'),
        ({'width': 0}, '0x4 pixels'),
    ],
)
def test_a_broken_image_names_what_is_wrong(change: dict[str, object], text: str) -> None:
    message = convert.array_to_image(picture(), Header())
    for key, value in change.items():
        setattr(message, key, value)
    with pytest.raises(ImageError, match=text):
        convert.image_to_array(message)


@pytest.mark.parametrize('seconds', [0.0, 1.999999999, 1795306652.550157827])
def test_stamps_survive_the_way_there_and_back(seconds: float) -> None:
    assert convert.to_seconds(convert.to_stamp(seconds)) == pytest.approx(seconds, abs=5e-7)


def test_a_box_beyond_the_picture_is_clipped() -> None:
    region = convert.to_region((-5.0, 10.0, 20.0, 100.0), 12, 50)
    assert (region.x_offset, region.y_offset, region.width, region.height) == (0, 10, 12, 40)


def test_the_bus_hands_over_the_object_and_goes_back_to_dds(context) -> None:
    here, there = make(context, name='here'), make(context, name='there')
    heard: list[Image] = []
    subscription = bus.BusSubscription(here, Image, 'picture', heard.append)
    outside = there.create_publisher(Image, 'picture', qos_profile_sensor_data)
    message = convert.array_to_image(picture(), Header(frame_id='dds'))

    def sent() -> bool:
        outside.publish(message)
        return bool(heard)

    assert spin_until(context, [here, there], sent), 'a best-effort driver must be heard'
    publisher = bus.BusPublisher(there, Image, 'picture')
    own = convert.array_to_image(picture(), Header(frame_id='bus'))
    heard.clear()
    publisher.publish(own)
    assert heard == [own]
    assert heard[0] is own
    publisher.destroy()
    heard.clear()
    assert spin_until(context, [here, there], sent)
    subscription.destroy()


def test_a_publisher_rests_only_while_everybody_does(context) -> None:
    here, there = make(context, name='here'), make(context, name='there')
    rests = [0.08, 0.05]
    publisher = bus.BusPublisher(there, Image, 'picture')
    assert publisher.rest() == 0.0
    both = [
        bus.BusSubscription(here, Image, 'picture', print, rest=rest)
        for rest in (lambda: rests[0], lambda: rests[1])
    ]
    assert publisher.rest() == 0.05
    rests[0] = 0.0
    assert publisher.rest() == 0.0
    rests[0] = 0.08
    outside = there.create_subscription(Image, 'picture', print, qos_profile_sensor_data)
    assert spin_until(context, [here, there], lambda: publisher.rest() == 0.0)
    there.destroy_subscription(outside)
    for subscription in both:
        subscription.destroy()
    publisher.destroy()


class Model(ModelNode[ModelNodeSettings, str]):
    """A node whose model is missing while ``kind`` is bad."""

    def __init__(self, context: rclpy.context.Context, *arguments: str) -> None:
        self.log: list[str] = []
        super().__init__(
            'model', ModelNodeSettings, context=context, cli_args=['--ros-args', *arguments]
        )

    def load(self, settings: ModelNodeSettings) -> str:
        if settings.kind == 'bad':
            raise ValueError('no weights')
        self.log.append('load')
        return 'weights'

    def start(self, loaded: str) -> Work:
        return Working(self.log, loaded)


class Working(Work):
    def __init__(self, log: list[str], loaded: str) -> None:
        self.log = log
        self.log.append(f'start with {loaded}')

    def stop(self) -> None:
        self.log.append('stop')

    def switched(self, enabled: bool) -> None:
        self.log.append(f'enabled {enabled}')


def test_a_model_node_starts_itself_and_cleans_up(context) -> None:
    node = Model(context)
    assert spin_until(context, [node], lambda: 'start with weights' in node.log)
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node.log == ['load', 'start with weights', 'stop']
    assert node.loaded is None
    node.trigger_configure()
    node.trigger_activate()
    node.destroy_node()
    assert node.log[3:] == ['load', 'start with weights', 'stop']


class Weights:
    """Stands for gigabytes and open files."""


class Circle(Work):
    def __init__(self, loaded: Weights) -> None:
        self.loaded, self.callback = loaded, self.stop

    def stop(self) -> None:
        pass


class Held(Model):
    def load(self, settings: ModelNodeSettings) -> Weights:
        return Weights()

    def start(self, loaded: Weights) -> Work:
        return Circle(loaded)


def test_a_model_is_freed_with_the_clean_up_although_its_work_refers_to_itself(context) -> None:
    node = Held(context, '-p', 'autostart:=false')
    node.trigger_configure()
    node.trigger_activate()
    weights = weakref.ref(node.loaded)
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert weights() is None


def test_a_model_that_an_executor_still_holds_is_freed_a_moment_later(context) -> None:
    node = Held(context, '-p', 'autostart:=false')
    node.trigger_configure()
    node.trigger_activate()
    weights = weakref.ref(node.loaded)
    held = [node._work]
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert weights() is not None
    gc.disable()
    try:
        held.clear()
        assert spin_until(context, [node], lambda: weights() is None)
    finally:
        gc.enable()
    node.destroy_node()


def test_a_model_node_that_is_destroyed_leaves_the_graph_at_once(context) -> None:
    observer = make(context, name='observer')
    gc.disable()
    try:
        node = Model(context, '-r', '__node:=leaver')
        assert spin_until(context, [observer], lambda: 'leaver' in observer.get_node_names())
        node.destroy_node()
        assert spin_until(context, [observer], lambda: 'leaver' not in observer.get_node_names())
    finally:
        gc.enable()


def test_a_model_node_without_weights_is_configured_later(context) -> None:
    node = Model(context, '-p', 'kind:=bad')
    assert spin_until(
        context, [node], lambda: node.report.warnings == 0 and node._next_step is None
    )
    assert node._state_machine.current_state[1] == 'unconfigured'
    assert node.set_parameters([Parameter('kind', value='good')])[0].successful
    node.trigger_configure()
    assert spin_until(context, [node], lambda: 'start with weights' in node.log)
    node.destroy_node()
    assert node.log[-1] == 'stop'


def test_a_model_node_takes_settings_that_are_not_live_only_while_unconfigured(context) -> None:
    node = Model(context)
    assert spin_until(context, [node], lambda: 'start with weights' in node.log)
    assert node.set_parameters([Parameter('rate', value=2.0)])[0].successful
    assert node.settings.rate == 2.0
    refused = node.set_parameters([Parameter('kind', value='bad')])[0]
    assert not refused.successful
    assert 'kind is read when the node is configured' in refused.reason
    assert 'ros2 lifecycle set /model deactivate, then cleanup' in refused.reason
    # What a file of all parameters says again is no change.
    assert node.set_parameters([Parameter('kind', value='good')])[0].successful
    node.trigger_deactivate()
    assert not node.set_parameters([Parameter('kind', value='bad')])[0].successful
    node.trigger_cleanup()
    assert node.set_parameters([Parameter('kind', value='bad')])[0].successful
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'unconfigured'
    node.destroy_node()


def test_the_parameter_enabled_and_the_service_enable_are_one_switch(context) -> None:
    node = Model(context, '-p', 'enabled:=false')
    assert not node.enabled
    client = make(context, name='client')
    enable = client.create_client(SetBool, '/model/enable')
    assert spin_until(context, [node], lambda: 'start with weights' in node.log)
    answer = enable.call_async(SetBool.Request(data=True))
    assert spin_until(context, [node, client], answer.done)
    assert node.enabled
    assert node.get_parameter('enabled').value is True
    assert node.set_parameters([Parameter('enabled', value=False)])[0].successful
    assert not node.enabled
    assert node.log[2:] == ['enabled True', 'enabled False']
    node.destroy_node()


def test_a_model_node_leaves_its_start_to_a_manager(context) -> None:
    node = Model(context, '-p', 'autostart:=false')
    node.trigger_configure()
    assert node._state_machine.current_state[1] == 'inactive'
    assert node.log == ['load']
    node.destroy_node()


def test_the_worker_takes_the_newest_and_survives_errors() -> None:
    started, go, done = threading.Event(), threading.Event(), threading.Event()
    seen: list[int] = []
    errors: list[Exception] = []

    def work(item: int) -> None:
        seen.append(item)
        if item == 1:
            started.set()
            go.wait(10)
            raise ValueError('bad item')
        done.set()

    worker = LatestWorker(work, errors.append)
    worker.put(1)
    assert started.wait(10)
    for item in (2, 3, 4):
        worker.put(item)
    go.set()
    assert done.wait(10)
    worker.stop()
    assert seen == [1, 4]
    assert worker.dropped == 2
    assert str(errors[0]) == 'bad item'


_INTERRUPTED = """
import os, signal, time
from rclpy.node import Node
from emotion_perception.ros.main import run

class Busy(Node):
    def __init__(self):
        super().__init__('busy')
        self.create_timer(0.01, self.work)
    def work(self):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        except KeyboardInterrupt:
            raise {error}('inside a library') from None

run(Busy)
"""


def test_an_interrupt_that_a_library_turns_into_another_error_is_no_failure():
    done = subprocess.run(
        [sys.executable, '-c', _INTERRUPTED.format(error='RuntimeError')],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, '')


def test_a_node_that_speaks_up_once_more_when_all_is_over_ends_quietly():
    late = _INTERRUPTED.format(error='KeyboardInterrupt').replace("('inside a library')", '()')
    late = late.replace(
        '\nrun(Busy)',
        """
    def destroy_node(self):
        while self.context.ok():
            time.sleep(0.01)
        self.last_words.publish(String())

def make():
    node = Busy()
    node.last_words = node.create_publisher(String, 'last_words', 1)
    return node

from std_msgs.msg import String
run(make)""",
    )
    done = subprocess.run([sys.executable, '-c', late], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, '')


def test_an_error_without_an_interrupt_is_a_failure():
    failing = _INTERRUPTED.format(error='RuntimeError').replace(
        'os.kill(os.getpid(), signal.SIGINT)', 'raise KeyError("a mistake")'
    )
    done = subprocess.run(
        [sys.executable, '-c', failing], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert 'a mistake' in done.stderr


def test_a_node_loads_no_library_that_only_others_need() -> None:
    program = (
        'import sys; import emotion_perception.nodes.fusion_node;'
        "print(*{'av', 'onnxruntime', 'http.client'} & sys.modules.keys())"
    )
    ran = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ''
