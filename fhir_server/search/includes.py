"""`_include` and `_revinclude`: which resources come along. https://www.hl7.org/fhir/R4/search.html#revinclude"""

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.model import Include

Links = list[tuple[str, str]]

#: `recurse` is what STU3 called it.
_ITERATE = frozenset({"iterate", "recurse"})


def read_includes(type_name: str, name: str, text: str) -> list[Include]:
    """The directives that `_include[:iterate]=Type:parameter[:target]` stands for; `*` stands for every reference.

    `*` alone is every reference of the type searched, of any type when iterated, and every reference to it in reverse.

    A directive whose type is not the one searched can only mean what was included: it is taken as iterated.
    Raises FhirError (INVALID) for a type or parameter that is not served.
    """
    directive, _, modifier = name.partition(":")
    if modifier and modifier not in _ITERATE:
        raise _refused(name, f"The modifier :{modifier[:40]} is not supported on {directive}.")
    is_reverse = directive == "_revinclude"
    if text == "*":
        target = None
        links = _every(None if modifier else type_name, is_reverse)
    else:
        source, codes, target = _cut(name, text)
        links = [(source, code) for code in codes]
    return [
        Include(source, code, target, is_reverse, bool(modifier) or (source != type_name and not is_reverse))
        for source, code in links
    ]


def _every(type_name: str | None, is_reverse: bool) -> Links:
    """Every reference of a type, or to it; of all types for None."""
    return [
        (source, code)
        for source, row in RESOURCES.items()
        for code, found in parameters(source).items()
        if found.kind == "reference"
        and not row.is_ledger
        and (type_name is None or (_may_point(found, type_name) if is_reverse else source == type_name))
    ]


def _may_point(parameter: SearchParameter, type_name: str) -> bool:
    return not parameter.targets or type_name in parameter.targets


def _cut(name: str, text: str) -> tuple[str, list[str], str | None]:
    source, _, rest = text.partition(":")
    code, _, target = rest.partition(":")
    if source not in RESOURCES or (target and target not in RESOURCES):
        raise _refused(name, f"{name[:40]} names a type that is not served here.")
    if RESOURCES[source].is_ledger:
        raise _refused(name, f"{source} comes along with nothing, and brings nothing along.")
    references = {found.code: found for found in parameters(source).values() if found.kind == "reference"}
    if code != "*" and code not in references:
        raise _refused(name, f"{name[:40]} names no reference parameter of {source}.")
    if target and code != "*" and not _may_point(references[code], target):
        raise _refused(name, f"{source}.{code} does not refer to {target}.")
    return source, list(references) if code == "*" else [code], target or None


def _refused(name: str, diagnostics: str) -> FhirError:
    return fault(Category.INVALID, diagnostics, name[:100])
