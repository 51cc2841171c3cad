"""A ranking as a searchset Bundle: each Slot with its score, and a reason for each criterion in codes and words."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from fhir_server.kernel import dates
from fhir_server.orientation.model import Need, Proposal, Ranking, Reason, Tier
from fhir_server.orientation.tables import CRITERIA, REASONS, WEEKLY_CAP
from fhir_server.registry.extensions import MATCH_REASON

_CRITERIA, _REASONS, _NOTES = (f"urn:creneau:CodeSystem:match-{name}" for name in ("criterion", "reason", "note"))
_TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
#: Points that no slot has more of, weighted.
_MOST = 100_000
_ZONE = "Europe/Paris"

Json = dict[str, Any]


def _read_notes() -> dict[str, dict[str, str]]:
    text = files("fhir_server.orientation").joinpath("notes.csv").read_text(encoding="utf-8")
    return {row["note"]: row for row in csv.DictReader(text.splitlines())}


#: What may be said of the search as a whole.
NOTES = _read_notes()


def bundle(
    need: Need,
    ranking: Ranking,
    slots: Mapping[str, Json],
    notes: Iterable[Json],
    address: str,
    query: Iterable[tuple[str, str]],
) -> Json:
    """The answer: proposals in their order, then what was looked for."""
    base_url = address.partition("/ServiceRequest/")[0]
    entries = [_entry(need, one, slots[one.candidate.slot_id], base_url) for one in ranking.proposals]
    outcome = {"resource": {"resourceType": "OperationOutcome", "issue": [*notes]}, "search": {"mode": "outcome"}}
    given = urlencode([*query], safe=",:/", quote_via=quote)
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
        "link": [{"relation": "self", "url": f"{address}?{given}" if given else address}],
        "entry": [*entries, outcome],
    }


def notes(need: Need, ranking: Ranking, *, too_far: int, is_cut: bool) -> Iterator[Json]:
    """What was looked for, and what was left out of it."""
    low, high = (dates.to_instant(one, _ZONE)[:16].replace("T", " ") for one in (need.low_ms, need.high_ms))
    kilometres = f"{need.radius / 1000:g}"
    if need.place is None:
        yield _note("looked-without-place", low=low, high=high)
    else:
        yield _note("looked", low=low, high=high, kilometres=kilometres, here=need.place.name)
    if is_cut:
        yield _note("cut")
    if too_far:
        yield _note("too-far", kilometres=kilometres, count=str(too_far))
    if ranking.at_cap:
        yield _note("at-cap", cap=str(WEEKLY_CAP), count=str(ranking.at_cap))
    if not ranking.proposals:
        yield _note("nothing")
    elif all(one.tier is Tier.REMOTE for one in ranking.proposals):
        yield _note("nothing-near")


def _note(code: str, **values: str) -> Json:
    row = NOTES[code]
    coding = {"system": _NOTES, "code": code}
    return {
        "severity": row["severity"],
        "code": "informational",
        "details": {"coding": [coding], "text": _sentence(row["french"].format(**values))},
        "diagnostics": _sentence(row["english"].format(**values)),
    }


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _entry(need: Need, proposal: Proposal, slot: Json, base_url: str) -> Json:
    reasons = [_reason(need, one) for one in proposal.reasons]
    search = {"extension": reasons, "mode": "match", "score": round(proposal.score / _MOST, 3)}
    return {"fullUrl": f"{base_url}/Slot/{proposal.candidate.slot_id}", "resource": slot, "search": search}


def _reason(need: Need, reason: Reason) -> Json:
    criterion, words = CRITERIA[reason.criterion], REASONS[reason.code]
    return {
        "url": MATCH_REASON,
        "extension": [
            {
                "url": "criterion",
                "valueCoding": _coding(_CRITERIA, criterion.code, criterion.english, criterion.french),
            },
            {
                "url": "reason",
                "valueCoding": _coding(
                    _REASONS, reason.code, words.english.format(**reason.values), words.french.format(**reason.values)
                ),
            },
            {"url": "points", "valueInteger": reason.points},
            {"url": "weight", "valueInteger": criterion.weights[need.priority]},
        ],
    }


def _coding(system: str, code: str, english: str, french: str) -> Json:
    """A code with its English display, and the French one as a translation of it."""
    parts = [{"url": "lang", "valueCode": "fr"}, {"url": "content", "valueString": french}]
    translated = {"extension": [{"url": _TRANSLATION, "extension": parts}]}
    return {"system": system, "code": code, "display": english, "_display": translated}
