"""Cells for identifiers: CX, EI, XCN, PLN, and the French national health identity (INS).

IHE PAM France 2.11, PID-3: an INS may only be kept when PID-32 holds VALI; the message is taken without it otherwise.
Of a provisional (NIA) and a lasting (NIR) one, the lasting one is kept.
"""

from typing import Any

from adapters.hl7v2.message import Segment
from adapters.mapping.cell import Scope, Use
from adapters.mapping.namespaces import system
from adapters.mapping.plans import CodeTable, Coding
from adapters.mapping.reading import Part, authority, part, parts

_TEMPORARY = frozenset({"INS-NIA"})

Json = dict[str, Any]
Texts = tuple[str | None, ...]


def identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX to Identifier; the argument is the type when CX-5 is empty.

    Code tables: 0203 to type, type to national system.
    """
    value, kind = part(number, 1), part(number, 5) or use.argument
    if not value:
        return None
    return _identifier(value, kind, authority(number, 4), use.codes, scope)


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
    return "VALI" in segment.raw_field(32) and any(part(status, 1) == "VALI" for status in parts(segment, 32))


def _has_lasting(segment: Segment, use: Use) -> bool:
    """Whether PID-3 also holds an INS that is not provisional: it replaces the provisional one."""
    kinds = (_national(number, use) for number in parts(segment, 3))
    return any(kind is not None and kind.code not in _TEMPORARY for kind in kinds)


def former_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX of a retired identity (MRG-1) to Identifier with use `old`."""
    made = identifier(number, use, scope)
    return {"use": "old", **made} if made is not None else None


def replaced_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CX that another one replaced (MRG-1 of A47) to Identifier with use `old`.

    Nothing for an INS, of which nothing stays, and for a number that PID-3 gives again. Code tables as for
    `patient_identifier`.
    """
    if _national(number, use) is not None:
        return None
    made = former_identifier(number, Use(use.codes[:2], use.argument, use.origin), scope)
    kept = {(one["system"], one["value"]) for one in scope.resource.get("identifier", ())}
    return made if made is not None and (made["system"], made["value"]) not in kept else None


def withdrawn_ins(number: Part, use: Use, scope: Scope) -> list[str] | None:
    """Every INS there may be, to remove, when the field names one (be it null) or PID-32 holds no VALI.

    Code table: authority OID to kind of INS.
    """
    table = use.codes[0].inward
    named = part(number, 5) in ("INS", None) and any(
        (part(number, 4, piece) or "").casefold() in table for piece in (1, 2)
    )
    if not named and (_is_qualified(scope.segment) or not parts(scope.segment, 32)):
        return None
    return [f"identifier[urn:oid:{row.source}" for row in use.codes[0].rows if row.source[0].isdigit()]


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


def block_identifier(texts: Texts, use: Use, scope: Scope) -> Json | None:
    """EI and the words of a resource to the identifier of a block of that resource's time; the argument is the EI's
    type.
    """
    value, name, universal, kind, *words = texts
    if not value:
        return None
    uri = system(scope.feed, name, universal, kind, use.argument)
    told = "-".join(word for word in words if word)
    return {"type": {"text": "BLK"}, "system": "urn:creneau:block", "value": f"{uri}|{value}|{told}"}


def occurrence_identifier(parent: Part, use: Use, scope: Scope) -> Json | None:
    """EI of the parent, with the occurrence number of the segment (SCH-3, ARQ-3), to the identifier of one child.

    The argument is the parent's type.
    """
    value, number = part(parent, 1), next((part(one, 1) for one in parts(scope.segment, 3)), None)
    if not number or not value:
        return None
    uri = system(scope.feed, part(parent, 2), part(parent, 3), part(parent, 4), use.argument)
    return {"type": {"text": "OCC"}, "system": "urn:creneau:occurrence", "value": f"{uri}|{value}|{number}"}


def appointment(number: Part, use: Use, scope: Scope) -> Json | None:
    """EI to a Reference to another Appointment, by its identifier. Code table: 0203 to type."""
    told = entity_identifier(number, use, scope)
    return {"type": "Appointment", "identifier": told} if told is not None else None


def schedule(number: Part, use: Use, scope: Scope) -> Json | None:
    """CWE to a Reference to a Schedule, by its identifier: CWE.1, in the system of CWE.3."""
    value = part(number, 1)
    if not value:
        return None
    uri = system(scope.feed, part(number, 3), None, None, "")
    return {"type": "Schedule", "identifier": {"system": uri, "value": value}}


def resource_identifier(number: Part, use: Use, scope: Scope) -> Json | None:
    """CWE of a general resource to Identifier: CWE.1, given by CWE.3. Code tables as for `identifier`."""
    value, given_by = part(number, 1), part(number, 3)
    kind = given_by if given_by and given_by.casefold() in use.codes[1].inward else ""
    return _identifier(value, kind, (given_by, None, None), use.codes, scope) if value else None


def person_at(text: str, use: Use, scope: Scope) -> Json | None:
    """`RPPS@FINESS` to the person's identifier, nothing for any other text. Code tables as for `identifier`."""
    person, _, place = text.partition("@")
    is_number = person.isdigit() and len(person) == 11 and place.isdigit()
    return _identifier(person, "RPPS", (None, None, None), use.codes, scope) if is_number else None


def person_identifiers(person: Part, use: Use, scope: Scope) -> list[Json] | None:
    """XCN to Identifiers; a prefixed national number (IDNPS: `8` and the RPPS) also gives the RPPS.

    Code tables as for `identifier`.
    """
    value, kind = part(person, 1), part(person, 13) or use.argument
    if not value:
        return None
    given_by = authority(person, 9)
    made = [_identifier(value, kind, given_by, use.codes, scope)]
    if kind == "IDNPS" and len(value) == 12 and value.startswith("8"):
        made.append(_identifier(value[1:], "RPPS", given_by, use.codes, scope))
    return made


def licence(number: Part, use: Use, scope: Scope) -> Json | None:
    """PLN to Identifier: PLN-1 number, PLN-2 type. Code tables as for `identifier`."""
    value = part(number, 1)
    return _identifier(value, part(number, 2) or "", (part(number, 3), None, None), use.codes, scope) if value else None


def numbered(texts: Texts, use: Use, scope: Scope) -> Json | None:
    """The first of several texts that is there to Identifier; the argument is its type. Code tables as for
    `identifier`.
    """
    value = next((text for text in texts if text), None)
    return _identifier(value, use.argument, (None, None, None), use.codes, scope) if value else None


def organization_identifier(organization: Part, use: Use, scope: Scope) -> Json | None:
    """XON to Identifier: XON-10 (else XON-3) with XON-6 and XON-7. Code tables as for `identifier`."""
    value, kind = part(organization, 10) or part(organization, 3), part(organization, 7) or ""
    return _identifier(value, kind, authority(organization, 6), use.codes, scope) if value else None


def _identifier(
    value: str,
    kind: str,
    given_by: tuple[str | None, str | None, str | None],
    codes: tuple[CodeTable, ...],
    scope: Scope,
) -> Json:
    folded = kind.casefold()
    national = codes[1].inward.get(folded) if len(codes) > 1 else None
    uri = national.code if national is not None and national.code else system(scope.feed, *given_by, kind)
    coding = codes[0].inward.get(folded)
    if coding is not None and coding.code:
        return {"type": {"coding": [{"system": coding.system, "code": coding.code}]}, "system": uri, "value": value}
    return {"type": {"text": kind}, "system": uri, "value": value} if kind else {"system": uri, "value": value}
