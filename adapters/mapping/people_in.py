"""Cells for persons and places: XPN, XCN, XAD, XTN, PL (HL7 2.5 chapter 2A)."""

from typing import Any

from adapters.mapping.cell import Scope, Use
from adapters.mapping.namespaces import system
from adapters.mapping.reading import Part, authority, part

_BIRTH_NAMES = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-birth-list-given-name"
_BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"
_COMMUNE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code"
_COMMUNES = "https://mos.esante.gouv.fr/NOS/TRE_R13-CommuneOM/FHIR/TRE-R13-CommuneOM"

Json = dict[str, Any]


def human_name(name: Part, use: Use, scope: Scope) -> Json | None:
    """XPN to HumanName; XPN-3 are further given names."""
    given = [text for text in (part(name, 2), *(part(name, 3) or "").split()) if text]
    return _name(name, given, use)


def french_name(name: Part, use: Use, scope: Scope) -> Json | None:
    """XPN to HumanName by IHE PAM France: in a birth name (XPN-7 `L`) XPN-3 is the list of given names at birth."""
    if part(name, 7) != "L":
        return human_name(name, use, scope)
    listed = part(name, 3)
    made = _name(name, [text for text in (part(name, 2),) if text], use)
    if made is not None and listed:
        made["extension"] = [{"url": _BIRTH_NAMES, "valueString": listed}]
    return made


def _name(name: Part, given: list[str], use: Use) -> Json | None:
    family = part(name, 1)
    made: Json = {}
    coding = use.codes[0].inward.get((part(name, 7) or "").casefold())
    if coding is not None and coding.code:
        made["use"] = coding.code
    if family:
        made["family"] = family
    if given:
        made["given"] = given
    prefix, suffix = part(name, 5), [text for text in (part(name, 4), part(name, 6)) if text]
    if prefix:
        made["prefix"] = [prefix]
    if suffix:
        made["suffix"] = suffix
    return made if family or given else None


def person_name(person: Part, use: Use, scope: Scope) -> Json | None:
    """XCN to HumanName."""
    made: Json = {}
    if part(person, 2):
        made["family"] = part(person, 2)
    given = [text for text in (part(person, 3), part(person, 4)) if text]
    if given:
        made["given"] = given
    if not made:
        return None
    prefix, suffix = part(person, 6), part(person, 5)
    return made | ({"prefix": [prefix]} if prefix else {}) | ({"suffix": [suffix]} if suffix else {})


def person_display(person: Part, use: Use, scope: Scope) -> str | None:
    """XCN to one line, for a person who has no identifier: `Dr Anne Exemple`."""
    return " ".join(text for text in (part(person, 6), part(person, 3), part(person, 2)) if text) or None


def address(place: Part, use: Use, scope: Scope) -> Json | None:
    """XAD to Address. A birth place (XAD-7 `BDL`) is none: see `birth_place`. Code table: 0190 to use."""
    if part(place, 7) == "BDL":
        return None
    made: Json = {}
    lines = [text for text in (part(place, 1), part(place, 2), part(place, 8)) if text]
    if lines:
        made["line"] = lines
    made |= _elements(place, (("city", 3), ("state", 4), ("postalCode", 5), ("country", 6), ("district", 9)))
    if not made:
        return None
    coding = use.codes[0].inward.get((part(place, 7) or "").casefold())
    return ({"use": coding.code} if coding is not None and coding.code else {}) | made


def birth_place(place: Part, use: Use, scope: Scope) -> Json | None:
    """XAD of type `BDL` to the extension patient-birthPlace; XAD-9 is the commune's code (IHE PAM France, PID-11)."""
    if part(place, 7) != "BDL":
        return None
    value: Json = _elements(place, (("city", 3), ("country", 6)))
    commune = part(place, 9)
    if commune:
        value["extension"] = [{"url": _COMMUNE, "valueCoding": {"system": _COMMUNES, "code": commune}}]
    return {"url": _BIRTH_PLACE, "valueAddress": value} if value else None


def _elements(piece: Part, pairs: tuple[tuple[str, int], ...]) -> Json:
    found = [(name, part(piece, number)) for name, number in pairs]
    return {name: text for name, text in found if text}


def contact_points(line: Part, use: Use, scope: Scope) -> list[Json] | None:
    """XTN to ContactPoints: XTN-12, else XTN-5 to 8, else XTN-1; XTN-4 for mail, beside a number when both are there.

    Code tables: 0202 to system, 0201 to use.
    """
    systems, uses = use.codes
    equipment, purpose = (part(line, 3) or "").casefold(), (part(line, 2) or "").casefold()
    mail = _mail(line, equipment)
    number = part(line, 12) or _number(line) or part(line, 1)
    coding = systems.inward.get(equipment)
    kind = coding.code if coding is not None and coding.code else "phone"
    usage = uses.inward.get(equipment) or uses.inward.get(purpose)
    used = {"use": usage.code} if usage is not None and usage.code else {}
    # Where the equipment is the mail, a second text is that of the line itself, not a telephone number.
    numbers = [{"system": kind, "value": number} | used] if number and not (mail and kind == "email") else []
    return numbers + ([{"system": "email", "value": mail} | used] if mail else []) or None


def _mail(line: Part, equipment: str) -> str | None:
    mail = part(line, 4)
    return mail if mail and (equipment in ("internet", "x.400", "") or "@" in mail) else None


def _number(line: Part) -> str | None:
    country, area, local, extension = (part(line, number) for number in (5, 6, 7, 8))
    if not local:
        return None
    digits = (f"+{country} " if country else "") + (f"({area}) " if area else "") + local
    return digits + (f" x{extension}" if extension else "")


def place_identifier(place: Part, use: Use, scope: Scope) -> Json | None:
    """PL to the identifier of one Location: PL-10 when valued, else point of care, room and bed joined by `-`."""
    facility = authority(place, 4)
    own = part(place, 10)
    if own:
        named = part(place, 10, 2), part(place, 10, 3), part(place, 10, 4)
        return {"system": system(scope.feed, *(named if any(named) else facility), "PL"), "value": own}
    levels = [text for text in (part(place, 1), part(place, 2), part(place, 3)) if text]
    return {"system": system(scope.feed, *facility, "PL"), "value": "-".join(levels)} if levels else None


def place_name(place: Part, use: Use, scope: Scope) -> str | None:
    """PL to a name: PL-9, else its levels from the point of care down, else the facility."""
    levels = [text for text in (part(place, 1), part(place, 2), part(place, 3)) if text]
    return part(place, 9) or " ".join(levels) or part(place, 4)


def language(code: str, use: Use, scope: Scope) -> Json:
    """PID-15 to Patient.communication.language, a BCP 47 code when the table knows it, else the text."""
    coding = use.codes[0].inward.get(code.casefold())
    if coding is None or not coding.code:
        return {"text": code}
    return {"coding": [{"system": coding.system, "code": coding.code}]}
