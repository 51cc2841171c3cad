"""Read and write elements of plain JSON resources by path: `participant[].actor.reference`.

A path is element names joined by dots. Reading walks through lists by itself, so brackets are only needed for a filter:
`telecom[system=phone].value` keeps the items whose `system` is `phone`.
"""

import re
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
    nodes = _flat([resource])
    for name, key, wanted in compile_path(path):
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, dict) and (value := node.get(name)) is not None:
                if isinstance(value, list):
                    found += _flat(value)
                else:
                    found.append(value)
        nodes = found if key is None else [one for one in found if isinstance(one, dict) and one.get(key) == wanted]
    return nodes


def first(resource: Any, path: str) -> Any:
    """The first value at `path`, or None."""
    found = read(resource, path)
    return found[0] if found else None


def _flat(values: list[Any]) -> list[Any]:
    """The items of lists within a list, and no nulls."""
    for value in values:
        if value is None or isinstance(value, list):
            inner = (item if isinstance(item, list) else [item] for item in values if item is not None)
            return [one for items in inner for one in _flat(items)]
    return values


def _step(text: str) -> Step:
    match = _STEP.fullmatch(text)
    if match is None:
        raise ValueError(f"not a path step: {text!r}")
    return match["name"], match["key"], match["value"]
