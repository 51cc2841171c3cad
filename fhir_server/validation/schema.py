"""The schema gate: structure, cardinality, value syntax and required codes of one resource.

`r4.schema.json.gz` is generated from the R4 definitions (`generate.py`); a type is compiled when first asked for (about
10 ms). A resource inside another one is not looked into here: `gates.py` gives each its turn.
"""

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any

import jsonschema_rs

from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.validation import diagnostics
from fhir_server.validation.elements import definitions, is_resource

#: Findings told about one resource: what has more is no resource with mistakes in it.
MAX_ISSUES = 100


def issues(resource: Mapping[str, Any], type_name: str, path: str | None = None) -> list[Issue]:
    """What the schema finds wrong with `resource`: one issue a fault.

    Expressions start with `path`, or else with the type's name. Raises FhirError: NOT_SUPPORTED_TYPE for a type without
    a definition, INVALID for text that is not Unicode.
    """
    validator = _validator(type_name)
    try:
        if validator.is_valid(resource):
            return []
        errors = list(islice(validator.iter_errors(resource), MAX_ISSUES))
    except UnicodeEncodeError:
        raise fault(Category.INVALID, "A string holds half of a surrogate pair, which is no character.", path) from None
    return diagnostics.issues(errors, type_name, path or type_name)


def prepare(type_name: str) -> None:
    """Compile the type now, so that no request waits for it."""
    _validator(type_name)


@cache
def _validator(type_name: str) -> jsonschema_rs.Draft202012Validator:
    if not is_resource(type_name):
        raise fault(Category.NOT_SUPPORTED_TYPE, "This server has no definition of resources of this type.")
    schema = {"$ref": f"#/$defs/{type_name}", "$defs": definitions()}
    # The engine of linear time: a pattern cannot be made to hang by what is sent.
    return jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
