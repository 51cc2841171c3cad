"""The search parameters: one row of `search_params.csv` each, read and checked when the server starts.

Every R4 parameter of the types served, but for those that search whole texts (`_text`, `_content`); those that the
French guides GAP and SAS define; and a few of ours.
https://www.hl7.org/fhir/R4/searchparameter-registry.html
"""

import csv
from importlib.resources import files

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES

#: Base of the parameters that every type has.
COMMON = "Resource"

_KINDS = frozenset({"composite", "date", "number", "quantity", "reference", "special", "string", "token", "uri"})
_FLAGS = frozenset({"custom", "exact", "phonetic", "selective"})
_DEFINITIONS, _OUR_DEFINITIONS = "http://hl7.org/fhir/SearchParameter/", "urn:creneau:SearchParameter:"


def parameters(type_name: str) -> dict[str, SearchParameter]:
    """The search parameters of a type by code, the common ones included. Raises KeyError for a type not served."""
    return _BY_TYPE[type_name]


def common_parameters() -> dict[str, SearchParameter]:
    """Those of every type, by code."""
    return {row.code: row for row in next(iter(_BY_TYPE.values())).values() if row.base == COMMON}


def _read() -> dict[str, dict[str, SearchParameter]]:
    by_base: dict[str, dict[str, SearchParameter]] = {base: {} for base in (COMMON, *RESOURCES)}
    text = files(__package__).joinpath("search_params.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        parameter = _parameter(row)
        if parameter.code in by_base[parameter.base]:
            raise ValueError(f"search_params.csv:{parameter.base}.{parameter.code}: stands twice")
        by_base[parameter.base][parameter.code] = parameter
    common = by_base.pop(COMMON)
    return {base: common | own for base, own in by_base.items()}


def _parameter(row: dict[str, str]) -> SearchParameter:
    flags = frozenset(row["flags"].split())
    if row["kind"] not in _KINDS or not row["paths"] or not flags <= _FLAGS:
        raise ValueError(f"search_params.csv:{row['base']}.{row['code']}: unknown kind or flag, or no path")
    is_custom = "custom" in flags
    return SearchParameter(
        code=row["code"],
        base=row["base"],
        kind=row["kind"],
        paths=tuple(row["paths"].split()),
        targets=tuple(row["targets"].split()),
        column=row["column"],
        is_selective="selective" in flags,
        system=row["system"],
        is_case_sensitive="exact" in flags,
        is_phonetic="phonetic" in flags,
        url=_url(row["definition"] or f"{row['base']}-{row['code']}", is_custom=is_custom),
        documentation=row["note"],
        is_custom=is_custom,
    )


def _url(definition: str, *, is_custom: bool) -> str:
    if definition.startswith("https://"):
        return definition
    return (_OUR_DEFINITIONS if is_custom else _DEFINITIONS) + definition


_BY_TYPE = _read()
