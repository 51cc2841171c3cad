"""Where each element of a message came from, and which rows met something and gave nothing."""

from pathlib import Path
from typing import Any

import pytest

from adapters.hl7v2.parse import parse
from adapters.mapping.compiled import programme
from adapters.mapping.feed import FeedMapping
from adapters.mapping.tables import load
from adapters.mapping.to_fhir import translate
from adapters.mapping.trace import Line, Making, Trace, content, trace

TABLES = load()
GOLDEN = sorted(
    path
    for path in (Path(__file__).parents[3] / "golden").glob("*/*.hl7")
    if not path.with_suffix(".resources.json").exists()
)
FEED = FeedMapping("site", is_identity_source=True)

MSH = "MSH|^~\\&|A|B|C|D|20260105080000||{kind}|1|P|2.5"
SCH = "SCH|P1^AG|F1^HO||||X|||30|min|^^^20260112093000^20260112095000"
PID = "PID|1||7^^^HO^PI||DOE^JANE^^^^^L"
AIP = "AIP|1||99^DOC^ANN"


def traced(*segments: str, kind: str = "SIU^S12^SIU_S12") -> Trace:
    text = "\r".join([MSH.format(kind=kind), *segments]) + "\r"
    return trace(parse(text.encode()), TABLES, FEED)


def making(found: Trace, name: str, number: int = 0) -> Making:
    return [one for one in found.makings if one.resource.plan.name == name][number]


def line(made: Making, row: str) -> Line:
    (found,) = [one for one in made.lines if one.origin.endswith(f":{row}")]
    return found


def test_it_translates_as_without_watching() -> None:
    message = parse("\r".join([MSH.format(kind="SIU^S12^SIU_S12"), SCH, PID, "RGS|1", AIP, AIP, ""]).encode())

    assert trace(message, TABLES, FEED).translation == translate(message, TABLES, FEED)


def test_an_element_names_its_segment_path_cell_and_row() -> None:
    start = line(making(traced(SCH, PID), "appointment"), "start")

    assert ("start", "2. SCH-11.4", "instant") == (start.element, start.source, start.cell)
    assert "inbound/SCH_Appointment.csv:start" == start.origin
    assert "2026-01-12T09:30:00+01:00" == start.value


def test_the_way_holds_the_numbers_of_list_items() -> None:
    appointment = making(traced(SCH, PID, "RGS|1", AIP, "AIP|2||98^DOC^BOB"), "appointment")

    displays = [one for one in appointment.lines if one.origin == "inbound/AIP_Appointment.csv:display"]
    assert [("participant[1].actor.display", "5. AIP-3"), ("participant[2].actor.display", "6. AIP-3")] == [
        (one.element, one.source) for one in displays
    ]


def test_each_item_of_a_list_is_told() -> None:
    patient = making(traced(SCH, PID.replace("7^^^HO^PI", "7^^^HO^PI~8^^^HO^MR")), "patient")

    assert ["identifier[0]", "identifier[1]"] == [
        one.element for one in patient.lines if one.origin == "inbound/PID_Patient.csv:identifier"
    ]


def test_a_row_that_comes_too_late_says_so() -> None:
    late = line(making(traced(SCH, PID), "appointment"), "end_by_duration")

    assert ("", "2. SCH-9, 2. SCH-10.1", "end is given already") == (late.element, late.source, late.remark)


def test_a_row_whose_condition_does_not_hold_says_so() -> None:
    contact = SCH + "|||||77^DOC^EVA"
    passed = line(making(traced(contact, PID, "RGS|1", AIP), "appointment"), "contact_display")

    assert ("", "not when present @contact") == (passed.element, passed.remark)


def test_a_code_passed_over_says_so() -> None:
    patient = making(traced(SCH, PID + "||19790328|?"), "patient")

    assert "the code is not in administrative_sex, and was passed over" == line(patient, "gender").remark


def test_rows_that_met_nothing_are_not_told() -> None:
    appointment = making(traced(SCH, PID), "appointment")

    assert not [one for one in appointment.lines if one.origin.endswith(":start_of_service")]


def test_values_of_the_plan_are_told() -> None:
    status = line(making(traced(SCH, PID), "appointment"), "appointment")

    assert ("status", "plan", "defaults", "booked") == (status.element, status.source, status.cell, status.value)


def test_what_only_a_new_resource_gets_is_told() -> None:
    moved = making(traced(SCH, PID, kind="SIU^S13^SIU_S12"), "appointment")

    assert ("initial", "for a new resource") == (line(moved, "appointment").cell, line(moved, "appointment").remark)


def test_a_person_named_twice_is_one_resource() -> None:
    second = making(traced(SCH, PID, "RGS|1", AIP, AIP), "practitioner", 1)

    assert ("urn:creneau:practitioner:1", ()) == (second.label, second.upserts)


def test_a_resource_without_a_key_is_not_made() -> None:
    assert making(traced(SCH, PID, "RGS|1", "AIP|1||^DOC^ANN"), "practitioner").label is None


def test_what_is_told_twice_stands_once() -> None:
    appointment = making(traced(SCH, PID, "RGS|1", "AIL|1||B1", "AIL|2||B1"), "appointment")

    places = [one.element for one in appointment.lines if one.origin == "inbound/AIL_Appointment.csv:location"]
    assert ["participant[1].actor", "participant[1].actor"] == places


def test_what_stands_only_together_is_left_out_and_told() -> None:
    cancelled = traced("SCH|P1^AG|F1^HO||||X|||||^^^20260112093000", PID, AIP, kind="SIU^S15^SIU_S12")

    assert "start is left out" == line(making(cancelled, "appointment"), "start").remark


def test_an_explicit_null_is_told() -> None:
    patient = making(traced("EVN||20260105", PID + '||""', kind="ADT^A31^ADT_A05"), "patient")

    assert "removes birthDate" == line(patient, "birth_date").remark


def test_an_error_keeps_what_came_before() -> None:
    found = traced(SCH.replace("20260112093000", "12/01/2026"), PID)

    assert found.error is not None
    assert found.translation is None
    assert "SCH^1^11" == found.error.issues[0].expression
    assert making(found, "patient").label == "urn:creneau:patient:1"
    assert line(making(found, "appointment"), "start").remark.startswith("refused: inbound/SCH_Appointment.csv:start: ")


@pytest.mark.parametrize("kind", ["ZZZ^Z01", "SIU^S99"])
def test_a_message_without_a_plan_is_an_error(kind: str) -> None:
    found = traced(PID, kind=kind)

    assert ((), None) == (found.makings, found.translation)
    assert found.error is not None


def test_production_steps_are_not_watched() -> None:
    before = programme(TABLES, "SIU^S12")
    traced(SCH, PID)

    assert programme(TABLES, "SIU^S12") is before
    assert before is not None
    steps = [step for resource in before.resources for table in resource.tables for _, step in table.steps]
    assert {"adapters.mapping.compiled"} == {step.__module__ for step in steps}


def at(body: Any, path: str) -> Any:
    """What stands at a path with numbers: `participant[1].actor`."""
    for step in path.split("."):
        name, bracket, number = step.rstrip("]").partition("[")
        body = body[name][int(number)] if bracket else body[name]
    return body


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_element_of_a_golden_case_has_its_line(file: Path) -> None:
    makings = [one for one in trace(parse(file.read_bytes()), TABLES, FEED).makings if one.upserts]

    for made in makings:
        body, lines = content(made.upserts), [one for one in made.lines if one.element]
        assert {"resourceType", *body} == {"resourceType"} | {one.element.split(".")[0].split("[")[0] for one in lines}
        # What other rows add to an object later is theirs.
        plain = [one for one in lines if not isinstance(one.value, dict | list)]
        assert [one.value for one in plain] == [at(body, one.element) for one in plain]
