# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The page over many recordings, in a real browser."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from support.browser import missing, open_browser
from support.faces import astronaut, hopper
from support.sounds import real_voice

pytest.importorskip('pyarrow', reason='needs pyarrow: ./emotion setup --analyze')
if missing():
    pytest.skip(missing(), allow_module_level=True)

from playwright.sync_api import expect

from support.analysis import analyse

EVIL = '<img src=x onerror=alert(1)>.jpg'


def test_the_page_sorts_searches_and_runs_nothing_from_names(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'smile.png'), astronaut())
    (tmp_path / 'hopper.jpg').write_bytes(cv2.imencode('.jpg', hopper())[1].tobytes())
    (tmp_path / EVIL).write_bytes((tmp_path / 'hopper.jpg').read_bytes())
    (tmp_path / f'broken {EVIL}').write_bytes(b'no picture')
    out = tmp_path / 'out'
    analyse([tmp_path, real_voice()], out)
    with open_browser() as browser:
        page = browser.new_page(viewport={'width': 390, 'height': 844})
        said: list[str] = []
        page.on('console', lambda message: said.append(message.text))
        page.on('pageerror', lambda error: said.append(str(error)))
        page.on('dialog', lambda dialog: said.append(dialog.message))
        loaded: list[str] = []
        page.on('request', lambda request: loaded.append(request.url))
        page.goto((out / 'index.html').as_uri())
        names = page.locator('tbody td:first-child')
        expect(names).to_have_count(4)
        page.get_by_role('button', name='Utterances').click()
        expect(names.first).to_have_text(real_voice().name)
        page.get_by_role('button', name='Utterances').click()
        expect(names.last).to_have_text(real_voice().name)
        page.get_by_role('button', name='Recording').click()
        expect(names.last).to_have_text('smile.png')
        page.get_by_role('searchbox').fill('HOPPER')
        expect(page.locator('tbody tr:visible')).to_have_count(1)
        page.get_by_role('searchbox').fill('onerror')
        expect(page.locator('tbody tr:visible td:first-child')).to_have_text(EVIL)
        expect(page.locator('section', has_text='Not analysed')).to_contain_text(f'broken {EVIL}')
        assert page.locator('img').count() == 0
        # A narrow screen scrolls the table, not the page.
        assert page.evaluate('document.documentElement.scrollWidth') == 390
        assert not said and loaded == [(out / 'index.html').as_uri()]
