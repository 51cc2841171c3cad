"""From parameters to a Query: what is honoured, what is ignored, what is refused."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search import cursor
from fhir_server.search.model import Chain, Criterion, Include, Position, Query, ReverseChain, Target, Text, Token, Uri
from fhir_server.search.query import MAX_COUNT, parse, query_identity

BASE = "https://s.example/fhir"


def search(text: str, **options: Any) -> Query:
    """Parse `Type?parameters`, URL decoded."""
    type_name, _, parameters = text.partition("?")
    return parse(type_name, parse_qsl(parameters, keep_blank_values=True), base_url=BASE, now_ms=0, **options)


def only_criterion(text: str) -> Criterion:
    (clause,) = search(text).criteria
    assert isinstance(clause, Criterion)
    return clause


VALUES = [
    ("Slot?status=free", (Token(None, "free"),), "any system"),
    ("Slot?status=FREE", (Token(None, "free"),), "codes compare without case"),
    ("Slot?status=free,busy", (Token(None, "free"), Token(None, "busy")), "comma is or"),
    ("Slot?status=free,,free", (Token(None, "free"),), "repeats and gaps add nothing"),
    ("Patient?identifier=urn:s|Ab1", (Token("urn:s", "Ab1"),), "identifiers compare with case"),
    ("Patient?identifier=|Ab1", (Token("", "Ab1"),), "no system"),
    ("Patient?identifier=urn:s|", (Token("urn:s", None),), "any code of a system"),
    (r"Patient?identifier=urn:s|a\|b\,c\\d", (Token("urn:s", "a|b,c\\d"),), "escapes"),
    (r"Patient?family=Du\,pont", (Text("du pont", "Du,pont"),), "an escaped comma cuts nothing"),
    ("Patient?family=L'Haÿ", (Text("l hay", "L'Haÿ"),), "strings lose accents and punctuation"),
    ("Appointment?patient=1", (Target(None, "1"),), "bare id"),
    ("Appointment?actor:Patient=1", (Target("Patient", "1"),), "typed by modifier"),
    ("Appointment?actor=Patient/1", (Target("Patient", "1"),), "typed by value"),
    ("Appointment?actor=Patient/1/_history/2", (Target("Patient", "1"),), "version set aside"),
    (f"Appointment?actor={BASE}/Patient/1", (Target("Patient", "1"),), "our own address"),
    (
        "Appointment?actor=https://o.example/Patient/1",
        (Target("", "https://o.example/Patient/1"),),
        "another's address",
    ),
    ("Appointment?patient:identifier=urn:s|A", (Token("urn:s", "A"),), "identifier of a reference"),
    ("Slot?_profile=http://p|1", (Uri("http://p|1"),), "uri as written"),
]


@pytest.mark.parametrize(("text", "values", "reason"), VALUES, ids=[case[2] for case in VALUES])
def test_values(text: str, values: tuple[Any, ...], reason: str) -> None:
    assert values == only_criterion(text).values, reason


REFUSED = [
    ("Slot?status:above=free", Category.INVALID, "status:above", "unsupported modifier"),
    ("Slot?status:=free", Category.INVALID, "status:", "empty modifier"),
    ("Slot?start:exact=2026", Category.INVALID, "start:exact", "modifier of another kind"),
    ("Appointment?patient:Slot=1", Category.INVALID, "patient:Slot", "type it cannot refer to"),
    ("Appointment?actor:Patient=Location/1", Category.VALUE, "actor:Patient", "types disagree"),
    ("Slot?start=05", Category.VALUE, "start", "no date"),
    ("Slot?start=2026-02-30", Category.VALUE, "start", "no such day"),
    ("Slot?start=9999-12-32", Category.VALUE, "start", "no such day at the end of time"),
    ("Slot?start=2026-01-05T08", Category.VALUE, "start", "hour without minutes"),
    ("Slot?start=zz2026", Category.VALUE, "start", "no such prefix"),
    ("Slot?start=gt", Category.VALUE, "start", "prefix alone"),
    ("Patient?identifier=a|b|c", Category.VALUE, "identifier", "a bar too many"),
    ("Patient?identifier=|", Category.VALUE, "identifier", "a bar alone"),
    ("Patient?birthdate:missing=1", Category.VALUE, "birthdate:missing", "neither true nor false"),
    ("Encounter?length=long", Category.VALUE, "length", "no number"),
    ("Encounter?length=5|min", Category.VALUE, "length", "half a unit"),
    ("Encounter?length=1e999", Category.VALUE, "length", "beyond all numbers"),
    ("Appointment?patient=a b", Category.VALUE, "patient", "no reference"),
    ("Patient?family=%00", Category.VALUE, "family", "control character"),
    ("Slot?status=" + ",".join(map(str, range(501))), Category.VALUE, "status", "too many values"),
    ("Slot?" + "&".join(["status=free"] * 65), Category.TOO_COSTLY, None, "too many criteria"),
    ("Slot?_count=abc", Category.VALUE, "_count", "no count"),
    ("Slot?_count=-1", Category.VALUE, "_count", "negative count"),
    ("Slot?_total=some", Category.VALUE, "_total", "unknown total"),
    ("Slot?_summary=true", Category.INVALID, "_summary", "unsupported summary"),
    ("Slot?_elements=id", Category.INVALID, "_elements", "unsupported subset"),
    ("Slot?_filter=a eq b", Category.INVALID, "_filter", "unsupported filter"),
    ("Slot?_query=named", Category.INVALID, "_query", "no named queries"),
    ("Slot?_include=Slot:status", Category.INVALID, "_include", "no reference"),
    ("Slot?_include=Nothing:actor", Category.INVALID, "_include", "no such type"),
    ("Slot?_include=Slot:schedule:Patient", Category.INVALID, "_include", "no such target"),
    ("Slot?_include:twice=Slot:schedule", Category.INVALID, "_include:twice", "unknown include modifier"),
    ("Slot?_revinclude=*", Category.INVALID, "_revinclude", "everything that refers is too much"),
    ("Slot?schedule.actor.name=x", Category.INVALID, "actor.name", "chain to several types"),
    ("Slot?status.code=x", Category.INVALID, "status.code", "chain from no reference"),
    ("Slot?schedule:Patient.name=x", Category.INVALID, "schedule.name", "chain to a type it cannot reach"),
    ("Patient?_has:Appointment:patient=1", Category.INVALID, "_has:Appointment:patient", "half a reverse chain"),
    ("Patient?_has:Slot:schedule:status=free", Category.INVALID, "_has:Slot:schedule:status", "refers to another type"),
    ("Task?part-of.part-of.part-of.part-of.part-of.status=x", Category.INVALID, "status", "too long a chain"),
    ("Slot?_cursor=AAAA", Category.VALUE, "_cursor", "no cursor of ours"),
]


@pytest.mark.parametrize(("text", "category", "expression", "reason"), REFUSED, ids=[case[3] for case in REFUSED])
def test_refusals(text: str, category: Category, expression: str | None, reason: str) -> None:
    with pytest.raises(FhirError) as caught:
        search(text)

    (issue,) = caught.value.issues
    assert (category, expression) == (issue.category, issue.expression), reason


def test_a_refused_value_is_not_repeated() -> None:
    with pytest.raises(FhirError) as caught:
        search("Patient?birthdate=Camille")

    assert "Camille" not in str(caught.value)


@pytest.mark.parametrize("text", ["Slot?nonsense=1", "Slot?schedule.nonsense=1", "Slot?_has:No:such:thing=1"])
def test_unknown_parameters_are_ignored_with_a_warning_or_refused(text: str) -> None:
    query = search(text + "&status=free")

    assert (("status", "free"),) == query.honoured
    assert len(query.warnings) == 1
    with pytest.raises(FhirError):
        search(text, strict=True)


def test_parameters_without_value_are_ignored_in_silence() -> None:
    query = search("Slot?status=&_format=json&start=")

    assert ((), (), ()) == (query.criteria, query.honoured, query.warnings)


def test_repeats_are_and() -> None:
    assert len(search("Slot?start=ge2026&start=lt2027").criteria) == 2


def test_a_lost_plus_sign_is_found_again() -> None:
    assert only_criterion("Slot?start=ge2026-01-05T08:00:00%2B01:00") == only_criterion(
        "Slot?start=ge2026-01-05T08:00:00+01:00"
    )


def test_chains_of_several_links() -> None:
    (clause,) = search("Slot?schedule.actor:Practitioner.identifier=urn:s|1").criteria

    assert isinstance(clause, Chain)
    assert isinstance(clause.clause, Chain)
    assert ("Schedule", "Practitioner") == (clause.target, clause.clause.target)


def test_reverse_chains_nest() -> None:
    (clause,) = search("Patient?_has:Appointment:patient:_has:Task:focus:status=ready").criteria

    assert isinstance(clause, ReverseChain)
    assert isinstance(clause.clause, ReverseChain)
    assert ("Appointment", "Task") == (clause.source, clause.clause.source)


INCLUDES = [
    ("Slot?_include=Slot:schedule", [Include("Slot", "schedule", None, False, False)]),
    ("Slot?_include=Schedule:actor", [Include("Schedule", "actor", None, False, True)]),
    ("Slot?_include:iterate=Schedule:actor:Location", [Include("Schedule", "actor", "Location", False, True)]),
    ("Slot?_include=*", [Include("Slot", "schedule", None, False, False)]),
    ("Slot?_revinclude=Appointment:slot", [Include("Appointment", "slot", None, True, False)]),
]


@pytest.mark.parametrize(("text", "includes"), INCLUDES)
def test_includes(text: str, includes: list[Include]) -> None:
    assert tuple(includes) == search(text).includes


SORTS = [
    ("Slot?", [("start", False)], "slots come by their start"),
    ("Patient?", [], "others in the order of creation"),
    ("Slot?_lastUpdated=ge2026", [("_lastUpdated", False)], "changes come in their order"),
    ("Slot?_sort=-start,status", [("start", True), ("status", False)], "keys and directions"),
    ("Slot?_sort=schedule", [("start", False)], "references have no order"),
]


@pytest.mark.parametrize(("text", "keys", "reason"), SORTS)
def test_sort(text: str, keys: list[tuple[str, bool]], reason: str) -> None:
    assert keys == [(key.parameter.code, key.is_descending) for key in search(text).sort], reason


def test_an_impossible_sort_is_refused_when_strict() -> None:
    with pytest.raises(FhirError):
        search("Slot?_sort=schedule", strict=True)


def test_a_large_count_is_lowered_and_the_link_says_so() -> None:
    query = search("Slot?_count=5000")

    assert (MAX_COUNT, (("_count", "1000"),)) == (query.count, query.honoured)
    assert len(query.warnings) == 1


@pytest.mark.parametrize("text", ["Slot?_count=0", "Slot?_summary=count"])
def test_asking_for_the_count_only(text: str) -> None:
    assert search(text).count == 0


def test_a_cursor_survives_and_is_bound_to_its_query() -> None:
    position = Position((1_767_596_400_000,), 7)
    text = cursor.write(query_identity(search("Slot?status=free")), position)

    assert position == search(f"Slot?status=free&_count=3&_cursor={text}").after
    for other in (f"Slot?status=busy&_cursor={text}", f"Slot?status=free&_cursor={text[:-2]}AA"):
        with pytest.raises(FhirError):
            search(other)


@pytest.mark.parametrize("keys", [("text",), (1, 2), (1.5,), (1 << 70,), (["a"],)])
def test_a_cursor_forged_with_other_keys_is_refused(keys: tuple[Any, ...]) -> None:
    forged = cursor.write(query_identity(search("Slot?status=free")), Position(keys, 7))

    with pytest.raises(FhirError):
        search(f"Slot?status=free&_cursor={forged}")
