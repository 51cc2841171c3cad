"""`:above` and `:below` on references: what points into the tree that a type's resources stand in.

`Encounter?location:below=Location/1` finds what refers to Location/1 or to whatever is part of it, and
`Organization?partof:above=1` what is part of 1 or of something that 1 is part of.
https://www.hl7.org/fhir/R4/search.html#recursive
"""

from collections.abc import Mapping, Sequence

from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.model import AnyOf, Branches, Clause, Target, Value

#: Types whose resources stand in trees, and the parameter that leads from one to what it is part of. Everybody may see
#: them: a tree is followed through every resource of its type.
PARENTS: Mapping[str, str] = {"Location": "partof", "Organization": "partof"}


def has_tree(parameter: SearchParameter) -> bool:
    """Whether the parameter may refer to something that stands in a tree."""
    return parameter.kind == "reference" and bool(_types(parameter))


def tree_clause(type_name: str, parameter: SearchParameter, modifier: str, values: Sequence[Value]) -> Clause | None:
    """What `parameter:above` or `parameter:below` asks; None without values. Each value names where to start.

    Raises FhirError (VALUE) for a value of a type without trees, or of no certain type.
    """
    starts: dict[str, list[str]] = {}
    for value in values:
        assert isinstance(value, Target)
        starts.setdefault(_type(parameter, modifier, value), []).append(value.id)
    clauses = tuple(
        Branches(type_name, parameter, target, tuple(ids), modifier == "below") for target, ids in starts.items()
    )
    return clauses[0] if len(clauses) == 1 else AnyOf(type_name, clauses) if clauses else None


def _types(parameter: SearchParameter) -> list[str]:
    return [name for name in PARENTS if name in (parameter.targets or RESOURCES)]


def _type(parameter: SearchParameter, modifier: str, value: Target) -> str:
    """The type of a value: a bare id is of the one type with trees that may stand there."""
    found = _types(parameter)
    if value.type is None and len(found) == 1:
        return found[0]
    if value.type not in found:
        name, forms = f"{parameter.code}:{modifier}", " or ".join(f"{type_name}/id" for type_name in found)
        raise fault(Category.VALUE, f"The search parameter {name} must be {forms} of this server.", name)
    return value.type
