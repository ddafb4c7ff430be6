"""Write the reference of the nodes' parameters from the nodes themselves.

``python -m emotion_bringup.reference FILE...`` rewrites, in Markdown files, what stands between
``<!-- parameters:NODE -->`` and ``<!-- end -->``; ``--check`` only says whether they are up to
date (exit code 1 if not).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import rclpy
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.parameter import Parameter

from emotion_bringup.graphs import PACKAGES
from emotion_bringup.runner import node_class

_PLACE = re.compile(r'(<!-- parameters:(\w+) -->\n).*?(<!-- end -->)', re.DOTALL)
# What rclpy declares on every node.
_COMMON = ('use_sim_time', 'start_type_description_service')


def table(name: str) -> str:
    """Return the Markdown table of a node's parameters, from the node itself."""
    context = rclpy.context.Context()
    rclpy.init(context=context)
    node = node_class(PACKAGES[name], name)(context=context)
    names = sorted(
        key
        for key in node.list_parameters([], 0).names
        if key not in _COMMON and not key.startswith('qos_overrides')
    )
    rows = ['| parameter | type | default | range | meaning |', '|---|---|---|---|---|']
    for key in names:
        descriptor = node.describe_parameter(key)
        parameter = node.get_parameter(key)
        kind = Parameter.Type(descriptor.type).name.lower().replace('_', ' ')
        rows.append(
            f'| `{key}` | {kind} | `{_text(parameter.value)}` | {_range(descriptor)} | '
            f'{descriptor.description} |'
        )
    node.destroy_node()
    context.try_shutdown()
    return '\n'.join(rows) + '\n'


def rewrite(text: str) -> str:
    """Return a Markdown text with its parameter tables made anew."""
    return _PLACE.sub(lambda match: match[1] + table(match[2]) + match[3], text)


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)) or hasattr(value, 'tolist'):
        return '[' + ', '.join(str(part) for part in value) + ']'
    return "''" if value == '' else f'{value:g}' if isinstance(value, float) else str(value)


def _range(descriptor: ParameterDescriptor) -> str:
    if descriptor.additional_constraints:
        return descriptor.additional_constraints.removeprefix('one of ')
    for limits in (*descriptor.floating_point_range, *descriptor.integer_range):
        low = '' if abs(limits.from_value) > 1e18 else f'{limits.from_value:g}'
        high = '' if abs(limits.to_value) > 1e18 else f'{limits.to_value:g}'
        return f'{low} to {high}' if low and high else f'from {low}' if low else f'up to {high}'
    return ''


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite or check files; see the module."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    check = '--check' in arguments
    stale = []
    for path in (Path(text) for text in arguments if text != '--check'):
        old = path.read_text(encoding='utf-8')
        new = rewrite(old)
        if new != old:
            stale.append(path)
            if not check:
                path.write_text(new, encoding='utf-8')
    if check and stale:
        print(
            f'not up to date: {", ".join(map(str, stale))}; run '
            './emotion exec python -m emotion_bringup.reference FILE',
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
