# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The interfaces behind a type's name: its class, and its definition as MCAP files carry it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

from emotion_bringup.bag.errors import BagError

# What stands between a definition and those that it uses: the rule of the MCAP format's
# registry for schema encoding "ros2msg" (https://mcap.dev/spec/registry).
_RULER = '=' * 80
_PRIMITIVES = {
    'bool', 'byte', 'char', 'float32', 'float64', 'string', 'wstring',
    *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
}  # fmt: skip
# Type of a field, without bounds and array brackets; constants (NAME=value) have one, too.
_FIELD = re.compile(r'^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+[A-Za-z]\w*')


def message_class(kind: str) -> type:
    """Return the class of a message type.

    :param kind: its full name, ``std_msgs/msg/Header``.
    :raises BagError: if its package is not installed.
    """
    package, _, name = kind.partition('/msg/')
    try:
        found: type = getattr(importlib.import_module(f'{package}.msg'), name)
    except (ImportError, AttributeError):
        raise BagError(f'the type {kind} is not installed here (package {package})') from None
    return found


def definition(kind: str) -> str:
    """Return the definition of a message type, followed by those of all types that it uses.

    :param kind: its full name, ``std_msgs/msg/Header``.
    :raises BagError: if a definition is not installed.
    """
    parts = [_read(kind)]
    seen = {kind}
    waiting = _used(kind, parts[0])
    while waiting:
        used = waiting.pop(0)
        if used in seen:
            continue
        seen.add(used)
        text = _read(used)
        parts.append(f'{_RULER}\nMSG: {used.replace("/msg/", "/")}\n{text}')
        waiting += _used(used, text)
    return '\n'.join(parts)


def _read(kind: str) -> str:
    package, _, name = kind.partition('/msg/')
    try:
        path = Path(get_package_share_directory(package), 'msg', f'{name}.msg')
        return path.read_text(encoding='utf-8')
    except (PackageNotFoundError, OSError):
        raise BagError(f'the definition of {kind} is not installed here') from None


def _used(kind: str, text: str) -> list[str]:
    """Return the full names of the types that the fields of a definition have."""
    package = kind.partition('/')[0]
    found = []
    for line in text.splitlines():
        match = _FIELD.match(line.partition('#')[0])
        if match is None or match[1] in _PRIMITIVES:
            continue
        owner, _, name = match[1].rpartition('/')
        found.append(f'{owner.removesuffix("/msg") or package}/msg/{name}')
    return found
