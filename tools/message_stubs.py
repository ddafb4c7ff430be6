# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Write type stubs for the installed ROS interfaces, which have none, for mypy.

``python tools/message_stubs.py DIR PACKAGE...`` writes ``DIR/PACKAGE/{msg,srv,action}`` from the
fields that the generated classes name themselves, and from the packages that they use. What a
field gives is narrow (``array.array``, an ndarray, a list); what it takes is as wide as the
generated code.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

_SCALARS = {
    'boolean': 'bool',
    'float': 'float',
    'double': 'float',
    'octet': 'bytes',
    'string': 'str',
    'wstring': 'str',
}
_HEAD = """\
import array
from collections.abc import Iterable
from typing import Any

import numpy as np
"""


class Stubs:
    """Collects the stubs of packages and of those that their fields come from."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], str] = {}
        self._wanted: list[str] = []

    def add(self, package: str) -> None:
        """Write all interfaces of a package, and later those of the packages that it uses."""
        self._wanted.append(package)
        while self._wanted:
            name = self._wanted.pop()
            for kind in ('msg', 'srv', 'action'):
                if (name, kind) not in self.files:
                    self._add_module(name, kind)

    def _add_module(self, package: str, kind: str) -> None:
        try:
            module = importlib.import_module(f'{package}.{kind}')
        except ModuleNotFoundError:
            return
        self.files[package, kind] = ''
        imports: set[str] = set()
        parts = []
        for name in sorted(vars(module)):
            value = getattr(module, name)
            if '_' in name or not isinstance(value, type):
                continue
            if kind == 'msg':
                parts.append(self._message(value, name, imports))
                continue
            members = ('Request', 'Response') if kind == 'srv' else ('Goal', 'Result', 'Feedback')
            body = [f'class {name}:']
            for member in members:
                text = self._message(getattr(value, member), member, imports)
                body += ['    ' + line for line in text.splitlines()]
            parts.append('\n'.join(body))
        for found in imports:
            self._wanted.append(found)
        uses = ''.join(f'import {found}.msg\n' for found in sorted(imports))
        self.files[package, kind] = f'{_HEAD}{uses}\n' + '\n\n'.join(parts) + '\n'

    def _message(self, cls: Any, name: str, imports: set[str]) -> str:
        fields = {
            field: self._types(text, imports)
            for field, text in cls.get_fields_and_field_types().items()
        }
        lines = [f'class {name}:']
        for constant, value in sorted(_constants(type(cls)).items()):
            lines.append(f'    {constant}: {type(value).__name__}')
        taken = ', '.join(f'{field}: {takes} = ...' for field, (_, takes) in fields.items())
        lines.append(f'    def __init__(self{", *, " + taken if taken else ""}) -> None: ...')
        for field, (gives, takes) in fields.items():
            lines += [
                '    @property',
                f'    def {field}(self) -> {gives}: ...',
                f'    @{field}.setter',
                f'    def {field}(self, value: {takes}) -> None: ...',
            ]
        return '\n'.join(lines)

    def _types(self, text: str, imports: set[str]) -> tuple[str, str]:
        """Return what a field of a type gives, and what it takes."""
        match = re.fullmatch(r'sequence<(.+?)(?:, \d+)?>', text)
        if match:
            inner = self._scalar(match[1], imports)
            if inner in ('int', 'float'):
                return f'array.array[{inner}]', f'Iterable[{inner}] | np.ndarray'
            return f'list[{inner}]', f'Iterable[{inner}]'
        match = re.fullmatch(r'(.+)\[\d+\]', text)
        if match:
            inner = self._scalar(match[1], imports)
            if inner in ('int', 'float'):
                return 'np.ndarray', f'Iterable[{inner}] | np.ndarray'
            return f'list[{inner}]', f'Iterable[{inner}]'
        scalar = self._scalar(text, imports)
        return scalar, scalar

    def _scalar(self, text: str, imports: set[str]) -> str:
        text = re.sub(r'<\d+>$', '', text)
        if '/' in text:
            package, name = text.split('/')
            imports.add(package)
            return f'{package}.msg.{name}'
        return _SCALARS.get(text) or ('int' if re.fullmatch(r'u?int\d+', text) else 'Any')


def _constants(metaclass: type) -> dict[str, Any]:
    """Return the constants of a message, which its metaclass keeps."""
    return getattr(metaclass, f'_{metaclass.__name__}__constants', {})


def main(arguments: list[str]) -> None:
    """Write the stubs; see the module."""
    folder, packages = Path(arguments[0]), arguments[1:]
    stubs = Stubs()
    for package in packages:
        stubs.add(package)
    for (package, kind), text in stubs.files.items():
        path = folder / package / kind / '__init__.pyi'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        (folder / package / '__init__.pyi').write_text('', encoding='utf-8')


if __name__ == '__main__':
    main(sys.argv[1:])
