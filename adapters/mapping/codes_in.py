"""Cells for coded values: CWE, CE, CNE, IS and ID (HL7 2.5 chapter 2A) to code, Coding and CodeableConcept."""

from typing import Any

from adapters.mapping.cell import CellError, Scope, Use
from adapters.mapping.plans import Coding
from adapters.mapping.reading import Part, part
from fhir_server.kernel.errors import Category

_V2 = "http://terminology.hl7.org/CodeSystem/v2-"

Json = dict[str, Any]


def text(value: str, use: Use, scope: Scope) -> str:
    """The text as it is."""
    return value


def lines(values: list[str], use: Use, scope: Scope) -> str | None:
    """All texts, one to a line."""
    return "\n".join(values) or None


def code(value: str, use: Use, scope: Scope) -> str | None:
    """The code table's target. Raises CellError (CODE_INVALID) for a code that is not in it."""
    coding = _look(value, use)
    if coding is None:
        raise CellError(f"the code is not in {use.codes[0].name}", Category.CODE_INVALID)
    return coding.code or None


def known_code(value: str, use: Use, scope: Scope) -> str | None:
    """The code table's target; a code that is not in it gives nothing and a warning."""
    coding = _look(value, use)
    if coding is None:
        scope.warn(use, f"the code is not in {use.codes[0].name}, and was passed over")
        return None
    return coding.code or None


def joined(values: tuple[str | None, ...], use: Use, scope: Scope) -> str:
    """The texts that are there, with blanks between."""
    return " ".join(value for value in values if value)


def number(value: str, use: Use, scope: Scope) -> int | None:
    """The code table's target as a number; a code that is not in it gives nothing and a warning."""
    known = known_code(value, use, scope)
    return int(known) if known else None


def flag(value: str, use: Use, scope: Scope) -> bool | None:
    """Table 0136: `Y` and `N` to a boolean, also for the literals `true` and `false` of the tables."""
    return {"y": True, "true": True, "n": False, "false": False}.get(value.casefold())


def integer(value: str, use: Use, scope: Scope) -> int:
    """NM to a positive integer. Raises CellError for anything else."""
    if not value.isdigit() or not 0 < int(value) < 2**31:
        raise CellError("not a positive whole number")
    return int(value)


def known_integer(value: str, use: Use, scope: Scope) -> int | None:
    """As `integer`; what is none is passed over with a warning."""
    try:
        return integer(value, use, scope)
    except CellError as error:
        scope.warn(use, f"{error}, and was passed over")
        return None


def coding(value: str, use: Use, scope: Scope) -> Json:
    """A code to Coding by the table; one that is not in it stays as it is, in the table's source system."""
    return _coding(value, use)


def concept_of(value: str, use: Use, scope: Scope) -> Json:
    """A code to CodeableConcept by the table; one that is not in it stays as it is, in the table's source system."""
    return {"coding": [_coding(value, use)]}


def concept(value: Part, use: Use, scope: Scope) -> Json | None:
    """CWE to CodeableConcept: the code table's coding first if it has one, then the sender's codings and text.

    Code tables: sender's code to coding, v2 name of a code system (CWE.3) to its URI.
    """
    codings = [made for made in (_local(value, 1, use), _local(value, 4, use)) if made]
    known = _look(part(value, 1) or "", use)
    if known is not None and known.code:
        mapped = _json(known)
        codings = [mapped, *(made for made in codings if made.get("code") != mapped["code"])]
    words = part(value, 9) or part(value, 2) or part(value, 5)
    made: Json = {"coding": codings} if codings else {}
    if words:
        made["text"] = words
    return made or None


def known_concept(value: Part, use: Use, scope: Scope) -> Json | None:
    """CWE to CodeableConcept when its first code is in the code table, else nothing. Code tables as for `concept`."""
    known = _look(part(value, 1) or "", use)
    return {"coding": [_json(known)]} if known is not None and known.code else None


def foreign_concept(value: Part, use: Use, scope: Scope) -> Json | None:
    """CWE to CodeableConcept unless its code is in the code table or a mere number. Code tables as for `concept`."""
    first = part(value, 1) or ""
    if first.casefold() in use.codes[0].inward or first.isdigit():
        return None
    return concept(value, use, scope)


def reference(label: str, use: Use, scope: Scope) -> Json:
    """A resource of the plan to Reference."""
    return {"reference": label}


def link(label: str, use: Use, scope: Scope) -> Json:
    """A Patient of the plan to Patient.link; the argument is its type (`replaces`, `replaced-by`)."""
    return {"other": {"reference": label}, "type": use.argument}


def _look(value: str, use: Use) -> Coding | None:
    return use.codes[0].inward.get(value.casefold())


def _coding(value: str, use: Use) -> Json:
    known = _look(value, use)
    if known is not None and known.code:
        return _json(known)
    system = use.codes[0].source_system
    return {"system": system, "code": value} if system else {"code": value}


def _json(known: Coding) -> Json:
    made = {"system": known.system, "code": known.code} if known.system else {"code": known.code}
    if known.display:
        made["display"] = known.display
    return made


def _local(value: Part, first: int, use: Use) -> Json | None:
    """The coding of CWE.1 to 3, or CWE.4 to 6; a system without URI is left out, a code without system is legal."""
    symbol = part(value, first)
    if not symbol:
        return None
    words, name = part(value, first + 1), part(value, first + 2) or ""
    uri = _system(name, use)
    made = {"system": uri, "code": symbol} if uri else {"code": symbol}
    if words:
        made["display"] = words
    return made


def _system(name: str, use: Use) -> str | None:
    known = use.codes[1].inward.get(name.casefold())
    if known is not None:
        return known.code or None
    if name.upper().startswith("HL7") and len(name) == 7 and name[3:].isdigit():
        return _V2 + name[3:]
    return None
