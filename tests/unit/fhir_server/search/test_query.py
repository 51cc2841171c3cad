"""From parameters to a Query: what is honoured, what is ignored, what is refused."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.model import (
    Amount,
    Branch,
    Chain,
    Criterion,
    Include,
    Parts,
    Query,
    ReverseChain,
    Target,
    Text,
    Token,
    Uri,
)
from fhir_server.search.query import MAX_COUNT, parse

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
    ("Slot?_profile:below=http://p/a/", (Branch("http://p/a"),), "a URL and what is below it"),
    ("Slot?_profile:above=http://p/a", (Uri("http://p/a"), Uri("http://p/"), Uri("http://p")), "what is above a URL"),
    ("Patient?identifier:of-type=http://t|MR|1", (Token("http://t", "mr\x1f1"),), "an identifier with its type"),
    ("Slot?service-type:text=Méd", (Text("med", "Méd"),), "words of a code"),
    (
        "ServiceRequest?intent:below=filler-order",
        (Token(None, "filler-order"), Token(None, "instance-order")),
        "a code and what falls under it",
    ),
    (
        "ServiceRequest?intent:above=http://hl7.org/fhir/request-intent|instance-order",
        tuple(Token("http://hl7.org/fhir/request-intent", f"{code}order") for code in ("instance-", "filler-", "")),
        "a code and what it falls under",
    ),
    ("Slot?status:below=free", (Token(None, "free"),), "a code of a system without hierarchy"),
    (
        "ValueSet?context-type-quantity=urn:s|a$gt5",
        (Parts((Token("urn:s", "a"), Amount("gt", 5.0, 4.5, 5.5, None, None))),),
        "components",
    ),
]


@pytest.mark.parametrize(("text", "values", "reason"), VALUES, ids=[case[2] for case in VALUES])
def test_values(text: str, values: tuple[Any, ...], reason: str) -> None:
    assert values == only_criterion(text).values, reason


REFUSED = [
    ("Slot?status:of-type=free", Category.INVALID, "status:of-type", "no identifier"),
    ("Slot?status:in=http://vs", Category.INVALID, "status:in", "no terminology service"),
    ("Slot?status:not-in=http://vs", Category.INVALID, "status:not-in", "no terminology service for the rest either"),
    ("Slot?start:above=2026", Category.INVALID, "start:above", "nothing above a date"),
    ("Slot?schedule:below=1", Category.INVALID, "schedule:below", "no tree of schedules"),
    ("Schedule?actor:below=Patient/1", Category.VALUE, "actor:below", "no tree of patients"),
    ("Appointment?supporting-info:above=1", Category.VALUE, "supporting-info:above", "a tree of no certain type"),
    ("Location?partof:below=https://other.example/Location/1", Category.VALUE, "partof:below", "a tree elsewhere"),
    ("Patient?identifier:of-type=urn:s|MR", Category.VALUE, "identifier:of-type", "half a typed identifier"),
    ("Patient?identifier:of-type=urn:s||1", Category.VALUE, "identifier:of-type", "a typed identifier without code"),
    ("Slot?service-type:below=urn:s|a", Category.VALUE, "service-type:below", "no known hierarchy"),
    ("Slot?service-type:below=a", Category.VALUE, "service-type:below", "no system to know the hierarchy of"),
    ("Slot?status:above=http://hl7.org/fhir/slotstatus|", Category.VALUE, "status:above", "no code to start from"),
    ("Slot?_profile:above=http://a" + "/a" * 60, Category.VALUE, "_profile:above", "a URL of too many steps"),
    ("Slot?_profile:below=urn:oid:1.2", Category.VALUE, "_profile:below", "no URL but a URN"),
    ("ValueSet?context-type-value=a", Category.VALUE, "context-type-value", "one component of two"),
    ("ValueSet?context-type-value=a$b$c", Category.VALUE, "context-type-value", "three components of two"),
    ("ValueSet?context-type-quantity=a$b", Category.VALUE, "context-quantity", "a component that is no number"),
    ("ValueSet?context-type-value:text=a$b", Category.INVALID, "context-type-value:text", "no modifier of composites"),
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
    ("Slot?_summary=maybe", Category.VALUE, "_summary", "unknown summary"),
    ("Slot?_elements=id&_summary=true", Category.INVALID, "_elements", "two subsets at once"),
    ("Slot?_elements=id&_summary=count", Category.INVALID, "_elements", "elements of a count"),
    ("Slot?_summary=text&_include=Slot:schedule", Category.INVALID, "_summary", "texts with includes"),
    ("Slot?_filter=a eq b", Category.INVALID, "_filter", "unsupported filter"),
    ("Slot?_query=named", Category.INVALID, "_query", "no named queries"),
    ("Slot?_include=Slot:status", Category.INVALID, "_include", "no reference"),
    ("Slot?_include=Nothing:actor", Category.INVALID, "_include", "no such type"),
    ("Slot?_include=Slot:schedule:Patient", Category.INVALID, "_include", "no such target"),
    ("Slot?_include:twice=Slot:schedule", Category.INVALID, "_include:twice", "unknown include modifier"),
    ("Slot?schedule.actor.name=x", Category.INVALID, "actor.name", "chain to several types"),
    ("ServiceRequest?patient.=x", Category.INVALID, "patient.", "a chain to nothing"),
    ("Slot?status.code=x", Category.INVALID, "status.code", "chain from no reference"),
    ("Slot?schedule:Patient.name=x", Category.INVALID, "schedule.name", "chain to a type it cannot reach"),
    ("Patient?_has:Appointment:patient=1", Category.INVALID, "_has:Appointment:patient", "half a reverse chain"),
    ("Patient?_has:Slot:schedule:status=free", Category.INVALID, "_has:Slot:schedule:status", "refers to another type"),
    (
        "Task?part-of.part-of.part-of.part-of.part-of.status=x",
        Category.INVALID,
        "part-of.part-of.part-of.part-of.part-of.status",
        "too long a chain",
    ),
    ("Patient?" + "nonsense." * 200 + "x=1", Category.INVALID, ("nonsense." * 12)[:100], "no chain, but as long"),
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
    ("Slot?_revinclude=Appointment:slot", [Include("Appointment", "slot", None, True, False)]),
]


def test_wildcards_are_every_reference() -> None:
    forward = search("Slot?_include=*").includes
    reverse = search("Slot?_revinclude=*").includes
    iterated = search("Slot?_include:iterate=*").includes

    assert Include("Slot", "schedule", None, False, False) in forward
    assert {"Slot"} == {one.source for one in forward}
    assert {("Appointment", "slot"), ("Task", "focus")} <= {(one.source, one.code) for one in reverse}
    assert not any(one.is_iterated for one in reverse)
    assert {"Slot", "Task"} <= {one.source for one in iterated}


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


def test_the_self_link_keeps_one_sort() -> None:
    assert (("_sort", "-start,status"),) == search("Slot?_sort=-start,nonsense,status").honoured


VIEWS = [
    ("Slot?_summary=true", ("true", ()), "summary"),
    ("Slot?_summary=false", ("", ()), "no summary"),
    ("Slot?_elements=start, end,start", ("", ("start", "end")), "elements"),
    ("Slot?_summary=false&_elements=start", ("", ("start",)), "elements, and no summary"),
]


@pytest.mark.parametrize(("text", "view", "reason"), VIEWS, ids=[case[2] for case in VIEWS])
def test_views(text: str, view: tuple[str, tuple[str, ...]], reason: str) -> None:
    query = search(text)

    assert view == (query.summary, query.elements), reason
