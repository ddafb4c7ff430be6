# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The floor of the page: the same models behind the barest server and page, without ROS.

A page takes pictures of the same camera, sends them as JPEG over a WebSocket, and draws boxes
around the faces that come back; two pictures are under way at most, as in the real page.
"""

from __future__ import annotations

import asyncio
import json
import threading

import cv2
import numpy as np
from aiohttp import WSMsgType, web

from emotion_perception.models import FaceEmotionRecognizer, ModelSettings, load_model
from emotion_perception.vision.align import align
from emotion_perception.vision.detect import DetectorSettings
from emotion_perception.vision.detectors import make_detector

PAGE = """<!DOCTYPE html><canvas id="out" width="640" height="480"></canvas><script>
const video = document.createElement('video');
const out = document.getElementById('out').getContext('2d');
const socket = new WebSocket(`ws://${location.host}/socket`);
const times = new Map();
let number = 0;
socket.onmessage = (event) => {
  const {number, faces} = JSON.parse(event.data);
  const frame = times.get(number);
  times.delete(number);
  requestAnimationFrame(() => {
    out.drawImage(frame.canvas, 0, 0);
    for (const [x, y, w, h] of faces) out.strokeRect(x, y, w, h);
    performance.measure('picture to result', {start: frame.time, end: performance.now()});
  });
};
function onFrame() {
  if (times.size < 2) {
    const time = performance.now();
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    const mine = ++number;
    times.set(mine, {canvas, time});
    canvas.toBlob((blob) => socket.send(new Blob([new Uint32Array([mine]), blob])),
      'image/jpeg', 0.82);
  }
  video.requestVideoFrameCallback(onFrame);
}
navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480}}).then(async (stream) => {
  video.srcObject = stream;
  await video.play();
  video.requestVideoFrameCallback(onFrame);
});
</script>"""


class FloorServer:
    """Serves the bare page on any free port, in a thread of its own."""

    def __init__(self) -> None:
        self._detector = make_detector(DetectorSettings())
        self._recognizer = FaceEmotionRecognizer(load_model('fer-default', 'fer', ModelSettings()))
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)

    async def _start(self) -> int:
        application = web.Application()
        application.router.add_get('/', self._page)
        application.router.add_get('/socket', self._socket)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, '127.0.0.1', 0).start()
        return runner.addresses[0][1]

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type='text/html')

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                boxes = await asyncio.to_thread(self._faces, message.data[4:])
                number = int.from_bytes(message.data[:4], 'little')
                await socket.send_str(json.dumps({'number': number, 'faces': boxes}))
        return socket

    def _faces(self, jpeg: bytes) -> list[list[float]]:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return []
        faces = self._detector.detect(picture)
        self._recognizer.predict([align(picture, face.landmarks[:3], 128) for face in faces])
        return [[float(value) for value in face.box] for face in faces]
