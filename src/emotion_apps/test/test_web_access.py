# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the server, who sends, and what a page looks like."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_apps.view import theme
from emotion_apps.web import palette
from emotion_apps.web.access import Access, is_loopback, new_token
from emotion_apps.web.address import link, qr_code
from emotion_apps.web.certificate import CertificateError, load, self_signed
from emotion_apps.web.jpeg import jpeg_size
from emotion_apps.web.seat import GRACE, Seat

STATIC = Path(palette.__file__).parent / 'static'


@pytest.mark.parametrize('host', ['localhost:8080', '127.0.0.1', '[::1]:9000', 'LOCALHOST:80'])
def test_on_loopback_the_usual_names_are_let_in_at_any_port(host: str) -> None:
    access = Access('127.0.0.1', secure=False)
    assert access.refuse_host(host) == ''
    assert access.refuse_origin(f'http://{host}', host) == ''


@pytest.mark.parametrize(
    'host',
    ['', 'evil.example', 'evil.example:8080', 'localhost.evil.example', '10.0.0.5', 'a b', 'x;y'],
)
def test_a_name_that_was_pointed_here_is_refused(host: str) -> None:
    assert Access('127.0.0.1', secure=False).refuse_host(host)


def test_bound_to_the_network_addresses_and_own_names_are_let_in() -> None:
    access = Access('0.0.0.0', secure=True, token='t', names=['robot.example'])
    for host in ('192.168.1.5:8080', '[fe80::1]:8080', 'robot.example', 'localhost'):
        assert access.refuse_host(host) == ''
    assert access.refuse_host('evil.example')


@pytest.mark.parametrize(
    'origin',
    ['', 'null', 'http://evil.example', 'https://localhost', 'http://localhost:9090'],
)
def test_pages_of_other_origins_are_refused(origin: str) -> None:
    assert Access('127.0.0.1', secure=False).refuse_origin(origin, 'localhost:8080')


def test_a_proxy_may_speak_tls_for_the_server_but_not_the_other_way_round() -> None:
    host = 'robot.example'
    plain = Access('127.0.0.1', secure=False, names=[host])
    assert plain.refuse_host(host) == ''
    assert plain.refuse_origin(f'https://{host}', host) == ''
    assert Access('0.0.0.0', secure=True, token='t').refuse_origin(f'http://{host}', host)


def test_a_token_lets_in_and_nothing_else_does() -> None:
    token = new_token()
    assert len(token) >= 24
    access = Access('0.0.0.0', secure=True, token=token)
    assert access.knows(token)
    for wrong in ('', token[:-1], token + 'x', 'ö'):
        assert not access.knows(wrong)
    assert Access('127.0.0.1', secure=False).knows('')


def test_the_policy_allows_nothing_from_outside() -> None:
    policy = Access('127.0.0.1', secure=False).headers('localhost:8080')['Content-Security-Policy']
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert 'unsafe' not in policy
    assert '*' not in policy


@pytest.mark.parametrize(
    'host, expected',
    [('127.0.0.1', True), ('::1', True), ('localhost', True), ('0.0.0.0', False), ('::', False),
     ('robot', False), ('192.168.0.2', False)],
)  # fmt: skip
def test_loopback_is_known_from_what_others_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


def test_a_link_carries_the_token_and_a_code_the_link() -> None:
    assert link('https', '::1', 8080, 'a/b') == 'https://[::1]:8080/?token=a/b'
    code = qr_code('https://192.168.1.5:8080/?token=abc')
    assert len(code.splitlines()) > 10


def test_a_certificate_is_made_and_used() -> None:
    context, fingerprint = self_signed(['localhost', '127.0.0.1', '::1', 'robot'])
    assert isinstance(context, ssl.SSLContext)
    assert re.fullmatch('([0-9A-F]{2}:){31}[0-9A-F]{2}', fingerprint)


def test_a_certificate_that_cannot_be_used_is_named(tmp_path) -> None:
    with pytest.raises(CertificateError, match='no such file'):
        load(str(tmp_path / 'missing.pem'))
    wrong = tmp_path / 'wrong.pem'
    wrong.write_text('no certificate')
    with pytest.raises(CertificateError, match='PEM files that belong together'):
        load(str(wrong))


# Who sends.


def test_one_browser_sends_and_the_others_are_told_who() -> None:
    seat = Seat()
    assert seat.claim(1, 'a', 'browser 1', True, True, 0.0) == ('', 0)
    why, _ = seat.claim(2, 'b', 'browser 2', True, True, 1.0)
    assert why == 'browser 1 sends already'
    assert not seat.release(2)
    assert seat.release(1)
    assert seat.claim(2, 'b', 'browser 2', True, False, 2.0) == ('', 0)


def test_a_browser_that_was_cut_off_comes_back_on_another_connection() -> None:
    seat = Seat()
    seat.claim(1, 'a', 'browser 1', True, True, 0.0)
    assert seat.lose(1, 5.0)
    assert seat.sender(6.0).client == 0
    assert seat.claim(2, 'a', 'browser 2', True, True, 6.0) == ('', 0)
    assert seat.sender(6.0).client == 2


def test_the_same_tab_takes_over_from_a_connection_that_is_not_yet_known_to_be_dead() -> None:
    seat = Seat()
    seat.claim(1, 'a', 'browser 1', True, True, 0.0)
    assert seat.claim(2, 'a', 'browser 2', True, True, 1.0) == ('', 1)
    assert not seat.lose(1, 2.0)


def test_the_place_of_one_that_is_cut_off_is_anybodys_and_forgotten_after_a_while() -> None:
    seat = Seat()
    seat.claim(1, 'a', 'browser 1', True, True, 0.0)
    seat.lose(1, 0.0)
    assert seat.claim(2, 'b', 'browser 2', True, True, 1.0) == ('', 0)
    seat.lose(2, 2.0)
    assert seat.sender(2.0 + GRACE) is None


def test_no_key_is_no_key() -> None:
    seat = Seat()
    seat.claim(1, '', 'browser 1', True, True, 0.0)
    assert seat.claim(2, '', 'browser 2', True, True, 1.0)[0]
    assert seat.claim(3, 'x', 'browser 3', False, False, 1.0)[0] == 'neither camera nor microphone'


def test_sleep_is_news_once() -> None:
    seat = Seat()
    seat.claim(1, 'a', 'browser 1', True, True, 0.0)
    assert seat.set_away(1, True)
    assert not seat.set_away(1, True)
    assert not seat.set_away(2, True)
    assert seat.set_away(1, False)


# Pictures.


@pytest.mark.parametrize('size', [(640, 480), (1, 1), (3000, 20)])
@pytest.mark.parametrize('progressive', [0, 1])
def test_the_size_of_a_jpeg_is_read_without_unpacking(size, progressive) -> None:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    assert jpeg_size(data) == size
    assert jpeg_size(memoryview(data)) == size


def test_what_is_no_jpeg_is_refused_wherever_it_ends() -> None:
    data = cv2.imencode('.jpg', np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    frame = data.index(b'\xff\xc0') + 9
    for length in range(frame):
        with pytest.raises(ValueError):
            jpeg_size(data[:length])
    for wrong in (b'\x89PNG\r\n', b'\xff\xd8' + b'\xff' * 100, b'\xff\xd8' + b'\0' * 100):
        with pytest.raises(ValueError):
            jpeg_size(wrong)


# Colours and words.


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r'--([\w-]+):(#[0-9a-f]{6});', block))


def test_colours_are_the_screens_own_and_stand_out_in_the_dark_and_in_the_light() -> None:
    dark, light = (_colours(block) for block in palette.css().split('@media'))
    assert dark['emotion-2'] == palette.code(theme.emotion_colour(2))
    for values in (dark, light):
        ground = palette._parse(values['panel'])
        for name, value in values.items():
            if name.startswith(('emotion-', 'player-')):
                assert palette.contrast(palette._parse(value), ground) >= 3.0, name
            if name in ('text', 'muted', 'accent', 'warning'):
                assert palette.contrast(palette._parse(value), ground) >= 4.5, name


def test_every_language_has_every_text_and_the_page_asks_for_no_other() -> None:
    texts = {
        path.stem: json.loads(path.read_text('utf-8')) for path in STATIC.glob('texts/*.json')
    }
    assert {'en', 'de'} <= set(texts)
    for name, words in texts.items():
        assert set(words) == set(texts['en']), name
        for key, text in words.items():
            fields = set(re.findall(r'\{(\w+)\}', text))
            assert fields == set(re.findall(r'\{(\w+)\}', texts['en'][key])), f'{name}: {key}'
    source = '\n'.join(path.read_text('utf-8') for path in STATIC.glob('js/*.js'))
    asked = set(re.findall(r"\bt\('([\w.]+)'", source))
    page = (STATIC / 'index.html').read_text('utf-8')
    asked |= set(re.findall(r'data-(?:text|label)="([\w.]+)"', page))
    assert asked <= set(texts['en']), asked - set(texts['en'])


def test_the_page_loads_nothing_from_elsewhere_and_never_makes_markup_of_text() -> None:
    for path in [*STATIC.rglob('*.js'), *STATIC.rglob('*.html'), *STATIC.rglob('*.css')]:
        source = path.read_text('utf-8')
        assert not re.search(r'(?:https?:)?//(?!\s)[\w-]+\.\w+', re.sub(r'^\s*//.*$', '', source,
                             flags=re.MULTILINE)), path  # fmt: skip
        for wrong in ('innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval(',
                      'new Function', 'DOMParser'):  # fmt: skip
            assert wrong not in source, f'{path.name}: {wrong}'
