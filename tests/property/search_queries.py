"""Random searches on every parameter of the registry, with every modifier that it takes."""

from functools import cache

from hypothesis import strategies as st

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import common_parameters, parameters
from fhir_server.search.clauses import MODIFIERS, is_allowed
from fhir_server.search.extract import components
from fhir_server.search.query import SORTABLE
from fhir_server.search.trees import PARENTS
from tests.property.search_worlds import (
    CODES,
    DATES,
    IDS,
    INTENT,
    INTENTS,
    NAMES,
    NUMBERS,
    PLACES,
    STORED,
    SYSTEMS,
    TEXTS,
    URIS,
    URLS,
)

PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

Pairs = list[tuple[str, str]]


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in ",|$\\" else character for character in text)


def _tokens(code: str) -> st.SearchStrategy[str]:
    codes = {"_id": IDS, "status": ("free", "booked", "busy")}.get(code, ())
    code_text = st.sampled_from((*codes, *CODES, "true", "false", "+33 1")).map(_escaped)
    system = st.sampled_from((*SYSTEMS, "", "http://hl7.org/fhir/slotstatus"))
    return st.one_of(
        code_text, st.builds("{}|{}".format, system, code_text), st.sampled_from(SYSTEMS).map("{}|".format)
    )


def _targets(_code: str) -> st.SearchStrategy[str]:
    ids, types = st.sampled_from(IDS), st.sampled_from(STORED)
    elsewhere = st.sampled_from(
        ("https://other.example/fhir/Patient/1", "urn:uuid:1", *(_escaped(uri) for uri in URIS))
    )
    return st.one_of(ids, st.builds("{}/{}".format, types, ids), elsewhere)


def _amounts(_code: str) -> st.SearchStrategy[str]:
    units = st.sampled_from(("", "||min", f"|{SYSTEMS[0]}|min", f"|{SYSTEMS[0]}|"))
    return st.builds("{}{}{}".format, st.sampled_from(PREFIXES), st.sampled_from((*NUMBERS, "5.0", "1e2")), units)


def _circles(_code: str) -> st.SearchStrategy[str]:
    places = st.sampled_from(PLACES[:-1])
    distances = st.sampled_from(("", "|0", "|1|km", "|600", "|700|m", "|0.5|[mi_us]", "|20037|km", "|20100", "||km"))
    return st.builds(lambda place, distance: f"{place[0]}|{place[1]}{distance}", places, distances)


VALUES = {
    "token": _tokens,
    "reference": _targets,
    "date": lambda _code: st.builds("{}{}".format, st.sampled_from(PREFIXES), st.sampled_from(DATES)),
    "string": lambda _code: st.sampled_from((*TEXTS, "le", "fevre", "%", "ros", "HAY les", "-")).map(_escaped),
    "uri": lambda _code: st.sampled_from((*URIS, "urn:u:3")).map(_escaped),
    "number": _amounts,
    "quantity": _amounts,
    "special": _circles,
}
_HEARD = st.sampled_from((*TEXTS, *NAMES, "lefaivre", "la roze", "lay les rauses")).map(_escaped)
_TYPED = st.builds("{}|{}|{}".format, st.sampled_from(SYSTEMS), st.sampled_from(("MR", "mr")), st.sampled_from(CODES))


def values_of(parameter: SearchParameter, modifier: str) -> st.SearchStrategy[str]:
    """Written values that the parameter takes with the modifier."""
    if modifier == "missing":
        return st.sampled_from(("true", "false"))
    if modifier == "of-type":
        return _TYPED.filter(lambda text: text.count("|") == 2)
    if modifier in ("above", "below") and parameter.kind == "reference":
        standing = [name for name in PARENTS if name in (parameter.targets or STORED)]
        return st.builds("{}/{}".format, st.sampled_from(standing), st.sampled_from(IDS))
    if modifier in ("above", "below"):
        known = (*INTENTS, *CODES[:3]) if parameter.system else ()
        codes = st.sampled_from((*known, *(f"{INTENT}|{code}" for code in INTENTS)))
        return codes if parameter.kind == "token" else st.sampled_from(URLS)
    if parameter.kind == "composite":
        return st.tuples(*(values_of(component, "") for component in components(parameter))).map("$".join)
    if parameter.is_phonetic:
        return _HEARD
    kind = {"identifier": "token", "text": "string"}.get(modifier, parameter.kind)
    return VALUES[kind](parameter.code)


def modifiers_of(parameter: SearchParameter) -> list[str]:
    """What the parameter takes, as clients may try."""
    return [modifier for modifier in sorted(MODIFIERS[parameter.kind]) if is_allowed(parameter, modifier)]


@st.composite
def criteria(draw: st.DrawFn, type_name: str, depth: int = 0) -> tuple[str, str]:
    """Name and value of a criterion on any parameter of the type, chained now and then."""
    if depth < 2 and draw(st.integers(0, 7)) == 0:
        return draw(reverse_chains(type_name, depth))
    code = draw(st.sampled_from(sorted(parameters(type_name))))
    parameter = parameters(type_name)[code]
    served = [target for target in parameter.targets or STORED if target in STORED]
    if parameter.kind == "reference" and served and depth < 2 and draw(st.booleans()):
        target = draw(st.sampled_from(served))
        name, text = draw(criteria(target, depth + 1))
        return f"{code}:{target}.{name}", text
    modifier = draw(st.sampled_from(("", "", *modifiers_of(parameter))))
    text = ",".join(draw(st.lists(values_of(parameter, modifier), min_size=1, max_size=3)))
    return f"{code}:{modifier}" if modifier else code, text


@st.composite
def reverse_chains(draw: st.DrawFn, type_name: str, depth: int) -> tuple[str, str]:
    """`_has` through any reference that may point to the type."""
    source, code = draw(st.sampled_from(referrers(type_name)))
    name, text = draw(criteria(source, depth + 1))
    return f"_has:{source}:{code}:{name}", text


@cache
def referrers(type_name: str) -> list[tuple[str, str]]:
    """Every reference that may point to the type."""
    return [
        (source, code)
        for source in STORED
        for code, parameter in parameters(source).items()
        if parameter.kind == "reference" and (not parameter.targets or type_name in parameter.targets)
    ]


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, Pairs]:
    """A type with criteria, an order and a page size."""
    type_name = draw(st.sampled_from(sorted(STORED)))
    pairs = draw(st.lists(criteria(type_name), max_size=3))
    sortable = sorted(code for code, parameter in parameters(type_name).items() if parameter.kind in SORTABLE)
    keys = draw(st.lists(st.builds("{}{}".format, st.sampled_from(("", "-")), st.sampled_from(sortable)), max_size=2))
    if keys:
        pairs = [*pairs, ("_sort", ",".join(keys))]
    return type_name, [*pairs, ("_count", str(draw(st.integers(1, 4))))]


@st.composite
def mixed_searches(draw: st.DrawFn) -> tuple[str, Pairs]:
    """A search over several types, by what all of them have."""
    common = common_parameters()
    pairs: Pairs = []
    for code in draw(st.lists(st.sampled_from(sorted(common)), max_size=2)):
        modifier = draw(st.sampled_from(("", "", *modifiers_of(common[code]))))
        pairs.append((f"{code}:{modifier}".removesuffix(":"), draw(values_of(common[code], modifier))))
    if draw(st.booleans()):
        names = draw(st.lists(st.sampled_from((*sorted(STORED), "Unheard")), min_size=1, max_size=4))
        pairs.append(("_type", ",".join(names)))
    keys = draw(
        st.lists(st.builds("{}{}".format, st.sampled_from(("", "-")), st.sampled_from(sorted(common))), max_size=2)
    )
    return "", [*pairs, ("_sort", ",".join(keys)), ("_count", str(draw(st.integers(1, 20))))]


@st.composite
def includes(draw: st.DrawFn) -> tuple[str, Pairs]:
    """A type with a few includes, some of them repeated."""
    type_name = draw(st.sampled_from(sorted(STORED)))
    pairs = [("_id", draw(st.sampled_from(IDS)))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        modifier = draw(st.sampled_from(("", "", ":iterate")))
        is_reverse = draw(st.booleans())
        every = [
            (source, code)
            for source in STORED
            for code, parameter in parameters(source).items()
            if parameter.kind == "reference"
        ]
        near = referrers(type_name) if is_reverse else [link for link in every if link[0] == type_name]
        source, code = draw(st.sampled_from(every if modifier or not near else near))
        targets = ["", *(f":{name}" for name in parameters(source)[code].targets if name in STORED)]
        text = draw(st.sampled_from((f"{source}:{code}", f"{source}:{code}{draw(st.sampled_from(targets))}", "*")))
        pairs.append((f"{'_revinclude' if is_reverse else '_include'}{modifier}", text))
    return type_name, pairs
