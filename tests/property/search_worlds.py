"""Small worlds of random resources whose values come from small pools, so that random searches find something.

Resources are made from the paths of the registry's own rows: every search parameter gets values, whatever its type.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from fhir_server.kernel.dates import interval
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters

IDS = ("1", "2", "3", "4", "5")
OWNERS = ("a", "b")
SYSTEMS = ("urn:s1", "urn:s2")
CODES = ("x", "X", "y", "z|1")
DATES = (
    "2025",
    "2026",
    "2026-01",
    "2026-01-05",
    "2026-01-05T08:00+01:00",
    "2026-01-05T08:00:00+01:00",
    "2026-01-05T07:00:00.250Z",
    "2026-01-05T08:00:01+01:00",
    "2026-01-05T08:01:00+01:00",
    "2026-03-29T03:30:00+02:00",
)
INSTANTS = DATES[5:]
TEXTS = ("Lefèvre", "LEFEVRE", "Le Fèvre", "L'Haÿ-les-Roses", "100%_\\sûr", "a" * 300)
URIS = ("urn:u:1", "urn:u:2", "https://example.org/u|1")
NUMBERS = (5, 5.4, 5.45, 100, -3)
STATUSES = {"Slot": ("free", "busy"), "Appointment": ("booked", "cancelled")}


@dataclass(frozen=True)
class Placed:
    """A resource with its place in the store."""

    pk: int
    owner: str
    updated_ms: int
    resource: dict[str, Any]


def world(seed: int) -> list[Placed]:
    """Every type of the registry under a few ids, in a random order of creation."""
    random = Random(seed)
    keys = [(type_name, id_) for type_name in RESOURCES for id_ in IDS]
    random.shuffle(keys)
    return [_placed(random, pk, *key) for pk, key in enumerate(keys, start=1)]


def _placed(random: Random, pk: int, type_name: str, id_: str) -> Placed:
    updated = random.choice(INSTANTS)
    resource = {"resourceType": type_name, "id": id_, **_elements(random, type_name)}
    meta = resource.pop("meta", [{}])
    resource["meta"] = {**(meta[0] if meta else {}), "lastUpdated": updated}
    return Placed(pk, random.choice(OWNERS), interval(updated).low, resource)


def _elements(random: Random, type_name: str) -> dict[str, Any]:
    tree: dict[str, Any] = {"deceasedBoolean": None} if type_name == "Patient" else {}
    for parameter in parameters(type_name).values():
        for path in parameter.paths:
            if path not in ("id", "meta.lastUpdated") and not path.endswith("()"):
                _plant(tree, path, parameter)
    return {
        name: value
        for name, node in tree.items()
        if (value := _element(random, type_name, name, node)) is not None and value != []
    }


def _plant(tree: dict[str, Any], path: str, parameter: SearchParameter) -> None:
    head, _, rest = path.partition(".")
    name = head.partition("[")[0]
    if rest and name != "telecom":
        child = tree.get(name)
        tree[name] = child if isinstance(child, dict) else {}
        _plant(tree[name], rest, parameter)
    elif not isinstance(tree.get(name), dict):
        tree[name] = parameter


def _element(random: Random, type_name: str, name: str, node: Any) -> Any:
    if node is None:
        return random.choice((None, True, False))
    if isinstance(node, SearchParameter) and node.column:
        return _column_value(random, type_name, node)
    return [_value(random, name, node) for _ in range(random.choice((0, 1, 1, 2)))]


def _column_value(random: Random, type_name: str, parameter: SearchParameter) -> Any:
    if parameter.kind == "token":
        return random.choice(STATUSES[type_name])
    if parameter.kind == "date":
        # A slot has its times; an appointment may wait for them.
        return random.choice(INSTANTS if type_name == "Slot" else (*INSTANTS, None))
    return _reference(random, parameter)


def _value(random: Random, name: str, node: Any) -> Any:
    if isinstance(node, dict):
        return {child: [_value(random, child, below)] for child, below in node.items() if random.random() < 0.7}
    if name == "telecom":
        return {"system": random.choice(("phone", "email")), "value": random.choice(("+33 1", "a@b.fr"))}
    return _BY_KIND[node.kind](random, node)


def _token(random: Random, parameter: SearchParameter) -> Any:
    system, code = {"system": random.choice(SYSTEMS)}, random.choice(CODES)
    if parameter.is_case_sensitive:
        return random.choice(({**system, "value": code}, {"value": code}))
    if parameter.system:
        return code
    return random.choice(
        (
            {**system, "code": code},
            {"coding": [{**system, "code": code}, {"code": random.choice(CODES)}]},
            {"coding": [{**system}]},
            {"text": "no code"},
            random.choice((True, False)),
        )
    )


def _reference(random: Random, parameter: SearchParameter) -> dict[str, Any]:
    target = random.choice(parameter.targets or tuple(RESOURCES))
    identifier = {"identifier": {"system": random.choice(SYSTEMS), "value": random.choice(CODES)}}
    return random.choice(
        (
            {"reference": f"{target}/{random.choice(IDS)}"},
            {"reference": f"{target}/{random.choice(IDS)}/_history/3", **identifier},
            {"reference": f"https://other.example/fhir/{target}/1"},
            {"reference": "urn:uuid:1"},
            {"type": target, **identifier},
            {"display": "somebody"},
            {"reference": "#contained"},
        )
    )


def _date(random: Random, _parameter: SearchParameter) -> Any:
    if random.random() < 0.6:
        return random.choice(DATES)
    bounds = {"start": random.choice(DATES), "end": random.choice(DATES)}
    return {name: text for name, text in bounds.items() if random.random() < 0.7}


def _quantity(random: Random, _parameter: SearchParameter) -> Any:
    unit = random.choice(({}, {"unit": "min"}, {"system": SYSTEMS[0], "code": "min", "unit": "minutes"}))
    return {"value": random.choice(NUMBERS), **unit}


_BY_KIND = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "string": lambda random, _parameter: random.choice(TEXTS),
    "uri": lambda random, _parameter: random.choice(URIS),
    "quantity": _quantity,
}
