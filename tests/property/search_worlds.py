"""Small worlds of random resources whose values come from small pools, so that random searches find something.

Resources are made from the paths of the registry's own rows: every search parameter gets values, whatever its type.
"""

from dataclasses import dataclass
from random import Random
from typing import Any

from fhir_server.kernel.audiences import AUDIENCES, HOLDERS, R314
from fhir_server.kernel.dates import interval
from fhir_server.kernel.paths import compile_path
from fhir_server.registry.extensions import DIRECT_ACCESS
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters

#: Every type but the audit trail, which is searched by another way.
STORED = tuple(name for name, row in RESOURCES.items() if not row.is_ledger)

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
NAMES = ("Lefebvre", "Le Febvre", "Rose", "L'Haÿ Lefèvre")
URLS = ("https://example.org/u", "https://example.org/u/", "https://example.org/u/a", "https://example.org/ua/a/b")
URIS = ("urn:u:1", "urn:u:2", "https://example.org/u|1", *URLS)
INTENT, INTENTS = "http://hl7.org/fhir/request-intent", ("order", "filler-order", "instance-order", "plan")
#: Latitude and longitude: near each other, and where meridians meet or the day changes.
PLACES = (
    (48.8566, 2.3522),
    (48.8600, 2.3600),
    (49.0000, 2.5000),
    (-17.0, 179.99),
    (-17.0, -179.99),
    (90, 0),
    (89.99, 180),
    (-90.0, 12.5),
    (0, 0),
    (91, 0),
)
NUMBERS = (5, 5.4, 5.45, 100, -3)
STATUSES = {"Slot": ("free", "busy"), "Appointment": ("booked", "cancelled")}


@dataclass(frozen=True)
class Placed:
    """A resource with its place in the store."""

    pk: int
    owner: str
    updated_ms: int
    resource: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """Type and id."""
        return self.resource["resourceType"], self.resource["id"]


def world(seed: int) -> list[Placed]:
    """Every type of the registry under a few ids, in a random order of creation."""
    random = Random(seed)
    keys = [(type_name, id_) for type_name in STORED for id_ in IDS]
    random.shuffle(keys)
    return [_placed(random, pk, *key) for pk, key in enumerate(keys, start=1)]


def _placed(random: Random, pk: int, type_name: str, id_: str) -> Placed:
    updated = random.choice(INSTANTS)
    resource = {"resourceType": type_name, "id": id_, **_elements(random, type_name)}
    meta = resource.pop("meta", [{}])
    resource["meta"] = {**(meta[0] if meta else {}), "lastUpdated": updated}
    if type_name == "Slot":
        _restrict(Random(pk), resource)
    return Placed(pk, random.choice(OWNERS), interval(updated).low, resource)


def _restrict(random: Random, slot: dict[str, Any]) -> None:
    """Mean it for some, and keep it for others until before or after the present of the tests."""
    if random.random() < 0.5:
        codes = random.sample(sorted(AUDIENCES), 2)
        slot["meta"]["security"] = [{"system": R314, "code": code} for code in codes]
    if random.random() < 0.6:
        release = random.choice(("2026-03-01T00:00:00Z", "2026-03-29T00:00:00Z"))
        kept = [
            {"url": "holder", "valueCode": random.choice(sorted(HOLDERS))},
            {"url": "release", "valueInstant": release},
        ]
        slot["extension"] = [{"url": DIRECT_ACCESS, "extension": kept}]


@dataclass
class _Node:
    """What a type's parameters search of one element, and below it."""

    parameter: SearchParameter | None
    children: dict[str, "_Node"]
    #: Members that filters ask for, by name.
    wanted: dict[str, str]


def _elements(random: Random, type_name: str) -> dict[str, Any]:
    root = _Node(None, {}, {})
    for parameter in parameters(type_name).values():
        for path in parameter.paths:
            if parameter.kind != "composite" and path not in ("id", "meta.lastUpdated") and not path.endswith("()"):
                _plant(root, path, parameter)
    tree = {name: _element(random, type_name, name, node) for name, node in root.children.items()}
    if type_name == "Patient":
        tree["deceasedBoolean"] = random.choice((None, True, False))
    return {name: value for name, value in tree.items() if value is not None and value != []}


def _plant(node: _Node, path: str, parameter: SearchParameter) -> None:
    for name, key, wanted in compile_path(path):
        node = node.children.setdefault(name, _Node(None, {}, {}))
        if name == "telecom":
            break
        if key is not None and wanted is not None:
            node.wanted[key] = wanted
    node.parameter = node.parameter or parameter


def _element(random: Random, type_name: str, name: str, node: _Node) -> Any:
    if node.parameter is not None and node.parameter.column:
        return _column_value(random, type_name, node.parameter)
    return [_value(random, name, node) for _ in range(random.choice((0, 1, 1, 2)))]


def _column_value(random: Random, type_name: str, parameter: SearchParameter) -> Any:
    if parameter.kind == "token":
        return random.choice(STATUSES[type_name])
    if parameter.kind == "date":
        # A slot has its times; an appointment may wait for them.
        return random.choice(INSTANTS if type_name == "Slot" else (*INSTANTS, None))
    return _reference(random, parameter)


def _value(random: Random, name: str, node: _Node) -> Any:
    if name == "telecom":
        return {"system": random.choice(("phone", "email")), "value": random.choice(("+33 1", "a@b.fr"))}
    below = {child: [_value(random, child, found)] for child, found in node.children.items() if random.random() < 0.7}
    if node.parameter is None or (node.children and node.parameter.kind != "token"):
        return {**node.wanted, **below}
    own = _BY_KIND[node.parameter.kind](random, node.parameter)
    # A concept with extensions, or with a text that another parameter searches.
    return {**own, **below} if node.children and isinstance(own, dict) else own


def _token(random: Random, parameter: SearchParameter) -> Any:
    system, code = {"system": random.choice(SYSTEMS)}, random.choice(CODES)
    if parameter.is_case_sensitive:
        return random.choice(
            (
                {**system, "value": code},
                {"value": code},
                {**system, "value": code, "type": {"coding": [{**system, "code": "MR"}], "text": random.choice(TEXTS)}},
                {"value": code, "type": {"coding": [{"code": "mr", "display": random.choice(TEXTS)}]}},
            )
        )
    if parameter.system:
        return random.choice(INTENTS) if parameter.system == INTENT else code
    return random.choice(
        (
            {**system, "code": code},
            {**system, "code": code, "display": random.choice(TEXTS)},
            {"coding": [{**system, "code": code}, {"code": random.choice(CODES), "display": random.choice(TEXTS)}]},
            {"coding": [{"system": INTENT, "code": random.choice(INTENTS)}]},
            {"coding": [{**system}]},
            {"text": random.choice(TEXTS)},
            random.choice((True, False)),
        )
    )


def _reference(random: Random, parameter: SearchParameter) -> dict[str, Any]:
    target = random.choice(parameter.targets or tuple(STORED))
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
    amount = {"value": random.choice(NUMBERS), **unit}
    return random.choice((amount, amount, {"low": amount}, {"low": amount, "high": {"value": random.choice(NUMBERS)}}))


def _position(random: Random, _parameter: SearchParameter) -> Any:
    latitude, longitude = random.choice(PLACES)
    return random.choice(({"latitude": latitude, "longitude": longitude}, {"latitude": latitude}, {"altitude": 3}))


_BY_KIND = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "string": lambda random, _parameter: random.choice((*TEXTS, *NAMES)),
    "uri": lambda random, _parameter: random.choice(URIS),
    "number": lambda random, _parameter: random.choice(NUMBERS),
    "quantity": _quantity,
    "special": _position,
}
