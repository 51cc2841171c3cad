"""`_include` and `_revinclude`: which resources come along. https://www.hl7.org/fhir/R4/search.html#revinclude"""

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.model import Include

#: `recurse` is what STU3 called it.
_ITERATE = frozenset({"iterate", "recurse"})


def read_includes(type_name: str, name: str, text: str) -> list[Include]:
    """The directives that `_include[:iterate]=Type:parameter[:target]` stands for; `*` stands for every reference.

    A directive whose type is not the one searched can only mean what was included: it is taken as iterated.
    Raises FhirError (INVALID) for a type or parameter that is not served.
    """
    directive, _, modifier = name.partition(":")
    if modifier and modifier not in _ITERATE:
        raise _refused(name, f"The modifier :{modifier[:40]} is not supported on {directive}.")
    is_reverse = directive == "_revinclude"
    source, codes, target = _cut(type_name, name, text, is_reverse)
    is_iterated = bool(modifier) or (source != type_name and not is_reverse)
    return [Include(source, code, target, is_reverse, is_iterated) for code in codes]


def _cut(type_name: str, name: str, text: str, is_reverse: bool) -> tuple[str, list[str], str | None]:
    source, _, rest = (f"{type_name}:*" if text == "*" and not is_reverse else text).partition(":")
    code, _, target = rest.partition(":")
    if source not in RESOURCES or (target and target not in RESOURCES):
        raise _refused(name, f"{name[:40]} names a type that is not served here.")
    references = {found.code: found for found in parameters(source).values() if found.kind == "reference"}
    if code != "*" and code not in references:
        raise _refused(name, f"{name[:40]} names no reference parameter of {source}.")
    if target and code != "*" and references[code].targets and target not in references[code].targets:
        raise _refused(name, f"{source}.{code} does not refer to {target}.")
    return source, list(references) if code == "*" else [code], target or None


def _refused(name: str, diagnostics: str) -> FhirError:
    return fault(Category.INVALID, diagnostics, name[:100])
