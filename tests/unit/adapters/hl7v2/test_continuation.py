import pytest

from adapters.hl7v2.continuation import continues, goes_on, joined
from adapters.hl7v2.parse import parse, render
from fhir_server.kernel.errors import FhirError

HEADER = rb"MSH|^~\&|A|B|C|D|20260105||%s|%s|P|2.5||%s"


def message(*segments, kind=b"SIU^S12", number=b"1", pointer=b""):
    return parse(b"\r".join([HEADER % (kind, number, pointer), *segments]) + b"\r")


def test_a_segment_that_was_cut_is_made_whole():
    fragments = [
        message(b"SCH|1", b"NTE|1||The first", b"ADD|", b"DSC|P1|F"),
        message(b"ADD| and the second", b"PID|1", b"DSC|P2|F", number=b"2", pointer=b"P1"),
        message(b"RGS|1", number=b"3", pointer=b"P2"),
    ]

    whole = joined(fragments)

    assert [segment.raw for segment in whole.segments[1:]] == [
        "SCH|1",
        "NTE|1||The first and the second",
        "PID|1",
        "RGS|1",
    ]
    assert (whole["MSH-10"], goes_on(whole), continues(whole)) == ("1", "", "")
    assert parse(render(whole))["NTE-3"] == "The first and the second"


def test_a_message_cut_between_segments_needs_no_addition():
    whole = joined([message(b"SCH|1", b"DSC|P1"), message(b"RGS|1", number=b"2", pointer=b"P1")])

    assert [segment.name for segment in whole.segments] == ["MSH", "SCH", "RGS"]


def test_fields_may_follow_in_what_was_cut():
    whole = joined(
        [message(b"OBX|1|FT|A||half", b"ADD", b"DSC|P"), message(b"ADD| done|||||F", number=b"2", pointer=b"P")]
    )

    assert (whole["OBX-5"], whole["OBX-10"]) == ("half done", "F")


@pytest.mark.parametrize(
    ("fragment", "pointer", "reason"),
    [
        (message(b"SCH|1", b"DSC|P1|F"), "P1", "a fragment"),
        (message(b"SCH|1", b"DSC|P1"), "P1", "the style left out"),
        (message(b"RF1|1", b"DSC|P1", kind=b"REF^I12"), "P1", "a referral is no page"),
        (message(b"SCH|1", b"DSC|P1|I"), "", "the next page of an answer"),
        (message(b"QRD|1", b"DSC|P1", kind=b"SQM^S25"), "", "a query asks for the next page"),
        (message(b"SCH|1", b'DSC|""'), "", "a null"),
        (message(b"SCH|1", b"DSC|"), "", "an empty one"),
        (message(b"SCH|1"), "", "none"),
    ],
)
def test_what_goes_on(fragment, pointer, reason):
    assert pointer == goes_on(fragment), reason


def test_what_continues():
    assert continues(message(b"RGS|1", pointer=b"P1")) == "P1"
    assert continues(message(b"RGS|1", pointer=b'""')) == ""
    assert continues(message(b"QRD|1", kind=b"QRY^A19", pointer=b"P1")) == ""


def test_fragments_in_other_delimiters_are_refused():
    other = parse(b"MSH@~^#!@A@@@@@@SIU~S12@2@P@2.5@@P1\rRGS@1\r")

    with pytest.raises(FhirError):
        joined([message(b"SCH|1", b"DSC|P1"), other])
