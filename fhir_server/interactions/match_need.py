"""From a ServiceRequest and its patient to a Need: docs/match.md lists every element that is read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions.match_asked import MOST_HOURS, Asked
from fhir_server.kernel import dates
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.paths import read
from fhir_server.orientation.communes import Communes, Place
from fhir_server.orientation.model import Need, Term
from fhir_server.orientation.tables import LIMITS, PRIORITIES
from fhir_server.registry.extensions import COMMUNE_CODE, NO_FAMILY_DOCTOR, TELECONSULTATION_ACCEPTABLE
from fhir_server.search.folding import fold, fold_code
from fhir_server.search.positions import MAX_LATITUDE, MAX_LONGITUDE, point

_HOUR_MS = 3_600_000
#: Statuses of a request for which nothing is looked for any more.
_OVER = frozenset({"revoked", "completed", "entered-in-error"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and where a request is about, as far as it may be read."""

    patient: Json
    #: Where it is to be done, if the request names a place.
    location: Json


def need(request: Json, subject: Subject, asked: Asked, communes: Communes, now_ms: int) -> Need:
    """What is needed. Parameters come before what the request says, and that before what the patient says.

    Raises FhirError (BUSINESS_RULE) for a request that is over, or forbids what it is about.
    """
    if request.get("status") in _OVER:
        raise fault(Category.BUSINESS_RULE, "The request is over: nothing is looked for.", "ServiceRequest.status")
    if request.get("doNotPerform"):
        raise fault(Category.BUSINESS_RULE, "The request is not to do something.", "ServiceRequest.doNotPerform")
    priority = request.get("priority", PRIORITIES[0])
    limit, when = LIMITS[priority], _window(request, asked, now_ms)
    kilometres = limit.kilometres if asked.max_distance is None else asked.max_distance
    doctors = frozenset(read(subject.patient, "generalPractitioner.reference"))
    says_none = _flag(request, NO_FAMILY_DOCTOR, asked.no_family_doctor)
    return Need(
        now_ms=now_ms,
        low_ms=when.low,
        high_ms=when.high,
        priority=priority,
        radius=round(kilometres * 1000),
        place=_place(subject, asked, communes),
        specialties=terms(request.get("performerType", {})),
        motives=terms(request.get("code", {}), *request.get("reasonCode", ())),
        has_family_doctor=(True if doctors else None) if says_none is None else not says_none,
        own_doctors=doctors,
        accepts_remote=_flag(request, TELECONSULTATION_ACCEPTABLE, asked.teleconsultation) is not False,
    )


def terms(*concepts: Json) -> frozenset[Term]:
    """The codes and the texts of CodeableConcepts, in the form in which they are compared."""
    return frozenset(term for concept in concepts for term in _terms(concept))


def _terms(concept: Json) -> Iterator[Term]:
    for coding in concept.get("coding", ()):
        if "code" in coding:
            yield coding.get("system", ""), fold_code(coding["code"])
        if "display" in coding:
            yield "", fold(coding["display"])
    if "text" in concept:
        yield "", fold(concept["text"])


def place_of(location: Json, communes: Communes) -> Place | None:
    """Where a Location is: the commune of its address, else its position."""
    place = _of_addresses([location["address"]] if "address" in location else [], communes)
    return place or _of_position(location)


def _window(request: Json, asked: Asked, now_ms: int) -> Interval:
    """When a slot must begin. A request without an end has the hours of its priority, from when it may begin."""
    stated = _occurrence(request)
    low = max(now_ms, stated.low)
    hours = LIMITS[request.get("priority", PRIORITIES[0])].hours if asked.within is None else asked.within
    is_open = stated.high >= dates.DUSK or asked.within is not None
    high = min(low + hours * _HOUR_MS if is_open else stated.high, now_ms + MOST_HOURS * _HOUR_MS)
    if high <= low:
        raise fault(
            Category.BUSINESS_RULE,
            f"The time of the request is past, or begins in more than {MOST_HOURS} hours.",
            "ServiceRequest.occurrence",
        )
    return Interval(low, high)


def _occurrence(request: Json) -> Interval:
    try:
        if "occurrencePeriod" in request:
            period = request["occurrencePeriod"]
            return dates.period(period.get("start"), period.get("end"))
        if "occurrenceDateTime" in request:
            text = request["occurrenceDateTime"]
            when = dates.interval(text)
            # A moment is when care may begin; a day, a month or a year is when it must have begun.
            return Interval(when.low, dates.DUSK if "T" in text else when.high)
    except ValueError:
        raise fault(Category.VALUE, "This is not a date that exists.", "ServiceRequest.occurrence") from None
    return Interval(dates.DAWN, dates.DUSK)


def _flag(request: Json, url: str, parameter: bool | None) -> bool | None:
    if parameter is not None:
        return parameter
    found = [one.get("valueBoolean") for one in request.get("extension", ()) if one.get("url") == url]
    return found[0] if found else None


def _place(subject: Subject, asked: Asked, communes: Communes) -> Place | None:
    if asked.commune is not None:
        return communes.of_code(asked.commune)
    if asked.postal_code is not None:
        return communes.of_address(asked.postal_code)
    return place_of(subject.location, communes) or _of_addresses(_lived_at(subject.patient), communes)


def _lived_at(patient: Json) -> list[Json]:
    """The addresses of a person, where they live first; none that is over or only for letters."""
    current = [
        one
        for one in patient.get("address", ())
        if one.get("use") not in ("old", "billing") and "end" not in _period(one)
    ]
    return sorted(current, key=lambda one: (one.get("use") != "temp", one.get("use") != "home"))


def _period(address: Json) -> Json:
    period: Json = address.get("period", {})
    return period


def _of_addresses(addresses: Iterable[Json], communes: Communes) -> Place | None:
    for address in addresses:
        extensions = (*address.get("extension", ()), *address.get("_city", {}).get("extension", ()))
        codes = [one.get("valueCoding", {}).get("code", "") for one in extensions if one.get("url") in COMMUNE_CODE]
        found = [communes.of_code(code) for code in codes]
        found.append(communes.of_address(address.get("postalCode", ""), address.get("city", "")))
        if places := [place for place in found if place is not None]:
            return places[0]
    return None


def _of_position(location: Json) -> Place | None:
    position = location.get("position", {})
    latitude, longitude = (position.get(name) for name in ("latitude", "longitude"))
    if latitude is None or longitude is None or abs(latitude) > MAX_LATITUDE or abs(longitude) > MAX_LONGITUDE:
        return None
    return Place(location.get("name", ""), point(float(latitude), float(longitude)))
