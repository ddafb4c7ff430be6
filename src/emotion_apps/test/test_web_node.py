# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The server on a real graph and real sockets: what it lets in, hands out, and publishes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_apps.interview.node import InterviewNode
from emotion_apps.web.limits import LONGEST_PICTURE, MISTAKES
from emotion_apps.web.node import WebNode
from emotion_apps.web.protocol import VERSION
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray
from emotion_perception.nodes.fer_node import FerNode
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusPublisher
from emotion_perception.ros.convert import array_to_image, to_prediction, to_region, to_seconds
from emotion_perception.ros.parameters import ConfigurationError
from support.client import Watch

# A page's clock, as far from this machine's as it likes.
PAGE_CLOCK = -12345.0


class Graph:
    """The server in a graph, and a node that plays the rest of the robot."""

    def __init__(self, domain: int, *arguments: str) -> None:
        self.context = rclpy.context.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('robot', context=self.context)
        self.web = WebNode(context=self.context, cli_args=self._arguments('port:=0', *arguments))
        self.nodes = [self.web, self.node]
        self.threads = []
        self.executors = []
        # As every node of one process: pictures are handed over as objects.
        self.images = BusPublisher(self.node, Image, 'camera/image_raw')
        self.faces = self.node.create_publisher(
            EmotionPredictionArray, 'emotion/faces', qos.RESULT
        )
        for node in self.nodes:
            self._spin(node)

    @staticmethod
    def _arguments(*arguments: str) -> list[str]:
        pairs = [part for argument in arguments for part in ('-p', argument)]
        return ['--ros-args', *pairs]

    def add(self, make: Callable[..., object], *arguments: str) -> object:
        node = make(context=self.context, cli_args=self._arguments(*arguments))
        self.nodes.append(node)
        self._spin(node)
        return node

    def _spin(self, node) -> None:
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(node)

        def spin() -> None:
            with contextlib.suppress(ExternalShutdownException):
                executor.spin()

        self.executors.append(executor)
        self.threads.append(threading.Thread(target=spin, daemon=True))
        self.threads[-1].start()

    def watch(self, topic: str, kind: type, profile=None) -> Watch:
        watch = Watch(topic, lambda: None)
        self.node.create_subscription(kind, topic, watch.add, profile or qos.AUDIO)
        return watch

    def close(self) -> None:
        for executor in self.executors:
            executor.shutdown()
        for thread in self.threads:
            thread.join(5.0)
        self.images.destroy()
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()

    def show(self, number: int) -> Header:
        """Publish a frame and its faces."""
        header = Header(stamp=self.node.get_clock().now().to_msg(), frame_id='camera')
        picture = np.full((480, 640, 3), number % 200, np.uint8)
        prediction = to_prediction(
            header,
            EmotionPrediction.FACE,
            'face_1',
            np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.1], np.float32),
            region=to_region((100, 100, 200, 200), 640, 480),
        )
        self.images.publish(array_to_image(picture, header))
        self.faces.publish(
            EmotionPredictionArray(header=header, predictions=[prediction], primary_id='face_1')
        )
        return header


class Page:
    """A page, as far as the server sees one."""

    def __init__(self, session: aiohttp.ClientSession, connection) -> None:
        self.session = session
        self.connection = connection
        self.number = 0
        self.requests = 0
        self.waiting: list = []
        self.answers_clock = True

    @property
    def now(self) -> float:
        return time.monotonic() + PAGE_CLOCK

    async def receive(self, timeout: float = 10.0):
        """Return the next message; questions after the clock are answered on the way."""
        while True:
            message = await self.connection.receive(timeout)
            if message.type == aiohttp.WSMsgType.BINARY:
                return message.data
            if message.type != aiohttp.WSMsgType.TEXT:
                raise ConnectionError(f'{message.type}: {self.connection.close_code}')
            data = json.loads(message.data)
            if data['type'] == 'clock' and self.answers_clock:
                await self.send(type='clock', number=data['number'], time=self.now)
                continue
            return data

    async def until(self, wanted: Callable[[object], bool], timeout: float = 15.0):
        """Return the first message that is wanted, of those that were left out before or come."""
        for number, message in enumerate(self.waiting):
            if wanted(message):
                return self.waiting.pop(number)
        end = time.monotonic() + timeout
        while True:
            message = await self.receive(max(0.1, end - time.monotonic()))
            if wanted(message):
                return message
            self.waiting.append(message)

    async def of(self, kind: str, timeout: float = 15.0, **fields) -> dict:
        return await self.until(
            lambda m: (
                isinstance(m, dict)
                and m['type'] == kind
                and all(m.get(name) == value for name, value in fields.items())
            ),
            timeout,
        )

    async def send(self, **message) -> None:
        await self.connection.send_str(json.dumps(message))

    async def ask(self, **message) -> dict:
        self.requests += 1
        await self.send(id=self.requests, **message)
        return await self.of('reply', id=self.requests, timeout=30.0)

    async def call(self, name: str, /, **values) -> dict:
        return await self.ask(type='call', place=0, name=name, values=values)

    async def claim(self, key: str = 'key') -> dict:
        return await self.ask(type='claim', key=key, camera=True, microphone=True)

    async def know_clock(self) -> None:
        """Answer a few questions after the clock."""
        for _ in range(3):
            self.answers_clock = False
            question = await self.of('clock')
            await self.send(type='clock', number=question['number'], time=self.now)
        self.answers_clock = True

    async def send_picture(self, number: int, value: int, taken: float) -> None:
        picture = np.full((120, 160, 3), value, np.uint8)
        jpeg = cv2.imencode('.jpg', picture)[1].tobytes()
        await self.connection.send_bytes(struct.pack('<BxHId', 1, 0, number, taken) + jpeg)

    async def send_sound(self, first: int, samples: np.ndarray, handed_over: float) -> None:
        head = struct.pack('<BBHIdQ', 2, 1, 0, 16000, handed_over, first)
        await self.connection.send_bytes(head + samples.astype('<i2').tobytes())


@contextlib.asynccontextmanager
async def page(graph: Graph, *, origin: str | None = None, hello: bool = True) -> AsyncIterator:
    url = f'http://127.0.0.1:{graph.web.port}'
    async with aiohttp.ClientSession() as session:
        connection = await session.ws_connect(
            f'{url}/socket', origin=origin or url, heartbeat=None, max_msg_size=0
        )
        async with connection:
            opened = Page(session, connection)
            if hello:
                told = await opened.of('hello')
                assert told['version'] == VERSION
                opened.number = told['number']
            yield opened


@pytest.fixture
def graph(ros_domain: int) -> Iterator[Graph]:
    made = Graph(ros_domain, 'camera:=true', 'microphone:=true', 'clients:=6')
    yield made
    made.close()


def base(graph: Graph) -> str:
    return f'http://127.0.0.1:{graph.web.port}'


# Who is let in.


def test_files_are_handed_out_with_a_strict_policy_and_nothing_beside_them(graph) -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            for path in ('/', '/palette.css', '/static/js/main.js', '/static/texts/de.json'):
                async with session.get(base(graph) + path) as answer:
                    assert answer.status == 200, path
                    assert "default-src 'none'" in answer.headers['Content-Security-Policy']
                    assert answer.headers['X-Content-Type-Options'] == 'nosniff'
                    assert 'Access-Control-Allow-Origin' not in answer.headers
                    assert await answer.text()
            for path in ('/static/../node.py', '/static/%2e%2e/node.py', '/static/', '/etc'):
                async with session.get(base(graph) + path) as answer:
                    assert answer.status in (403, 404), path

    asyncio.run(scenario())


def test_other_hosts_and_other_origins_are_refused(graph) -> None:
    async def scenario() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.get(base(graph), headers={'Host': 'evil.example'}) as answer:
                assert answer.status == 421
            for origin in ('http://evil.example', 'null', 'http://127.0.0.1:1'):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(base(graph) + '/socket', origin=origin)
                assert refused.value.status == 403
            async with session.post(
                base(graph) + '/play', data=b'x', headers={'Origin': 'http://evil.example'}
            ) as answer:
                assert answer.status == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(base(graph) + '/socket')

    asyncio.run(scenario())


def test_bound_to_the_network_only_the_link_with_the_token_lets_in(ros_domain) -> None:
    graph = Graph(ros_domain, 'host:=0.0.0.0', 'certificate:=self-signed')
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    token = graph.web.url.partition('token=')[2]
    root = f'https://127.0.0.1:{graph.web.port}'

    async def scenario() -> None:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            for path in ('/', '/?token=wrong', '/static/js/main.js', '/socket'):
                headers = {'Origin': root}
                async with session.get(root + path, ssl=trusting, headers=headers) as answer:
                    assert answer.status == 401, path
            async with session.get(f'{root}/?token={token}', ssl=trusting) as answer:
                assert answer.status == 200
                assert 'token' not in str(answer.url)
                cookie = answer.history[0].headers['Set-Cookie']
                assert all(flag in cookie for flag in ('HttpOnly', 'Secure', 'SameSite=Strict'))
            async with session.ws_connect(f'{root}/socket', origin=root, ssl=trusting) as link:
                assert (await link.receive_json(timeout=10))['type']

    try:
        assert len(token) >= 24
        asyncio.run(scenario())
    finally:
        graph.close()


def test_the_network_without_a_certificate_is_refused_at_the_start(ros_domain) -> None:
    with pytest.raises(ConfigurationError, match='give certificate'):
        Graph(ros_domain, 'host:=0.0.0.0')


def test_a_port_that_is_taken_is_named(ros_domain) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f'{port} cannot be listened on'):
            Graph(ros_domain, f'port:={port}')


def test_no_more_pages_than_are_allowed(graph) -> None:
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(6):
                await stack.enter_async_context(page(graph))
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await stack.enter_async_context(page(graph))
            assert refused.value.status == 503

    asyncio.run(scenario())


# What is handed out.


def test_a_picture_and_its_faces_come_with_the_same_stamp(graph) -> None:
    async def scenario() -> None:
        async with page(graph) as one:
            await one.send(type='watch', places={'0': True})
            faces = pictures = None
            for number in range(200):
                await asyncio.to_thread(graph.show, number)
                with contextlib.suppress(asyncio.TimeoutError):
                    while True:
                        message = await one.receive(0.05)
                        if isinstance(message, bytes):
                            head = struct.unpack_from('<BBHIiIHH', message)
                            pictures = f'{head[4]}.{head[5]:09d}', head[6:], message[20:]
                        elif message['type'] == 'faces':
                            faces = message
                if faces and pictures and faces['stamp'] == pictures[0]:
                    break
            assert faces['stamp'] == pictures[0]
            assert faces['primary'] == 'face_1'
            assert faces['faces'][0]['box'] == [100, 100, 200, 200]
            assert faces['faces'][0]['probabilities'][2] == 0.5
            assert pictures[1] == (640, 480)
            assert cv2.imdecode(np.frombuffer(pictures[2], np.uint8), 1).shape == (480, 640, 3)

    asyncio.run(scenario())


def test_nothing_is_subscribed_while_no_page_is_open(graph) -> None:
    async def scenario() -> None:
        assert not graph.images.wanted
        async with page(graph) as one:
            await one.send(type='watch', places={'0': True})
            await _until(lambda: graph.images.wanted and graph.faces.get_subscription_count() > 0)
        await _until(lambda: not graph.images.wanted and graph.faces.get_subscription_count() == 0)

    asyncio.run(scenario())


def test_a_page_that_never_reads_holds_up_nobody_and_is_sent_away(graph) -> None:
    """A client that takes nothing off its socket: the others get every frame meanwhile."""

    async def scenario() -> None:
        reader, writer = await asyncio.open_connection('127.0.0.1', graph.web.port, limit=64)
        writer.get_extra_info('socket').setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host = f'127.0.0.1:{graph.web.port}'
        writer.write(
            f'GET /socket HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n'
            'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'.encode()
        )
        await writer.drain()
        watch = json.dumps({'type': 'watch', 'places': {'0': True}}).encode()
        masked = bytes([0x81, 0x80 | len(watch)]) + bytes(4) + watch
        writer.write(masked)
        await writer.drain()
        reader._transport.pause_reading()
        async with page(graph) as good:
            await good.send(type='watch', places={'0': True})
            await _until(lambda: len(graph.web.pages) == 2)
            stubborn = graph.web.pages[0]
            end = time.monotonic() + 60.0
            seen = 0
            longest = 0.0
            last = time.monotonic()
            show = asyncio.ensure_future(_show(graph))
            while stubborn in graph.web.pages and time.monotonic() < end:
                message = await good.until(lambda m: isinstance(m, bytes), 10.0)
                if seen:
                    longest = max(longest, time.monotonic() - last)
                last = time.monotonic()
                seen += 1
                number = struct.unpack_from('<I', message, 4)[0]
                await good.send(type='seen', place=0, number=number)
            show.cancel()
            assert stubborn not in graph.web.pages
            assert seen > 50
            assert longest < 2.0
        writer.close()

    asyncio.run(scenario())


# What a page sends.


def test_pictures_of_a_page_are_published_with_their_time_of_taking(graph) -> None:
    images = graph.watch('camera/image_raw', Image, qos.IMAGE)

    async def scenario() -> None:
        async with page(graph) as one:
            await one.know_clock()
            assert (await one.claim())['success']
            published = 0
            for number in range(1, 200):
                taken = time.monotonic()
                await one.send_picture(number, number, taken + PAGE_CLOCK - 0.2)
                told = await one.of('taken', number=number)
                assert told['stamp']
                published = number
                if len(images.messages) >= 3:
                    break
            assert published

    asyncio.run(scenario())
    message, came = images.messages[-1], images.times[-1]
    assert (message.width, message.height, message.encoding) == (160, 120, 'bgr8')
    assert message.header.frame_id == 'camera'
    # Taken 0.2 s before it was sent.
    assert 0.15 < came - to_seconds(message.header.stamp) < 1.0


def test_sound_of_a_page_is_published_without_a_seam(graph) -> None:
    blocks = graph.watch('audio/audio_stamped', AudioDataStamped)
    infos = graph.watch('audio/audio_info', AudioInfo, qos.LATCHED)

    async def scenario() -> None:
        async with page(graph) as one:
            await one.know_clock()
            assert (await one.claim())['success']
            random = np.random.default_rng(0)
            start = one.now
            for number in range(60):
                due = start + (number + 1) * 0.032
                await asyncio.sleep(max(0.0, due - one.now) + random.uniform(0, 0.02))
                await one.send_sound(512 * number, np.full(512, number), one.now)
            await _until(lambda: blocks.messages and _samples(blocks.messages[-1])[0] == 59)

    asyncio.run(scenario())
    info = infos.wait()
    assert (info.sample_rate, info.channels, info.sample_format) == (16000, 1, 'S16LE')
    stamps = [to_seconds(message.header.stamp) for message in blocks.messages]
    steps = np.diff(stamps[-30:])
    assert np.abs(steps - 0.032).max() < 0.008
    heard = [_samples(message) for message in blocks.messages]
    assert all(samples.size == 512 and np.unique(samples).size == 1 for samples in heard)
    assert np.diff([samples[0] for samples in heard]).tolist() == [1] * (len(heard) - 1)


def test_one_page_sends_and_what_others_send_is_left_out(graph) -> None:
    images = graph.watch('camera/image_raw', Image, qos.IMAGE)

    async def scenario() -> None:
        async with page(graph) as one, page(graph) as two:
            await one.know_clock()
            await two.know_clock()
            assert (await one.claim('a'))['success']
            refused = await two.claim('b')
            assert not refused['success']
            assert f'browser {one.number}' in refused['message']
            told = await two.of('sender', client=one.number)
            assert (told['camera'], told['microphone']) == (True, True)
            await two.send_picture(1, 250, two.now)
            for number in range(1, 100):
                await one.send_picture(number, 20, one.now)
                await one.of('taken', number=number)
                if len(images.messages) >= 2:
                    break
            assert (await one.ask(type='release'))['success']
            assert (await two.claim('b'))['success']

    asyncio.run(scenario())
    assert all(message.data[0] < 100 for message in images.messages)


def test_the_graph_is_told_at_once_when_the_sender_sleeps_or_is_lost_and_it_may_come_back(
    graph,
) -> None:
    said = graph.watch('/diagnostics', DiagnosticArray)

    def told(words: str, since: float) -> float:
        said.wait(
            lambda m: (
                any(s.name == 'web_node' and words in s.message for s in m.status)
                and to_seconds(m.header.stamp) >= since
            ),
            timeout=5.0,
        )
        return time.time() - since

    async def scenario() -> None:
        async with page(graph) as one:
            assert (await one.claim('mine'))['success']
            since = time.time()
            await one.send(type='away', away=True)
            assert await asyncio.to_thread(told, 'hidden or asleep', since) < 1.5
            since = time.time()
        assert await asyncio.to_thread(told, 'cut off', since) < 1.5
        async with page(graph) as again, page(graph) as other:
            assert (await again.claim('mine'))['success']
            assert not (await other.claim('theirs'))['success']

    asyncio.run(scenario())


def test_rubbish_is_answered_and_too_much_of_it_ends_the_connection(graph) -> None:
    async def scenario() -> None:
        async with page(graph) as bad, page(graph) as good:
            for number in range(MISTAKES - 1):
                if number % 2:
                    await bad.connection.send_str('{"type": "no such thing"}')
                else:
                    await bad.connection.send_bytes(b'\x09rubbish')
                assert (await bad.of('mistake'))['message']
            await bad.connection.send_str('[]')
            with pytest.raises(ConnectionError, match='1008'):
                await bad.of('never')
            assert not (await good.call('no such procedure'))['success']

    asyncio.run(scenario())


def test_a_picture_that_is_none_or_far_too_large_is_refused(graph) -> None:
    async def scenario() -> None:
        async with page(graph) as one:
            await one.know_clock()
            await one.claim()
            head = struct.pack('<BxHId', 1, 0, 1, one.now)
            await one.connection.send_bytes(head + b'\x89PNG...')
            assert 'no JPEG' in (await one.of('mistake'))['message']
            # What it says about itself is looked at before anything is unpacked.
            jpeg = bytearray(cv2.imencode('.jpg', np.zeros((8, 8, 3), np.uint8))[1].tobytes())
            place = jpeg.index(b'\xff\xc0') + 5
            jpeg[place : place + 4] = struct.pack('>HH', 60000, 60000)
            await one.connection.send_bytes(head + bytes(jpeg))
            assert '60000x60000' in (await one.of('mistake'))['message']
            with pytest.raises((ConnectionError, aiohttp.ClientError)):
                await one.connection.send_bytes(bytes(LONGEST_PICTURE + 100))
                await one.of('never')
            await _until(lambda: not graph.web.pages)

    asyncio.run(scenario())


def test_a_flood_ends_the_connection_and_nobody_elses(graph) -> None:
    async def scenario() -> None:
        async with page(graph) as flood, page(graph) as good:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                for _ in range(5000):
                    await flood.send(type='away', away=False)
            await _until(lambda: len(graph.web.pages) == 1)
            assert (await good.call('models'))['success']

    asyncio.run(scenario())


# Files that are played.


def test_a_film_is_played_through_the_graph_and_leaves_no_file(
    graph, tmp_path, monkeypatch
) -> None:
    from emotion_bringup.demo_media import make_film

    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'temporary'))
    (tmp_path / 'temporary').mkdir()
    film = tmp_path / 'film.avi'
    make_film(film, 1.0)
    images = graph.watch('camera/image_raw', Image, qos.IMAGE)

    async def scenario() -> None:
        async with page(graph) as one:
            query = {'client': one.number, 'key': 'k', 'name': '../../<b>film.avi'}
            url = base(graph)
            async with one.session.post(
                f'{url}/play', params=query, data=film.read_bytes(), headers={'Origin': url}
            ) as answer:
                assert answer.status == 202, await answer.text()
            told = await one.until(
                lambda m: isinstance(m, dict) and m['type'] == 'sender' and m.get('playing')
            )
            assert told['playing'] == '.._.._b_film.avi' or '<' not in told['playing']
            ended = await one.of('played', timeout=30.0)
            assert ended['trouble'] == ''
            assert (await one.of('sender'))['client'] == 0

    asyncio.run(scenario())
    assert len(images.messages) >= 5
    assert images.messages[0].width == 640
    assert not list((tmp_path / 'temporary').iterdir())


def test_files_of_no_use_are_refused_and_a_broken_one_is_told_of(graph, tmp_path) -> None:
    async def scenario() -> None:
        async with page(graph) as one:
            url = base(graph)

            async def post(name: str, data: bytes, client: object = one.number):
                query = {'client': str(client), 'key': 'k', 'name': name}
                async with one.session.post(
                    f'{url}/play', params=query, data=data, headers={'Origin': url}
                ) as answer:
                    return answer.status

            assert await post('virus.exe', b'x') == 415
            assert await post('film.mp4', b'x', 'nobody') == 400
            assert await post('film.mp4', b'x', 999) == 400
            graph.web.set_parameters([rclpy.Parameter('upload_megabytes', value=1)])
            assert await post('film.mp4', bytes(1_100_000)) == 413
            assert await post('film.mp4', b'this is no film') == 202
            ended = await one.of('played')
            assert ended['trouble']
            assert '/tmp' not in ended['trouble']

    asyncio.run(scenario())


# What can be asked of the graph.


def test_an_interview_is_held_and_its_report_handed_out(graph) -> None:
    graph.add(InterviewNode, 'autostart:=false')

    async def scenario() -> None:
        async with page(graph) as one:
            await one.send(type='watch', places={'0': False})
            await one.of('places', timeout=20.0)
            url = base(graph)
            async with one.session.get(f'{url}/report/0.html') as answer:
                assert answer.status == 404
                assert 'no interview is over' in await answer.text()
            for service in ('start', 'next', 'stop'):
                done = await one.call('trigger', application='interview', service=service)
                assert done['success'], done
            state = await one.until(
                lambda m: (
                    isinstance(m, dict)
                    and m['type'] == 'state'
                    and m['state']['phase_name'] == 'FINISHED'
                )
            )
            assert state['name'] == 'interview'
            async with one.session.get(f'{url}/report/0.html?download') as answer:
                assert answer.status == 200
                assert 'Mock interview' in await answer.text()
                assert 'attachment' in answer.headers['Content-Disposition']
                assert 'sandbox' in answer.headers['Content-Security-Policy']
                assert "default-src 'none'" in answer.headers['Content-Security-Policy']
            async with one.session.get(f'{url}/report/0.json') as answer:
                assert isinstance(await answer.json(), dict)
            async with one.session.get(f'{url}/report/0.md') as answer:
                assert (await answer.text()).startswith('# Mock interview')

    asyncio.run(scenario())


def test_live_settings_are_changed_and_others_are_not(graph) -> None:
    node = graph.add(InterviewNode, 'autostart:=false')

    async def scenario() -> None:
        async with page(graph) as one:
            await one.send(type='watch', places={'0': False})
            await one.until(
                lambda m: (
                    isinstance(m, dict)
                    and m['type'] == 'places'
                    and 'interview_node' in m['places'][0]['nodes']
                ),
                timeout=20.0,
            )
            listed = (await one.call('parameters', node='interview_node'))['data']
            rules = {item['name']: item for item in listed}
            silence = rules['answer_silence']
            assert (silence['settable'], silence['low'], silence['high']) == (True, 0.5, 86400.0)
            assert silence['doc']
            assert not rules['out']['settable']
            done = await one.call('set', node='interview_node', name='answer_silence', value=7)
            assert done['success'], done
            assert node.get_parameter('answer_silence').value == 7.0
            for name, value, why in (
                ('answer_silence', 1e6, '86400'),
                ('answer_silence', 'long', 'not of type float'),
                ('out', '/tmp/x', 'cannot be set from a page'),
                ('questions', '/etc/passwd', 'cannot be set from a page'),
            ):
                done = await one.call('set', node='interview_node', name=name, value=value)
                assert not done['success']
                assert why in done['message']
            for foreign in ('robot', '/rosout', '../x', 7):
                assert not (await one.call('parameters', node=foreign))['success']

    asyncio.run(scenario())


def test_another_robot_in_its_namespace_is_a_place_of_its_own(graph) -> None:
    left = graph.node.create_publisher(EmotionPredictionArray, '/left/emotion/faces', qos.RESULT)

    async def scenario() -> None:
        async with page(graph) as one:
            told = await one.until(
                lambda m: isinstance(m, dict) and m['type'] == 'places' and len(m['places']) == 2,
                timeout=20.0,
            )
            assert [place['name'] for place in told['places']] == ['', 'left']
            await one.send(type='watch', places={'0': False, '1': True})
            await _until(lambda: left.get_subscription_count() > 0)
            left.publish(EmotionPredictionArray(primary_id='theirs'))
            assert (await one.of('faces', place=1))['primary'] == 'theirs'
            # Who leaves a place is told no more of it.
            await one.send(type='watch', places={'0': False})
            await _until(lambda: left.get_subscription_count() == 0)

    asyncio.run(scenario())


def test_models_are_listed_with_their_needs_and_chosen_by_name_only(graph) -> None:
    node = graph.add(FerNode)

    async def scenario() -> None:
        async with page(graph) as one:
            await one.send(type='watch', places={'0': False})
            await one.until(
                lambda m: (
                    isinstance(m, dict)
                    and m['type'] == 'places'
                    and 'fer_node' in m['places'][0]['nodes']
                ),
                timeout=20.0,
            )
            (group,) = (await one.call('models'))['data']
            needs = {model['name']: model['needs'] for model in group['models']}
            assert group['chosen'] == 'fer-default'
            assert needs['fer-2013'] == ''
            assert 'copy your own file' in needs['rafdb'] or 'package torch' in needs['rafdb']
            assert all(model['licence'] for model in group['models'])
            await _until(lambda: node.get_parameter('model').value == 'fer-default')
            done = await one.call('choose', node='fer_node', model='fer-2013')
            assert done['success'], done
            assert node.settings.model == 'fer-2013'
            for model, why in (
                ('rafdb', 'rafdb'),
                ('/etc/passwd', 'the catalogue has no fer model'),
                ('ser-default', 'the catalogue has no fer model'),
            ):
                done = await one.call('choose', node='fer_node', model=model)
                assert not done['success']
                assert why in done['message']
            # One that cannot run leaves the one that ran.
            assert node.settings.model == 'fer-2013'
            await _until(lambda: node._state_machine.current_state[1] == 'active')
            # What is not live loads the node anew; what is not allowed does not.
            done = await one.call('set', node='fer_node', name='embedding', value=True)
            assert done['success'], done
            assert node.settings.embedding is True

    asyncio.run(scenario())


def test_services_that_a_page_may_not_call_are_refused(graph) -> None:
    async def scenario() -> None:
        async with page(graph) as one:
            for values in (
                {'application': 'interview', 'service': 'report'},
                {'application': 'robot', 'service': 'start'},
                {'application': 'game'},
                {},
            ):
                assert not (await one.call('trigger', **values))['success']
            gone = await one.call('trigger', application='game', service='start')
            assert 'is not there' in gone['message']
            wrong = await one.ask(type='call', place=9, name='models', values={})
            assert 'no such place' in wrong['message']

    asyncio.run(scenario())


def _samples(message: AudioDataStamped) -> np.ndarray:
    return np.frombuffer(message.audio.data, '<i2')


async def _show(graph: Graph) -> None:
    """Play the camera at 20 frames a second."""
    for number in range(10_000):
        graph.show(number)
        await asyncio.sleep(0.05)


async def _until(done: Callable[[], bool], timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, 'it did not come about'
        await asyncio.sleep(0.02)
