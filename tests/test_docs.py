# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The documentation site builds without a warning, and says what is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.fixtures import ROOT

DOCS = ROOT / 'docs'


def build(source: Path, target: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-m', 'sphinx', '-q', '-E', '-W', '--keep-going'] + [source, target],
        cwd=target.parent,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ('sphinx', 'myst_parser', 'furo'):
        pytest.importorskip(package)
    target = tmp_path_factory.mktemp('site') / 'html'
    result = build(DOCS, target)
    assert result.returncode == 0, result.stderr
    return target


def test_the_site_builds_without_a_warning_and_has_every_page(site: Path) -> None:
    pages = {path.stem for path in DOCS.glob('*.md')}
    assert pages <= {path.stem for path in site.glob('*.html')}
    assert {'guide', 'library', 'recipes', 'parameters', 'architecture', 'api'} <= pages
    index = (site / 'index.html').read_text()
    for page in pages - {'index'}:
        assert f'href="{page}.html"' in index, f'{page} is out of reach'


def test_the_site_describes_the_library_from_its_docstrings(site: Path) -> None:
    text = (site / 'api.html').read_text()
    for name in ('FaceEmotions', 'VoiceEmotions', 'load_model', 'make_detector', 'LiveFusion'):
        assert re.search(rf'id="emotion_perception[\w.]*\.{name}"', text), name


def test_a_page_with_a_broken_link_fails_the_build(site: Path, tmp_path: Path) -> None:
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'docs' / 'conf.py').write_text("extensions = ['myst_parser']\n")
    (tmp_path / 'docs' / 'index.md').write_text('# Index\n\n[nowhere](nowhere.md)\n')
    result = build(tmp_path / 'docs', tmp_path / 'site')
    assert result.returncode != 0
    assert 'nowhere' in result.stderr


@pytest.mark.parametrize('drawing', ['path_of_a_frame', 'path_of_an_argument'])
def test_the_modules_of_a_drawing_are_there(drawing: str) -> None:
    text = (DOCS / 'images' / f'{drawing}.svg').read_text()
    modules = set(re.findall(r'[\w/.]+\.py', text))
    assert len(modules) >= 4
    for module in modules:
        assert list((ROOT / 'src').glob(f'*/**/{module}')), module


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / 'README.md').read_text()
    assert len(text.splitlines()) <= 160
    for target in re.findall(r'\]\((?!https?:|#)([^)#]+)', text):
        assert (ROOT / target).exists(), target
