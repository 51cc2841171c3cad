import pytest

from adapters.hl7v2.parse import parse
from adapters.hl7v2.structure import check
from fhir_server.kernel.errors import Category

HEADER = "MSH|^~\\&|A|B|C|D|20260105||{event}|1|P|{version}"
SCH = "SCH|1|2||||RDV" + "|" * 10 + "X" + "|" * 4 + "Y"
PID = "PID|1||1^^^H||A^B"


def findings(*segments, event="SIU^S12^SIU_S12", version="2.5"):
    text = "\r".join([HEADER.format(event=event, version=version), *segments]) + "\r"
    return [(issue.severity, issue.category, issue.expression) for issue in check(parse(text.encode()))]


ORDER = ("warning", Category.STRUCTURE)
ABSENT = ("error", Category.STRUCTURE)
REQUIRED = ("error", Category.REQUIRED)

CASES = [
    ([SCH, PID, "RGS|1", "AIS|1||X", "AIP|1"], [], "as defined"),
    ([SCH, "NTE|1", "RGS|1", "AIS|1||X", "NTE|1", "AIS|2||Y", "RGS|2", "AIL|1"], [], "repeating groups"),
    ([SCH, PID, "ZXX|1", "RGS|1", "ZBE|1"], [], "Z segments stand anywhere"),
    ([SCH, PID], [(*ABSENT, "RGS^1")], "required group absent"),
    ([PID, "RGS|1"], [(*ABSENT, "SCH^1")], "required segment absent"),
    ([SCH, "RGS|1", "AIP|1", "AIS|1||X"], [(*ORDER, "AIS^1")], "resources in another order"),
    ([PID, SCH, "RGS|1"], [(*ORDER, "PID^1")], "one segment early, the others are in place"),
    ([SCH, "RGS|1", PID], [(*ORDER, "PID^1")], "one segment late"),
    ([SCH, "RGS|1", "XYZ|1"], [(*ORDER, None)], "a segment nobody defined"),
    ([SCH, "RGS|1", "some text that wrapped"], [(*ORDER, None)], "a line that is no segment"),
    ([SCH, "RGS|1", "OBR|1|||X"], [(*ORDER, "OBR^1")], "a segment of other messages"),
    (["SCH|1|2", "RGS|1"], [(*REQUIRED, f"SCH^1^{n}") for n in (6, 16, 20)], "required fields absent"),
    ([SCH.replace("RDV", '""'), "RGS|1"], [(*REQUIRED, "SCH^1^6")], "null is no value"),
    ([SCH, "RGS|1", "AIS|1||X", "AIS|2"], [(*REQUIRED, "AIS^2^3")], "the occurrence is counted"),
]


@pytest.mark.parametrize(("segments", "expected", "reason"), CASES)
def test_findings(segments, expected, reason):
    assert expected == findings(*segments), reason


def test_a_choice_is_any_one_of_its_segments():
    assert findings(PID, "ORC|NW", "OBR|1|||X", event="ORM^O01") == []
    assert findings(PID, "ORC|NW", event="ORM^O01") == []
    assert findings("ORC|NW", "RQ1|1", event="ORM^O01") == []
    assert [(*ABSENT, None)] == findings("MSA|AA|1", "PID|1||1||A", "ORC|OK", event="ORR^O02")


def test_two_messages_in_one():
    header = HEADER.format(event="SIU^S12", version="2.5")

    assert (*ABSENT, "MSH^2") in findings(SCH, "RGS|1", header, SCH, "RGS|1")


def test_an_event_without_known_structure_is_not_compared():
    assert findings("ZAA|1", PID, event="ZZZ^Z01") == []


def test_structures_withdrawn_are_still_compared():
    assert findings("PID|1||1||A", "ORC|NW", "OBR|1|||X", event="ORM^O01", version="2.8") == []


def test_headers_without_anything_are_told_field_by_field():
    fields = [issue.expression for issue in check(parse(b"MSH|^~\\&\r"))]

    assert [f"MSH^1^{number}" for number in (7, 9, 10, 11, 12)] == fields


def test_a_long_message_out_of_order_is_told_shortly():
    found = findings(SCH, "RGS|1", *["OBR|1|||X"] * 500)

    assert len(found) == 20


def test_long_messages_fit_too():
    assert findings(SCH, "RGS|1", *["AIS|1||X", "NTE|1"] * 300) == []


def test_diagnostics_hold_no_values():
    text = HEADER.format(event="SIU^S12", version="2.5") + "\rSECRET NAME\rPID|1||||SECRET\rSEC|1\r"

    assert "SEC" not in "".join(str(issue) for issue in check(parse(text.encode())))
