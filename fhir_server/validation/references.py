"""References: their syntax, what they may point to, and what is contained. Whether a target exists is not asked here.

Accepted: `Type/id` (with a version or not), an absolute http(s) URL, `urn:uuid:` and `urn:oid:`, `#id` of a contained
resource, and, in a Bundle, a search that stands for its one match (`Patient?identifier=…`).
https://www.hl7.org/fhir/R4/references.html
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fhir_server.kernel.errors import Category, Issue
from fhir_server.validation.elements import resource_types
from fhir_server.validation.walk import CONTAINED, Node, walk

_ID = r"[A-Za-z0-9\-.]{1,64}"
_LOCAL = re.compile(rf"(?P<type>[A-Z][A-Za-z]*)/{_ID}(?:/_history/{_ID})?")
_TAIL = re.compile(rf"/(?P<type>[A-Z][A-Za-z]*)/{_ID}(?:/_history/{_ID})?\Z")
_NOT_IN_URL = re.compile(r"[\s<>\"]")
_URN = re.compile(r"urn:uuid:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+")
_SEARCH = re.compile(r"(?P<type>[A-Z][A-Za-z]*)\?[^\s<>\"]+")
_DEFINITION_URL = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reference's text says."""

    #: local, absolute, urn, contained, search; empty for what is no reference.
    form: str
    #: Resource type named in the text, empty when it names none.
    type: str = ""


def parse(text: str) -> Parsed:
    """The form of a reference and the resource type it names.

    >>> parse("Patient/1"), parse("#p"), parse("javascript:alert(1)")
    (Parsed(form='local', type='Patient'), Parsed(form='contained', type=''), Parsed(form='', type=''))
    """
    if match := _LOCAL.fullmatch(text):
        return Parsed("local", match["type"]) if match["type"] in resource_types() else Parsed("")
    if text.startswith("#"):
        return Parsed("contained")
    if text.startswith(("http://", "https://")):
        return _parse_url(text)
    if _URN.fullmatch(text):
        return Parsed("urn")
    if match := _SEARCH.fullmatch(text):
        return Parsed("search", match["type"]) if match["type"] in resource_types() else Parsed("")
    return Parsed("")


def _parse_url(text: str) -> Parsed:
    if _NOT_IN_URL.search(text) or text.endswith("://"):
        return Parsed("")
    match = _TAIL.search(text)
    return Parsed("absolute", match["type"] if match and match["type"] in resource_types() else "")


def iter_references(resource: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Reference of a resource with its FHIRPath, those of contained and of Bundled resources included.

    The resource need not be valid: what does not have the shape of its type is passed over.
    """
    for node in walk(resource, str(resource.get("resourceType"))):
        if node.type == "Reference":
            yield node.path, node.value


def issues(nodes: Iterable[Node], broken: Container[str] = ()) -> Iterator[Issue]:
    """Faults of the references of a walked resource, and dom-3; nodes whose path is in `broken` are passed over."""
    scopes: dict[int, _Scope] = {}
    for node in nodes:
        if node.type != "Reference" and node.type != CONTAINED:
            continue
        scope = scopes.get(id(node.root))
        if scope is None:
            scope = scopes[id(node.root)] = _Scope(node.root)
        if node.type == CONTAINED:
            scope.contained.append(node)
        elif node.path not in broken:
            scope.mentioned.add(node.value.get("reference"))
            found = _reference(node, scope)
            if found is not None:
                yield found
    for scope in scopes.values():
        yield from _orphans(scope, broken)


class _Scope:
    """The resource inside which `#id` has a meaning, and what is known of it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.contained: list[Node] = []
        self.mentioned: set[str | None] = set()

    @cached_property
    def types(self) -> Mapping[str | None, str]:
        """Type by local reference, empty when it is none of R4: `{"#p": "Patient"}`."""
        contained = self.root.get("contained")
        items = [item for item in contained if isinstance(item, dict)] if isinstance(contained, list) else []
        return {f"#{item['id']}": _known_type(item) for item in items if "id" in item}

    @cached_property
    def fragments(self) -> frozenset[str]:
        """Every text of the resource that starts with `#`: canonical URLs too may refer to what is contained."""
        return frozenset(_fragments(self.root))


def _known_type(resource: Mapping[str, Any]) -> str:
    type_name = resource.get("resourceType")
    return type_name if isinstance(type_name, str) and type_name in resource_types() else ""


def _fragments(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _fragments(item)
    elif isinstance(value, str) and value.startswith("#"):
        yield value


def _orphans(scope: _Scope, broken: Container[str]) -> Iterator[Issue]:
    """dom-3: a contained resource is referred to from its container, or refers to it by `#`."""
    for node in scope.contained:
        name = f"#{node.value.get('id')}"
        # What is contained by what is contained is told by dom-2.
        is_nested = ".contained[" in node.path.rpartition(".contained[")[0]
        if is_nested or node.path in broken or name in scope.mentioned:
            continue
        if name not in scope.fragments and "#" not in _fragments(node.value):
            demand = "What is contained is referred to, or refers to its container (dom-3)."
            yield Issue(Category.INVARIANT, demand, node.path)


def _reference(node: Node, scope: _Scope) -> Issue | None:
    text = node.value.get("reference")
    path = f"{node.path}.reference"
    parsed = Parsed("") if text is None else parse(text)
    if text is not None and parsed.form == "":
        return Issue(Category.VALUE, "A reference is Type/id, an http(s) URL, urn:uuid:, urn:oid: or #id.", path)
    if parsed.form == "search" and not node.path.startswith("Bundle."):
        return Issue(Category.VALUE, "A reference by search stands only in a Bundle.", path)
    if parsed.form == "contained":
        target = scope.types.get(text)
        if text == "#" and ".contained[" in node.path:
            target = _known_type(scope.root)
        if target is None:
            return Issue(Category.INVARIANT, "The reference is to a resource that is not contained here (ref-1).", path)
        parsed = Parsed("contained", target)
    return _target(node, parsed)


def _target(node: Node, parsed: Parsed) -> Issue | None:
    """The type named by the reference, and the one it states, agree with each other and with the element."""
    stated = node.value.get("type", "").removeprefix(_DEFINITION_URL)
    if ":" in stated:
        stated = ""  # A logical model, which R4 has no list of.
    if stated and stated not in resource_types():
        return Issue(Category.VALUE, "The type stated is no R4 resource type.", f"{node.path}.type")
    if stated and parsed.type and stated != parsed.type:
        sentence = f"The type stated, {stated}, is not that of the reference, {parsed.type}."
        return Issue(Category.VALUE, sentence, f"{node.path}.type")
    target = parsed.type or stated
    targets = node.element.targets if node.element is not None else frozenset()
    if target and targets and target not in targets:
        allowed = ", ".join(sorted(targets))
        return Issue(Category.VALUE, f"The reference is to {target}, where only {allowed} may stand.", node.path)
    return None
