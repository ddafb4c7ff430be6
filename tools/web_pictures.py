# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of the page in docs/images, and the animation: the real page at work.

``./emotion exec python tools/web_pictures.py [--out DIR]`` (needs Chromium and playwright): the
whole graph, a browser with a film of two people as its camera and a voice as its microphone, and
a person's clicks.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tests'))
from emotion_bringup.demo_media import find_voice  # noqa: E402
from emotion_bringup.two_people import TwoPeople  # noqa: E402
from support.browser import missing, open_browser, write_film, write_sound  # noqa: E402

DESKTOP = {'width': 1280, 'height': 800}
PHONE = {'width': 390, 'height': 844}
# The animation: width in pixels, frames a second, quality, and the most bytes.
_WIDTH, _RATE, _QUALITY, _LARGEST = 800, 5, 50, 3_000_000


class Reel:
    """Collects frames of the page for the animation."""

    def __init__(self) -> None:
        self.frames: list[Image.Image] = []

    def roll(self, page: Any, seconds: float) -> None:
        """Film the page for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            due = time.monotonic() + 1 / _RATE
            self.frames.append(shot(page, _WIDTH))
            page.wait_for_timeout(max(1, 1000 * (due - time.monotonic())))

    def roll_until(self, page: Any, selector: str, longest: float = 30.0) -> None:
        """Film the page until something is there."""
        end = time.monotonic() + longest
        while not page.locator(selector).count():
            if time.monotonic() > end:
                raise TimeoutError(f'{selector} did not appear')
            self.roll(page, 1 / _RATE)

    def save(self, path: Path) -> None:
        """Write an animated WebP.

        :raises ValueError: if it is larger than a README can bear.
        """
        self.frames[0].save(
            path,
            save_all=True,
            append_images=self.frames[1:],
            duration=round(1000 / _RATE),
            loop=0,
            quality=_QUALITY,
            method=4,
        )
        if path.stat().st_size > _LARGEST:
            raise ValueError(f'{path} has {path.stat().st_size} bytes; the most is {_LARGEST}')


def shot(page: Any, width: int = 0) -> Image.Image:
    """Return a picture of the page, scaled to a width if one is given."""
    picture = Image.open(io.BytesIO(page.screenshot(type='jpeg', quality=95))).convert('RGB')
    if width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture


def visit(browser: Any, url: str, size: dict[str, int], reel: Reel | None) -> dict[str, Any]:
    """Go through the page as a new user would; return pictures of each view."""
    context = browser.new_context(viewport=size, color_scheme='dark', locale='en-GB')
    page = context.new_page()
    page.set_default_timeout(60_000)
    film = reel.roll if reel is not None else lambda page, seconds: page.wait_for_timeout(
        1000 * seconds
    )  # fmt: skip
    pictures = {}

    def go(view: str) -> None:
        page.click(f'#tab-{view}')
        page.evaluate('scrollTo(0, 0)')

    page.goto(url)
    page.wait_for_selector('#send:enabled')
    film(page, 0.8)
    page.click('#send')
    page.wait_for_selector('ol.list .state')
    film(page, 3.0)
    pictures['live'] = shot(page)

    go('cycle')
    page.click('#multimodal-once')
    until = reel.roll_until if reel is not None else lambda page, selector: page.wait_for_selector(
        selector, state='attached'
    )  # fmt: skip
    until(page, '.steps li:nth-child(2)[aria-current]')
    film(page, 1.0)
    page.wait_for_selector('.steps li:nth-child(3)[aria-current]', state='attached')
    page.wait_for_timeout(700)
    film(page, 2.4)
    pictures['cycle'] = shot(page)

    go('game')
    page.fill('#game-rounds', '1')
    page.fill('#game-seconds', '4')
    for number in (0, 1, 4, 5):
        page.locator('.checks input[type=checkbox]').nth(number).uncheck()
    page.click('#game-play')
    page.evaluate('scrollTo(0, 0)')
    until(page, 'text=Go!')
    film(page, 2.6)
    pictures['game'] = shot(page)
    page.wait_for_selector('text=/wins the game/')
    film(page, 1.6)

    go('interview')
    page.click('#interview-start')
    page.wait_for_timeout(6000)
    film(page, 2.0)
    pictures['interview'] = shot(page)
    page.click('#interview-stop')
    page.frame_locator('#report').locator('h1').wait_for()
    page.evaluate('scrollTo(0, 0)')
    page.wait_for_timeout(800)
    film(page, 2.4)
    pictures['report'] = shot(page)
    page.click('#interview-reset')
    context.close()
    return pictures


def beside(pictures: list[Image.Image], gap: int = 24) -> Image.Image:
    """Return pictures side by side."""
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    strip = Image.new('RGB', (width, pictures[0].height), (128, 132, 138))
    left = 0
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width + gap
    return strip


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=ROOT / 'docs' / 'images', metavar='DIR')
    out = parser.parse_args().out.resolve()
    if missing():
        sys.exit(missing())
    reel = Reel()
    with tempfile.TemporaryDirectory() as folder:
        # The page shows the devices' names, which here are those of the files.
        os.chdir(folder)
        film = write_film(Path('camera.mjpeg'), TwoPeople().frame, 10.0)
        sound = write_sound(Path('microphone.wav'), find_voice())
        graph = subprocess.Popen(
            [
                sys.executable,
                ROOT / 'tools/start.py',
                'emotion_bringup.runner',
                'web',
                'web_port:=0',
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert graph.stdout is not None
        try:
            url = next(
                found[1]
                for line in graph.stdout
                if (found := re.search(r'open (http://\S+)', line))
            )
            threading.Thread(target=graph.stdout.read, daemon=True).start()
            with open_browser(film, sound) as browser:
                desktop = visit(browser, url, DESKTOP, reel)
                phone = visit(browser, url, PHONE, None)
        finally:
            graph.send_signal(signal.SIGINT)
            graph.wait(30)
        os.chdir(ROOT)
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in desktop.items():
        picture.save(out / f'web_{name}.webp', quality=82)
    beside(list(phone.values())).save(out / 'web_phone.webp', quality=82)
    reel.save(out / 'web.webp')
    for path in sorted(out.glob('web*.webp')):
        print(f'{path.name}: {path.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    main()
