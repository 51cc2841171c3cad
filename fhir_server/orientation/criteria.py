"""What each criterion says of a slot for a need: a reason with its points. One function for each."""

from collections.abc import Callable

from fhir_server.orientation.model import Candidate, Need, Reason, Term
from fhir_server.orientation.tables import BEST, CRITERIA, PRIORITIES, REASONS, WEEKLY_CAP

#: Ordinal specialties (TRE_R38) that are general practice: what unplanned care asks for unless it names another.
_R38 = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
GENERAL_PRACTICE: frozenset[Term] = frozenset((_R38, code.casefold()) for code in ("SM26", "SM53", "SM54"))

#: Who a slot is meant for, the narrowest first: the first that it names is its reason.
_AUDIENCES = (
    ("SNP", "for-unplanned-care"),
    ("CPTS", "for-the-cpts"),
    ("PRO", "for-professionals"),
    ("PUBLIC", "for-the-public"),
)
_MINUTE_MS, _MINUTES_AN_HOUR = 60_000, 60

#: A row of `reasons.csv`, and its points.
Said = tuple[str, int]


def score(need: Need, candidate: Candidate) -> int:
    """The points of all criteria, weighted for the urgency of the need: 0 to 100,000."""
    return sum(
        weight * criterion(need, candidate)[1]
        for weight, criterion in zip(_WEIGHTS[need.priority], _CRITERIA.values(), strict=True)
    )


def reasons(need: Need, candidate: Candidate) -> tuple[Reason, ...]:
    """What every criterion says, in the order of `weights.csv`."""
    return tuple(_reason(name, *criterion(need, candidate), need, candidate) for name, criterion in _CRITERIA.items())


def _reason(criterion: str, code: str, points: int, need: Need, candidate: Candidate) -> Reason:
    fill = _VALUES.get(code)
    return Reason(criterion, code, points, fill(need, candidate) if fill else {})


def _said(code: str) -> Said:
    """A reason whose points are in the table."""
    return code, REASONS[code].points or 0


def _time_to_care(need: Need, candidate: Candidate) -> Said:
    span = max(1, need.high_ms - need.now_ms)
    return "starts-in", BEST * max(0, span - _wait(need, candidate)) // span


def _wait(need: Need, candidate: Candidate) -> int:
    return max(0, candidate.start_ms - need.now_ms)


def _distance(need: Need, candidate: Candidate) -> Said:
    if candidate.is_remote:
        return _said("nowhere-to-go")
    if need.place is None:
        return _said("patient-place-unknown")
    if candidate.place is None:
        return _said("agenda-place-unknown")
    if candidate.place == need.place:
        return "same-commune", BEST
    away = need.place.metres(candidate.place)
    return "kilometres-away", BEST * max(0, need.radius - away) // max(1, need.radius)


def _audience(_need: Need, candidate: Candidate) -> Said:
    if candidate.is_kept:
        return _said("kept-for-you")
    return _said(next((code for name, code in _AUDIENCES if name in candidate.audience), "for-everyone"))


def _specialty(need: Need, candidate: Candidate) -> Said:
    if not candidate.specialties:
        return _said("specialty-unsaid")
    if need.specialties:
        return _said("specialty-asked" if need.specialties & candidate.specialties else "another-specialty")
    return _said("general-practice" if GENERAL_PRACTICE & candidate.specialties else "another-specialty")


def _motive(need: Need, candidate: Candidate) -> Said:
    if not need.motives or not candidate.motives:
        return _said("motive-unsaid")
    return _said("motive-taken" if need.motives & candidate.motives else "other-motives")


def _family_doctor(need: Need, candidate: Candidate) -> Said:
    if need.has_family_doctor is None:
        return _said("family-doctor-unknown")
    if need.has_family_doctor:
        return _said("own-doctor" if candidate.doctor in need.own_doctors else "another-doctor")
    return _said("cpts-for-none" if "CPTS" in candidate.audience else "no-family-doctor")


def _load(_need: Need, candidate: Candidate) -> Said:
    if not candidate.doctor:
        return _said("no-doctor-counted")
    return "acts-of-the-week", BEST * max(0, WEEKLY_CAP - candidate.acts) // WEEKLY_CAP


def _how_long(need: Need, candidate: Candidate) -> dict[str, str]:
    hours, minutes = divmod(_wait(need, candidate) // _MINUTE_MS, _MINUTES_AN_HOUR)
    return {"wait": f"{hours} h {minutes:02d}" if hours else f"{minutes} min"}


def _how_far(need: Need, candidate: Candidate) -> dict[str, str]:
    if need.place is None or candidate.place is None:
        return {}
    text = f"{need.place.metres(candidate.place) / 1000:.1f}"
    return {
        "kilometres": text,
        "comma": text.replace(".", ","),
        "here": need.place.name,
        "there": candidate.place.name,
    }


def _how_many(_need: Need, candidate: Candidate) -> dict[str, str]:
    return {"acts": str(candidate.acts), "cap": str(WEEKLY_CAP)}


#: In the order of `weights.csv`.
_CRITERIA: dict[str, Callable[[Need, Candidate], Said]] = {
    "time-to-care": _time_to_care,
    "distance": _distance,
    "audience": _audience,
    "specialty": _specialty,
    "motive": _motive,
    "family-doctor": _family_doctor,
    "load": _load,
}
#: What the texts of a reason are completed with.
_VALUES: dict[str, Callable[[Need, Candidate], dict[str, str]]] = {
    "starts-in": _how_long,
    "same-commune": _how_far,
    "kilometres-away": _how_far,
    "acts-of-the-week": _how_many,
}
#: Weights by priority, in the order of the criteria.
_WEIGHTS = {name: tuple(CRITERIA[code].weights[name] for code in _CRITERIA) for name in PRIORITIES}
