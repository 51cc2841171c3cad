"""From a parameter's name and value to a clause: modifiers, chains (`patient.name`) and reverse chains (`_has:…`).

https://www.hl7.org/fhir/R4/search.html#modifiers and #chaining
"""

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search import values
from fhir_server.search.model import Chain, Clause, Criterion, ReverseChain
from fhir_server.search.trees import has_tree, tree_clause
from fhir_server.search.values import Frame

#: Links a chain may have.
MAX_DEPTH = 4

#: Modifiers each kind of parameter takes; a reference takes the name of a type too.
MODIFIERS: dict[str, frozenset[str]] = {
    "string": frozenset({"missing", "exact", "contains"}),
    "token": frozenset({"missing", "not", "text", "of-type", "above", "below"}),
    "reference": frozenset({"missing", "identifier", "above", "below"}),
    "date": frozenset({"missing"}),
    "uri": frozenset({"missing", "above", "below"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
    "composite": frozenset({"missing"}),
    "special": frozenset({"missing"}),
}
#: Modifiers that have done their work once the values carry it, as a type's name has.
_SPENT = frozenset({"above", "below"})
#: Why some modifiers of R4 are refused.
_REASONS = {
    ("token", "in"): "value sets take a terminology service, which this server has not",
    ("token", "not-in"): "value sets take a terminology service, which this server has not",
    ("token", "of-type"): "only identifiers have a type",
    ("reference", "above"): "what it refers to is not part of anything of its own type",
    ("reference", "below"): "what it refers to has no parts of its own type",
}


class UnknownParameterError(Exception):
    """The type has no such parameter: ignored, or refused when the client asked for strict handling."""


def read_clause(type_name: str, name: str, text: str, frame: Frame) -> Clause | None:
    """The clause that `name=text` asks of a resource of that type; None when it has no value.

    Raises UnknownParameterError, and FhirError for a modifier or value that cannot be honoured.
    """
    if name.count(".") + name.count("_has:") > MAX_DEPTH:
        raise _refused(name, f"A chain has at most {MAX_DEPTH} links.")
    if name.startswith("_has:"):
        return _reverse(type_name, name, text, frame)
    head, dot, rest = name.partition(".")
    if dot and not rest:
        raise _refused(name, "A chain ends with a parameter.")
    code, colon, modifier = head.partition(":")
    parameter = lookup(type_name, code)
    if rest:
        return _chain(type_name, parameter, modifier, rest, text, frame)
    if colon and not is_allowed(parameter, modifier):
        reason = _REASONS.get((parameter.kind, modifier), "")
        raise _refused(name, f"The modifier :{modifier[:40]} is not supported on {code}{reason and ': '}{reason}.")
    found = values.read(parameter, modifier, text, frame)
    if parameter.kind == "reference" and modifier in _SPENT:
        return tree_clause(type_name, parameter, modifier, found)
    kept = modifier if modifier in MODIFIERS[parameter.kind] and modifier not in _SPENT else ""
    return Criterion(type_name, parameter, kept, found) if found else None


def lookup(type_name: str, code: str) -> SearchParameter:
    """The parameter of that type. Raises UnknownParameterError."""
    if type_name not in RESOURCES or code not in parameters(type_name):
        raise UnknownParameterError(f"{type_name}.{code}")
    return parameters(type_name)[code]


def is_allowed(parameter: SearchParameter, modifier: str) -> bool:
    """Whether the parameter takes the modifier, or the name of a type in its place."""
    if modifier == "of-type":
        return parameter.kind == "token" and parameter.is_case_sensitive and not parameter.column
    if parameter.kind == "reference" and modifier in _SPENT:
        return has_tree(parameter)
    if parameter.is_phonetic:
        return modifier == "missing"
    if modifier in MODIFIERS[parameter.kind]:
        return True
    return parameter.kind == "reference" and modifier in (parameter.targets or RESOURCES)


def _chain(
    type_name: str, parameter: SearchParameter, modifier: str, rest: str, text: str, frame: Frame
) -> Chain | None:
    name = f"{parameter.code}.{rest}"
    if parameter.kind != "reference":
        raise _refused(name, f"{parameter.code} is no reference; nothing can be chained to it.")
    target = _chain_target(parameter, modifier, rest, name)
    clause = read_clause(target, rest, text, frame)
    return None if clause is None else Chain(type_name, parameter, target, clause)


def _chain_target(parameter: SearchParameter, modifier: str, rest: str, name: str) -> str:
    served = [target for target in parameter.targets or RESOURCES if target in RESOURCES]
    if modifier:
        if modifier not in served:
            raise _refused(name, f"{parameter.code} does not lead to the type {modifier[:40]} here.")
        return modifier
    code = rest.partition(".")[0].partition(":")[0]
    able = [target for target in served if code in parameters(target) or code == "_has"]
    if not able:
        raise UnknownParameterError(name)
    if len(able) > 1:
        raise _refused(name, f"Say to which type: {parameter.code}:{able[0]}.{rest}, or another of {', '.join(able)}.")
    return able[0]


def _reverse(type_name: str, name: str, text: str, frame: Frame) -> ReverseChain | None:
    parts = name.split(":", 3)
    if len(parts) != 4:
        raise _refused(name, "The form is _has:Type:reference:parameter.")
    _, source, code, rest = parts
    parameter = lookup(source, code)
    if RESOURCES[source].is_ledger:
        raise _refused(name, f"What is told in {source} is asked of {source} alone.")
    if parameter.kind != "reference" or (parameter.targets and type_name not in parameter.targets):
        raise _refused(name, f"{source}.{code} does not refer to {type_name}.")
    clause = read_clause(source, rest, text, frame)
    return None if clause is None else ReverseChain(type_name, source, parameter, clause)


def _refused(name: str, diagnostics: str) -> FhirError:
    return fault(Category.INVALID, diagnostics, name[:100])
