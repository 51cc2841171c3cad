"""Cells for identifiers: CX, EI, XCN, PLN, and the French national health identity (INS).

IHE PAM France 2.11, PID-3: an INS may only be kept when PID-32 holds VALI; the message is taken without it otherwise.
Of a provisional (NIA) and a lasting (NIR) one, the lasting one is kept.
"""

from typing import Any

from adapters.hl7v2.message import Segment
from adapters.mapping.cell import Scope, Use
from adapters.mapping.namespaces import system
from adapters.mapping.plans import CodeTable, Coding
from adapters.mapping.reading import Part, part, parts

_TEMPORARY = frozenset({"INS-NIA"})

Json = dict[str, Any]


def identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX to Identifier; the argument is the type when CX-5 is empty.

    Code tables: 0203 to type, type to national system.
    """
    value, kind = part(number, 1), part(number, 5) or use.argument
    if not value:
        return None
    return _identifier(value, kind, (part(number, 4), part(number, 4, 2), part(number, 4, 3)), use.codes, scope)


def patient_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX to Identifier of a patient.

    Code tables: 0203 to type, type to national system, authority OID to kind of INS.
    """
    value, national = part(number, 1), _national(number, use)
    if not value or national is None:
        return identifier(number, use, scope)
    if not _is_qualified(scope.segment) or (national.code in _TEMPORARY and _has_lasting(scope.segment, use)):
        return None
    usage = "temp" if national.code in _TEMPORARY else "official"
    coding = {"system": national.system, "code": national.code}
    return {"use": usage, "type": {"coding": [coding]}, "system": f"urn:oid:{part(number, 4, 2)}", "value": value}


def _national(number: Part, use: Use) -> Coding | None:
    """The kind of INS that a CX is; None for any other identifier (the billing NIR has the same authority)."""
    kind = part(number, 5) or use.argument
    return use.codes[2].inward.get(part(number, 4, 2) or "") if kind in ("INS", "") else None


def _is_qualified(segment: Segment) -> bool:
    return any(part(status, 1) == "VALI" for status in parts(segment, 32))


def _has_lasting(segment: Segment, use: Use) -> bool:
    """Whether PID-3 also holds an INS that is not provisional: it replaces the provisional one."""
    kinds = (_national(number, use) for number in parts(segment, 3))
    return any(kind is not None and kind.code not in _TEMPORARY for kind in kinds)


def former_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX of a retired identity (MRG-1) to Identifier with use `old`."""
    made = identifier(number, use, scope)
    return {"use": "old", **made} if made is not None else None


def entity_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """EI to Identifier; the argument is its type (`PLAC`, `FILL`). Code table: 0203 to type.

    Without authority (EI-2 to EI-4) the system is the feed's own.
    """
    value = part(number, 1)
    if not value:
        return None
    return _identifier(value, use.argument, (part(number, 2), part(number, 3), part(number, 4)), use.codes, scope)


def referral_key(number: Part, use: Use, scope: Scope) -> Json | None:
    """EI of a referral to the identifier of our Task about it: system and number in one, so that senders never meet."""
    value = part(number, 1)
    if not value:
        return None
    namespace = system(scope.feed, part(number, 2), part(number, 3), part(number, 4), use.argument)
    return {"system": "urn:creneau:referral-task", "value": f"{namespace}|{value}"}


def person_identifiers(person: Part, use: Use, scope: Scope) -> list[Json] | None:
    """XCN to Identifiers; a prefixed national number (IDNPS: `8` and the RPPS) also gives the RPPS.

    Code tables as for `identifier`.
    """
    value, kind = part(person, 1), part(person, 13) or use.argument
    if not value:
        return None
    authority = part(person, 9), part(person, 9, 2), part(person, 9, 3)
    made = [_identifier(value, kind, authority, use.codes, scope)]
    if kind == "IDNPS" and len(value) == 12 and value.startswith("8"):
        made.append(_identifier(value[1:], "RPPS", authority, use.codes, scope))
    return made


def licence(number: Part, use: Use, scope: Scope) -> Json | None:
    """PLN to Identifier: PLN-1 number, PLN-2 type. Code tables as for `identifier`."""
    value = part(number, 1)
    return _identifier(value, part(number, 2) or "", (part(number, 3), None, None), use.codes, scope) if value else None


def organization_identifier(organization: Part, use: Use, scope: Scope) -> Json | None:
    """XON to Identifier: XON-10 (else XON-3) with XON-6 and XON-7. Code tables as for `identifier`."""
    value, kind = part(organization, 10) or part(organization, 3), part(organization, 7) or ""
    authority = part(organization, 6), part(organization, 6, 2), part(organization, 6, 3)
    return _identifier(value, kind, authority, use.codes, scope) if value else None


def _identifier(
    value: str,
    kind: str,
    authority: tuple[str | None, str | None, str | None],
    codes: tuple[CodeTable, ...],
    scope: Scope,
) -> Json:
    national = codes[1].inward.get(kind.casefold()) if len(codes) > 1 else None
    uri = national.code if national is not None and national.code else system(scope.feed, *authority, kind)
    coding = codes[0].inward.get(kind.casefold())
    if coding is not None and coding.code:
        return {"type": {"coding": [{"system": coding.system, "code": coding.code}]}, "system": uri, "value": value}
    return {"type": {"text": kind}, "system": uri, "value": value} if kind else {"system": uri, "value": value}
