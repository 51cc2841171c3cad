"""Read and write elements of plain JSON resources by path: `participant[].actor.reference`.

A path is element names joined by dots. Reading walks through lists by itself, so brackets are only needed for a filter:
`telecom[system=phone].value` keeps the items whose `system` is `phone`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\[(?P<key>\w+)=(?P<value>[^\]]+)\])?")

Step = tuple[str, str | None, str | None]


@lru_cache(maxsize=4096)
def compile_path(path: str) -> tuple[Step, ...]:
    """The steps of a path: name, and the filter's key and value if any. Raises ValueError for a malformed path."""
    return tuple(_step(text) for text in re.split(r"\.(?![^\[]*\])", path))


def read(resource: Any, path: str) -> list[Any]:
    """Every value at `path`, lists flattened, in document order.

    >>> read({"name": [{"given": ["A", "B"]}, {"given": ["C"]}]}, "name.given")
    ['A', 'B', 'C']
    >>> read({"telecom": [{"system": "phone", "value": "1"}, {"system": "email"}]}, "telecom[system=phone].value")
    ['1']
    """
    return list(_walk(resource, compile_path(path), 0))


def first(resource: Any, path: str) -> Any:
    """The first value at `path`, or None."""
    return next(_walk(resource, compile_path(path), 0), None)


def _step(text: str) -> Step:
    match = _STEP.fullmatch(text)
    if match is None:
        raise ValueError(f"not a path step: {text!r}")
    return match["name"], match["key"], match["value"]


def _walk(node: Any, steps: tuple[Step, ...], position: int) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, steps, position)
    elif position == len(steps):
        if node is not None:
            yield node
    elif isinstance(node, dict):
        name, key, wanted = steps[position]
        child = node.get(name)
        if key is not None:
            items = child if isinstance(child, list) else [child]
            child = [item for item in items if isinstance(item, dict) and item.get(key) == wanted]
        if child is not None:
            yield from _walk(child, steps, position + 1)
