"""What the golden cases do not show: faults, warnings, and messages that are less than whole."""

from typing import Any

import pytest

from adapters.hl7v2.parse import parse
from adapters.mapping.feed import FeedMapping
from adapters.mapping.tables import load
from adapters.mapping.to_fhir import Translation, to_fhir, translate
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.kernel.upsert import Upsert

TABLES = load()
FEED = FeedMapping("site")

MSH = "MSH|^~\\&|A|B|C|D|20260105080000||SIU^{trigger}^SIU_S12|1|P|2.5"
PID = "PID|1||7^^^HO^PI||DOE^JANE^^^^^L"
AIP = "AIP|1||99^DOC^ANN"


def message(*segments: str, trigger: str = "S12") -> Translation:
    text = "\r".join([MSH.format(trigger=trigger), *segments]) + "\r"
    return translate(parse(text.encode()), TABLES, FEED)


def sch(**fields: str) -> str:
    """SCH with P1 and F1 as numbers, a start and an end; `f9="30"` sets SCH-9."""
    known = {1: "P1^AG", 2: "F1^HO", 6: "X", 11: "^^^20260112093000^20260112095000"}
    known |= {int(name[1:]): value for name, value in fields.items()}
    return "SCH|" + "|".join(known.get(number, "") for number in range(1, 28))


def named(translation: Translation, name: str) -> list[Upsert]:
    return [upsert for upsert in translation.upserts if upsert.label.split(":")[2] == name]


def appointment(translation: Translation) -> dict[str, Any]:
    return named(translation, "appointment")[-1].resource


def failure(*segments: str, trigger: str = "S12") -> tuple[Category, str, str | None]:
    with pytest.raises(FhirError) as caught:
        message(*segments, trigger=trigger)
    issue = caught.value.issues[0]
    return issue.category, issue.diagnostics, issue.expression


def test_no_time_at_all() -> None:
    assert failure(sch(f11=""), PID) == (
        Category.REQUIRED,
        "Appointment.start cannot be told from the message.",
        "SCH^1^11",
    )


def test_cancelling_needs_no_time() -> None:
    assert "start" not in appointment(message(sch(f11=""), PID, trigger="S15"))


def test_start_without_end_is_dropped_where_neither_is_needed() -> None:
    assert "start" not in appointment(message(sch(f11="^^^20260112093000"), PID, trigger="S15"))


def test_start_coarser_than_a_minute() -> None:
    assert failure(sch(f11="^^^2026011209"), PID) == (
        Category.VALUE,
        "inbound/SCH_Appointment.csv:start: a time to the minute is needed.",
        "SCH^1^11",
    )


def test_fault_tells_nothing_of_the_patient() -> None:
    category, diagnostics, expression = failure(sch(), "PID|1||7^^^HO^PI||DOE^JANE||28-03-1979")

    assert (category, expression) == (Category.VALUE, "PID^1^7")
    assert diagnostics == "inbound/PID_Patient.csv:birth_date: not an HL7 date or time."


def test_unknown_trigger() -> None:
    assert failure(sch(), trigger="S99")[::2] == (Category.EVENT_NOT_SUPPORTED, "MSH^1^9")


def test_unknown_type() -> None:
    with pytest.raises(FhirError) as caught:
        to_fhir(parse(b"MSH|^~\\&|A|B|C|D|20260105080000||DFT^P03^DFT_P03|1|P|2.5\r"), TABLES, FEED)

    assert caught.value.category == Category.NOT_SUPPORTED_TYPE


@pytest.mark.parametrize(
    ("segments", "expression"),
    [((sch(f1="", f2=""), PID), "SCH^1^2"), ((sch(), "PID|1||||DOE^JANE"), "PID^1^3")],
)
def test_no_key(segments: tuple[str, ...], expression: str) -> None:
    assert failure(*segments)[::2] == (Category.REQUIRED, expression)


def test_message_that_merges_twice() -> None:
    text = "MSH|^~\\&|A|B|C|D|20260105080000||ADT^A40^ADT_A39|1|P|2.5\rPID|1||7^^^HO^PI\rMRG|8^^^HO^PI\rMRG|9^^^HO^PI\r"

    with pytest.raises(FhirError) as caught:
        to_fhir(parse(text.encode()), TABLES, FEED)

    assert caught.value.issues[0].expression == "MRG^2"


@pytest.mark.parametrize(
    ("fields", "end", "reason"),
    [
        ({"f11": "^^^20260112093000", "f9": "30"}, "2026-01-12T10:00:00+01:00", "units default to minutes"),
        ({"f11": "^^^20260112093000", "f9": "1", "f10": "HR"}, "2026-01-12T10:30:00+01:00", "hours, in capitals"),
        ({"f11": "^^^20260112093000", "f9": "900", "f10": "s"}, "2026-01-12T09:45:00+01:00", "seconds"),
        ({"f11": "^^M30^20260112093000"}, "2026-01-12T10:00:00+01:00", "TQ.3 with its letter"),
        ({"f11": "^^30^20260112093000"}, "2026-01-12T10:00:00+01:00", "TQ.3 alone"),
        ({"f9": "50"}, "2026-01-12T09:50:00+01:00", "an end that is told wins over a duration"),
    ],
)
def test_end_by_duration(fields: dict[str, str], end: str, reason: str) -> None:
    assert appointment(message(sch(**fields), PID))["end"] == end, reason


def test_durations_that_disagree() -> None:
    translation = message(sch(f9="50", f10="min"), PID)

    assert appointment(translation)["minutesDuration"] == 20
    assert [issue.diagnostics for issue in translation.warnings] == [
        "inbound/SCH_Appointment.csv:minutes: the duration differs from end less start, which was kept"
    ]


def test_unknown_units_are_passed_over() -> None:
    translation = message(sch(f9="3", f10="lustra"), PID)

    assert appointment(translation)["minutesDuration"] == 20
    assert {issue.severity for issue in translation.warnings} == {"warning"}


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("BOOKED", "booked", "another case"),
        ("Scheduled", "booked", "seen in feeds"),
        ("Dc", "cancelled", "discontinued"),
        ("Gibberish", "booked", "unknown: the trigger's default"),
        ("", "booked", "empty: the trigger's default"),
        ("Waitlist", "waitlist", ""),
    ],
)
def test_filler_status(code: str, status: str, reason: str) -> None:
    assert appointment(message(sch(f25=code), PID))["status"] == status, reason


def test_person_named_twice_is_one_resource() -> None:
    translation = message(sch(), PID, "RGS|1", AIP, "RGS|2", "AIP|2||99^DOC^ANN")

    assert len(named(translation, "practitioner")) == 1
    assert len(appointment(translation)["participant"]) == 2


def test_person_without_number_is_only_named() -> None:
    translation = message(sch(), PID, "AIP|1||^DOC^ANN")

    assert named(translation, "practitioner") == []
    assert appointment(translation)["participant"][1]["actor"] == {"display": "ANN DOC"}


def test_group_appointment() -> None:
    translation = message(sch(), PID, "PID|2||8^^^HO^PI")

    references = [item["actor"]["reference"] for item in appointment(translation)["participant"]]

    assert references == ["urn:creneau:patient:1", "urn:creneau:patient:2"]


def test_modification_without_resources_keeps_the_participants() -> None:
    (only,) = named(message(sch(f25="Booked"), PID, trigger="S14"), "appointment")

    assert (only.by_element, only.weak, "participant" in only.resource) == (True, ("participant",), True)


def test_cancellation_without_resources_keeps_the_participants() -> None:
    (only,) = named(message(sch(), PID, trigger="S15"), "appointment")

    assert (only.on_missing, only.weak) == ("create", ("participant",))


def test_cancellation_that_names_nobody_needs_what_it_cancels() -> None:
    (only,) = named(message(sch(), trigger="S15"), "appointment")

    assert only.on_missing == "error"


def test_explicit_null_removes_an_element() -> None:
    (only,) = named(message(sch(f7='""', f25="Booked"), PID, AIP, trigger="S14"), "appointment")

    assert only.cleared == ("appointmentType", "reasonCode")


def test_numbers_without_authority_keep_apart() -> None:
    (only,) = named(message(sch(f1="5", f2="5"), PID), "appointment")

    assert only.keys == (("urn:creneau:feed:site::FILL", "5"), ("urn:creneau:feed:site::PLAC", "5"))


def test_billing_number_is_no_key() -> None:
    nir = "279036322012369^^^ASIP-SANTE-NIR&1.2.250.1.213.1.4.8&ISO^NH"

    (patient,) = named(message(sch(), f"PID|1||7^^^HO^PI~{nir}"), "patient")

    assert patient.keys == (("urn:creneau:feed:site:HO", "7"),)
    assert patient.resource["identifier"][1]["system"] == "urn:oid:1.2.250.1.213.1.4.8"


def test_lasting_identity_replaces_the_provisional_one() -> None:
    pair = "1^^^&1.2.250.1.213.1.4.9&ISO^INS~2^^^&1.2.250.1.213.1.4.10&ISO^INS"

    (patient,) = named(message(sch(), f"PID|1||7^^^HO^PI~{pair}" + "|" * 29 + "DOUT~VALI"), "patient")

    assert [identifier["value"] for identifier in patient.resource["identifier"]] == ["7", "2"]


def test_feed_that_is_no_identity_source_only_fills() -> None:
    text = "MSH|^~\\&|A|B|C|D|20260105080000||ADT^A31^ADT_A05|1|P|2.5\rEVN||20260105080000\r" + PID + '||""\rPV1|1|N\r'

    (patient,) = to_fhir(parse(text.encode()), TABLES, FEED)

    assert (patient.mode, patient.cleared) == ("fill", ())


def test_visit_update_without_number_is_no_visit() -> None:
    text = "MSH|^~\\&|A|B|C|D|20260105080000||ADT^A08^ADT_A01|1|P|2.5\rEVN||20260105080000\r" + PID + "\rPV1|1|N\r"

    assert [upsert.type for upsert in to_fhir(parse(text.encode()), TABLES, FEED)] == ["Patient"]


def test_own_rows_of_a_feed_that_is_not_french() -> None:
    text = "\r".join([MSH.format(trigger="S12"), sch(), "PID|1||7^^^HO^PI||DOE^JANE^MARY^^^^L"]) + "\r"

    patient = to_fhir(parse(text.encode()), load(["international"]), FEED)[0]

    assert patient.resource["name"] == [{"use": "official", "family": "DOE", "given": ["JANE", "MARY"]}]


def test_unreadable_time_of_the_event_falls_back() -> None:
    text = "MSH|^~\\&|A|B|C|D|20260105080000||ADT^A31^ADT_A05|1|P|2.5\rEVN||yesterday\r" + PID + "\rPV1|1|N\r"

    translation = translate(parse(text.encode()), TABLES, FEED)

    assert translation.upserts[0].at_ms == 1_767_596_400_999
    assert (
        translation.warnings[0].diagnostics == "inbound/ADT_A28.toml: EVN-2 is no HL7 date or time, and was passed over"
    )


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ("|||||FRA|8859/1", True),
        ("|||||FRA|8859", True),
        ("|||||FRA||UNICODE UTF-8", True),
        ("|||||FRA|UNICODE UTF-8", False),
        ("", False),
    ],
)
def test_a_character_set_that_is_not_what_its_label_says_is_told(fields: str, warned: bool) -> None:
    text = "\r".join([MSH.format(trigger="S12") + fields, sch(), PID.replace("JANE", "ÉVA")]) + "\r"
    warnings = translate(parse(text.encode()), TABLES, FEED).warnings

    assert warned is any(issue.expression == "MSH^1^18" for issue in warnings)


def test_a_time_of_a_visit_that_cannot_be_read_is_passed_over_with_its_extension() -> None:
    text = (
        "MSH|^~\\&|A|B|C|D|20260105080000||ADT^A05^ADT_A05|1|P|2.5\rEVN||20260105080000|soon|||late\r"
        + PID
        + "\rPV1|1|I|||||||||||||||||V1\rPV2|||||||||1\r"
    )

    translation = translate(parse(text.encode()), TABLES, FEED)
    (movement,) = translation.upserts[-1].resource["extension"]

    assert {one["url"]: one for one in movement["extension"]}["start"]["valueDateTime"] == "2026-01-05T08:00:00+01:00"
    assert len(translation.warnings) == 3


def test_an_end_that_no_calendar_has_is_told() -> None:
    category, diagnostics, expression = failure(sch(f11="^^^99991231235900", f9="20", f10="min"), PID)

    assert (Category.VALUE, "SCH^1^9") == (category, (expression or "")[:7])
    assert "the end is later than any date" in diagnostics


def admission(event: str, pid: str = PID) -> Translation:
    text = MSH.format(trigger="S12").replace("SIU^S12^SIU_S12", f"ADT^{event}") + f"\rEVN||20260105\r{pid}\rPV1|1|I\r"
    return translate(parse(text.encode()), TABLES, FEED)


@pytest.mark.parametrize("event", ["A01", "A04", "A05"])
def test_who_comes_without_a_visit_number_is_told_with_a_warning(event: str) -> None:
    translation = admission(event)

    (warning,) = translation.warnings
    assert {"Patient"} == {upsert.type for upsert in translation.upserts}
    assert (Category.REQUIRED, "PV1^1^19") == (warning.category, warning.expression)
    assert "No Encounter was made" in warning.diagnostics


def test_a_later_movement_without_a_visit_number_is_refused() -> None:
    with pytest.raises(FhirError) as caught:
        admission("A03")

    assert (Category.REQUIRED, "PV1^1^19") == (caught.value.category, caught.value.issues[0].expression)


def test_a_birth_order_of_0_is_passed_over() -> None:
    translation = admission("A08", PID + "|" * 20 + "0")

    assert "multipleBirthInteger" not in named(translation, "patient")[-1].resource
    assert ["inbound/PID_Patient.csv:multiple_birth"] == [
        issue.diagnostics.partition(": ")[0] for issue in translation.warnings
    ]


@pytest.mark.parametrize(
    ("start", "told"),
    [("20261025023000", "comes twice"), ("20260329023000", "does not come"), ("2026-01-12T09:30", "ISO")],
)
def test_an_odd_time_is_told_in_words(start: str, told: str) -> None:
    (warning, *_) = message(sch(f9="20", f10="min", f11=f"^^^{start}"), PID).warnings

    assert told in warning.diagnostics
