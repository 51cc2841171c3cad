"""Write elements into a resource by path: `participant[].status`, `participant[attending].individual`, `identifier[]`.

`name[]` at the end appends to a list. `name[]` on the way opens an item that the other rows of the same segment share;
`name[word]` opens another one, shared under that word. A path without brackets at its end is written once: what stands
first stays. Inside an extension, `extension[word]` is the part of that name.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

_STEP = re.compile(r"(?P<name>[A-Za-z]\w*)(?P<list>\[(?P<item>\w*)\])?")

Resource = dict[str, Any]
#: Items that the rows of one segment share, by path and word.
Items = dict[str, Resource]
Put = Callable[[Resource, Items, Any], None]
IsSet = Callable[[Resource, Items], bool]

Step = tuple[str, bool, str]


def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path: element name, whether it is a list, word of the item. Raises ValueError for no path."""
    return tuple(_step(text) for text in path.split("."))


def _step(text: str) -> Step:
    match = _STEP.fullmatch(text)
    if match is None:
        raise ValueError(f"not an element path: {text!r}")
    return match["name"], match["list"] is not None, match["item"] or ""


def element(path: str) -> str:
    """The top-level element of a path."""
    return parse(path)[0][0]


def compile_target(path: str) -> tuple[Put, IsSet]:
    """How to write at `path`, and whether something stands there already (never so for a list's end)."""
    *way, (name, is_list, _) = parse(path)
    steps = [(step, _address(way[: depth + 1])) for depth, step in enumerate(way)]

    def parent(resource: Resource, items: Items) -> Resource:
        node = resource
        for (step, many, word), address in steps:
            if not many:
                node = node.setdefault(step, {})
            elif address in items:
                node = items[address]
            else:
                # A part of an extension is named by the word itself.
                item: Resource = {"url": word} if step == "extension" and "." in address else {}
                node.setdefault(step, []).append(item)
                node = items[address] = item
        return node

    def existing(resource: Resource, items: Items) -> Resource | None:
        node = resource
        for (step, many, _), address in steps:
            found = items.get(address) if many else node.get(step)
            if found is None:
                return None
            node = found
        return node

    def append(resource: Resource, items: Items, value: Any) -> None:
        held = parent(resource, items).setdefault(name, [])
        for item in value if isinstance(value, list) else [value]:
            if item not in held:
                held.append(item)

    def put(resource: Resource, items: Items, value: Any) -> None:
        parent(resource, items)[name] = value

    def is_set(resource: Resource, items: Items) -> bool:
        node = existing(resource, items)
        return node is not None and name in node

    if is_list:
        return append if steps else _append_here(name), lambda resource, items: False
    if not steps:
        return _put_here(name), lambda resource, items: name in resource
    if len(steps) == 1 and steps[0][0][1]:
        return _put_into_item(steps[0][0][0], steps[0][1], name), _is_in_item(steps[0][1], name)
    return put, is_set


def parent_of(path: str, resource: Resource, items: Items) -> tuple[str, Resource] | None:
    """Where the element stands that `path` writes into, and what it is; None while it is not there.

    The way to it holds numbers: `participant[1].actor`; it is empty for the resource itself.
    """
    node, written = resource, ""
    steps = parse(path)[:-1]
    for depth, (name, is_list, _) in enumerate(steps):
        found = items.get(_address(steps[: depth + 1])) if is_list else node.get(name)
        if found is None:
            return None
        number = f"[{next(at for at, one in enumerate(node[name]) if one is found)}]" if is_list else ""
        node, written = found, f"{written}.{name}{number}".lstrip(".")
    return written, node


def _address(steps: Sequence[Step]) -> str:
    """By what the items are shared that stand at the end of these steps."""
    return ".".join(name + word for name, _, word in steps)


def _put_here(name: str) -> Put:
    def put(resource: Resource, items: Items, value: Any) -> None:
        resource[name] = value

    return put


def _append_here(name: str) -> Put:
    def append(resource: Resource, items: Items, value: Any) -> None:
        held = resource.setdefault(name, [])
        for item in value if isinstance(value, list) else (value,):
            if item not in held:
                held.append(item)

    return append


def _put_into_item(element: str, address: str, name: str) -> Put:
    """As any `put` of `element[].name`, of which there are most."""

    def put(resource: Resource, items: Items, value: Any) -> None:
        item = items.get(address)
        if item is None:
            item = items[address] = {}
            resource.setdefault(element, []).append(item)
        item[name] = value

    return put


def _is_in_item(address: str, name: str) -> IsSet:
    return lambda resource, items: address in items and name in items[address]
