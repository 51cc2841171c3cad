"""Cells of outbound rows: FHIR elements to HL7 v2 data types (HL7 2.5 chapter 2A).

A cell gives one text, or a composite: a list of components, each a text, a list of subcomponents or None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.hl7v2 import field
from adapters.hl7v2.datetime import to_dtm
from adapters.mapping.cell import CellError, Use
from adapters.mapping.feed import FeedMapping
from adapters.mapping.namespaces import OWN_IDS, authority
from adapters.mapping.plans import CodeTable
from fhir_server.kernel import paths
from fhir_server.kernel.dates import DAWN, interval

Json = dict[str, Any]
Component = str | list[str] | None
Field = str | list[Component] | None

_BIRTH_NAMES = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-birth-list-given-name"
_RELIABILITY = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability"
#: Which number of a person or an organization to send, best first.
_BEST_TYPES = ("RPPS", "IDNPS", "ADELI", "FINEG", "FINEJ", "SIRET")
#: Longest code of data type IS (HL7 2.5 chapter 2A).
_IS_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Out:
    """An outbound cell.

    `takes` is `first` value, `each` value (a repetition for each), the `list` of them, or a whole `field` of the
    message answered.
    """

    function: Callable[[Any, Use, FeedMapping], Any]
    takes: str = "first"
    tables: int = 0
    has_argument: bool = False


def text(value: Any, use: Use, feed: FeedMapping) -> str:
    """The value as text."""
    return str(value)


def copy(value: field.Field, use: Use, feed: FeedMapping) -> list[Field]:
    """A field of the message answered, as it stands there."""
    return [
        [[leaf.text or "" for leaf in component.subcomponents] for component in repetition.components]
        for repetition in value.repetitions
    ]


def code(value: str, use: Use, feed: FeedMapping) -> str | None:
    """The v2 code of a FHIR code, nothing when the code table has none."""
    return use.codes[0].outward.get(value)


def dtm(value: str | datetime, use: Use, feed: FeedMapping) -> str:
    """A FHIR instant, or a datetime, as local time of the feed; with its offset if the feed wants that."""
    return to_dtm(_datetime(value), feed.zone, with_offset=feed.with_offset)


def dtm_offset(value: str | datetime, use: Use, feed: FeedMapping) -> str:
    """A FHIR instant, or a datetime, as local time of the feed with its offset."""
    return to_dtm(_datetime(value), feed.zone)


def date(value: str, use: Use, feed: FeedMapping) -> str:
    """A FHIR date as DT."""
    return value[:10].replace("-", "")


def minutes(appointment: Json, use: Use, feed: FeedMapping) -> str | None:
    """minutesDuration, else the minutes from start to end."""
    if "minutesDuration" in appointment:
        return str(appointment["minutesDuration"])
    if "start" not in appointment or "end" not in appointment:
        return None
    span = _datetime(appointment["end"]) - _datetime(appointment["start"])
    return str(int(span.total_seconds() // 60))


def entity(identifiers: list[Json], use: Use, feed: FeedMapping) -> Field:
    """EI of the first identifier of the argument's type that the partner can read."""
    for identifier in identifiers:
        named = authority(feed, identifier.get("system", ""))
        if _kind(identifier) == use.argument and named is not None and "value" in identifier:
            return [identifier["value"], *named]
    return None


def own_entity(logical_id: str, use: Use, feed: FeedMapping) -> Field:
    """EI of one of our own ids."""
    return [logical_id, *(authority(feed, OWN_IDS) or ())]


def own_concept(logical_id: str, use: Use, feed: FeedMapping) -> Field:
    """CE of one of our own ids: `id^^application`."""
    return [logical_id, None, (authority(feed, OWN_IDS) or ("",))[0]]


def concept(value: Json, use: Use, feed: FeedMapping) -> Field:
    """CE of a CodeableConcept: two codings, or its text. Code table: v2 name of a code system to its URI."""
    codings = [found for found in value.get("coding", []) if "code" in found][:2]
    if not codings:
        return ["", value["text"]] if "text" in value else None
    words = (coding.get("display") or value.get("text") for coding in codings)
    names = (_system_name(coding.get("system", ""), use) for coding in codings)
    return [
        part for coding, word, name in zip(codings, words, names, strict=True) for part in (coding["code"], word, name)
    ]


def patient_identifiers(patient: Json, use: Use, feed: FeedMapping) -> list[list[Component]]:
    """CX of every identifier the partner can read, else our own id. An INS goes out only with a qualified identity.

    Code tables: type, authority of national systems, kind of INS.
    """
    is_qualified = identity_status(patient, use, feed) == "VALI"
    kinds = use.codes[2].outward
    wanted = [found for found in patient.get("identifier", []) if is_qualified or _kind(found) not in kinds]
    made = [number for number in (_number(identifier, use, feed) for identifier in wanted) if number]
    return made or [[patient["id"], None, None, [feed.application], "PI"]]


def identity_status(patient: Json, use: Use, feed: FeedMapping) -> str | None:
    """PID-32 of the French extension identity-reliability."""
    for extension in patient.get("extension", []):
        if extension.get("url") == _RELIABILITY:
            found: str | None = paths.first(extension, "extension[url=identityStatus].valueCoding.code")
            return found
    return None


def name(value: Json, use: Use, feed: FeedMapping) -> Field:
    """XPN of a HumanName; the French list of given names at birth is XPN-3. Code table: 0200 to use."""
    given = value.get("given", [])
    listed = paths.first(value, f"extension[url={_BIRTH_NAMES}].valueString") or " ".join(given[1:]) or None
    suffix, prefix = " ".join(value.get("suffix", [])), " ".join(value.get("prefix", []))
    kind = use.codes[0].outward.get(value.get("use", ""), "U")
    return [value.get("family") or value.get("text"), given[0] if given else None, listed, suffix, prefix, None, kind]


def address(value: Json, use: Use, feed: FeedMapping) -> Field:
    """XAD of an Address. Code table: 0190 to use."""
    street, *other = value.get("line") or [None]
    kind = use.codes[0].outward.get(value.get("use", ""))
    places = [value.get(element) for element in ("city", "state", "postalCode", "country")]
    return [street, " ".join(other), *places, kind]


def telecom(value: Json, use: Use, feed: FeedMapping) -> Field:
    """XTN of a ContactPoint: mail in XTN-4, numbers in XTN-12 (XTN-1 before 2.5). Code tables: 0202, 0201."""
    system, usage = value.get("system"), value.get("use", "")
    if "value" not in value or system is None:
        return None
    equipment = use.codes[0].outward.get(system, "PH")
    if system == "email":
        return [None, "NET", equipment, value["value"]]
    usage, equipment = ("PRN", "CP") if usage == "mobile" else (use.codes[1].outward.get(usage, "PRN"), equipment)
    if _is_before_2_5(feed):
        return [value["value"], usage, equipment]
    return [None, usage, equipment, *[None] * 8, value["value"]]


def person(practitioner: Json, use: Use, feed: FeedMapping) -> Field:
    """XCN of a Practitioner. Code tables: type, authority of national systems."""
    number = _best_number(practitioner, use, feed) or [practitioner["id"], None, None, [feed.application], None]
    names = practitioner.get("name") or [{}]
    given, prefix = names[0].get("given", []), " ".join(names[0].get("prefix", []))
    parts = [names[0].get("family"), given[0] if given else None, " ".join(given[1:]), None, prefix]
    return [number[0], *parts, None, None, number[3], "L", None, None, number[4]]


def place(location: Json, use: Use, feed: FeedMapping) -> Field:
    """PL of a Location: its identifier in PL-10, and in PL-1 when it is short enough for a code; its name in PL-9.

    There is no PL-10 before 2.5: all of it is in PL-1.
    """
    numbers = [(found, authority(feed, found.get("system", ""))) for found in location.get("identifier", [])]
    value, named = next(
        ((found["value"], named) for found, named in numbers if named is not None and "value" in found),
        (location["id"], authority(feed, OWN_IDS)),
    )
    short = value if len(value) <= _IS_LENGTH or _is_before_2_5(feed) else None
    return [short, None, None, None, None, None, None, None, location.get("name"), [value, *(named or ())]]


def licence(provider: Json, use: Use, feed: FeedMapping) -> Field:
    """PLN of the best number of a Practitioner or an Organization. Code tables: type, authority of national systems."""
    number = _best_number(provider, use, feed)
    return None if number is None else [number[0], number[4]]


def organization(value: Json, use: Use, feed: FeedMapping) -> Field:
    """XON of an Organization: name and number. Code tables: type, authority of national systems."""
    number = _best_number(value, use, feed) or [value["id"], None, None, [feed.application], None]
    return [value.get("name"), None, None, None, None, number[3], number[4], None, None, number[0]]


def _best_number(holder: Json, use: Use, feed: FeedMapping) -> list[Component] | None:
    identifiers = sorted(holder.get("identifier", []), key=_rank)
    numbers = (_number(identifier, use, feed) for identifier in identifiers)
    return next((found for found in numbers if found), None)


def _is_before_2_5(feed: FeedMapping) -> bool:
    return feed.version.startswith(("2.3", "2.4"))


def _datetime(value: str | datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        low = interval(value).low
    except ValueError:
        raise CellError("not a FHIR date or time") from None
    if low <= DAWN:
        raise CellError("not a date that HL7 v2 can write")
    return datetime.fromtimestamp(low / 1000, tz=UTC)


def _number(identifier: Json, use: Use, feed: FeedMapping) -> list[Component] | None:
    """CX components of an identifier, None for one that the partner cannot read."""
    types, authorities = use.codes[0], use.codes[1]
    system, kind = identifier.get("system", ""), _kind(identifier)
    national = authorities.outward.get(system)
    named = tuple(national.split("&")) if national else authority(feed, system)
    if named is None or "value" not in identifier:
        return None
    is_ins = len(use.codes) > 2 and kind in use.codes[2].outward
    return [identifier["value"], None, None, list(named), "INS" if is_ins else types.outward.get(kind)]


def _kind(identifier: Json) -> str:
    return paths.first(identifier, "type.coding.code") or paths.first(identifier, "type.text") or ""


def _rank(identifier: Json) -> int:
    kind = _kind(identifier)
    return _BEST_TYPES.index(kind) if kind in _BEST_TYPES else len(_BEST_TYPES)


def _system_name(uri: str, use: Use) -> str:
    table: CodeTable = use.codes[0]
    prefix = "http://terminology.hl7.org/CodeSystem/v2-"
    return table.outward.get(uri) or (f"HL7{uri.removeprefix(prefix)}" if uri.startswith(prefix) else "L")


CELLS_OUT: Mapping[str, Out] = {
    "address": Out(address, "each", tables=1),
    "code": Out(code, tables=1),
    "concept": Out(concept, tables=1),
    "copy": Out(copy, "field"),
    "date": Out(date),
    "dtm": Out(dtm),
    "dtm_offset": Out(dtm_offset),
    "entity": Out(entity, "list", has_argument=True),
    "identity_status": Out(identity_status),
    "licence": Out(licence, tables=2),
    "minutes": Out(minutes),
    "name": Out(name, "each", tables=1),
    "organization": Out(organization, tables=2),
    "own_concept": Out(own_concept),
    "own_entity": Out(own_entity),
    "patient_identifiers": Out(patient_identifiers, "repeat", tables=3),
    "person": Out(person, tables=2),
    "place": Out(place),
    "telecom": Out(telecom, "each", tables=2),
    "text": Out(text),
}
