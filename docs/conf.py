# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds the site: ``./emotion exec python -m sphinx -W docs out/site``."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from emotion_perception import __version__

ROOT = Path(__file__).resolve().parents[1]

project = 'Emotion perception'
author = 'The emotion perception team'
copyright = f'2026, {author}'
release = version = __version__

extensions = ['myst_parser', 'sphinx.ext.autodoc']
source_suffix = {'.md': 'markdown'}
exclude_patterns = ['images']
html_theme = 'furo'
html_title = f'{project} {release}'
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ['colon_fence', 'deflist', 'fieldlist']
myst_heading_anchors = 4

autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
autodoc_default_options = {'members': True, 'undoc-members': False}
autodoc_class_signature = 'mixed'
# What heavy back ends import is not needed to describe them.
autodoc_mock_imports = ['torch', 'transformers', 'h5py', 'onnx', 'skops', 'sklearn']


# Files of the repository that are pages here.
PAGES = {
    'README.md': 'index.md',
    'CONTRIBUTING.md': 'contributing.md',
    'SECURITY.md': 'security.md',
}


def read_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Prepare the text of a page before it is parsed."""
    text = source[0]
    if text.startswith('THE_FILE '):
        file = ROOT / text.split()[1]
        app.env.note_dependency(str(file))
        text = _moved(file.read_text(encoding='utf-8'))
    if docname == 'index':
        # None is out of reach: pages that the index does not name are listed at its end.
        pages = sorted(app.env.found_docs)
        rest = [page for page in pages if page != 'index' and f'\n{page}\n' not in text]
        text = text.replace('THE_REST\n', ''.join(f'{page}\n' for page in rest))
    source[0] = re.sub(r'\[([^\]]*)\]\(\.\./([^)#]+)(?:#[^)]*)?\)', _outside, text)


def _moved(text: str) -> str:
    """Return a text of the repository's top with its links as seen from ``docs``."""
    text = re.sub(r'\]\((?!https?:|#|mailto:)([^)]+)\)', r'](../\1)', text)
    return text.replace('](../docs/', '](')


def _outside(match: re.Match[str]) -> str:
    """Return a link out of ``docs`` as it can stand on a page of the site.

    What is a page here is linked, another file becomes a download, and a folder, or a text that
    is no page, its words and its path.
    """
    words, path = match[1], match[2]
    if path in PAGES:
        return f'[{words}]({PAGES[path]})'
    if path.endswith('.md') or not (ROOT / path).is_file():
        return f'{words} (`{path}`)'
    return match[0]


def setup(app: Sphinx) -> None:
    """Tell Sphinx what stands here."""
    app.connect('source-read', read_page)
