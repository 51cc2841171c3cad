import pytest

from adapters.hl7v2.build import MessageBuilder
from adapters.hl7v2.escape import Delimiters
from adapters.hl7v2.message import NULL
from adapters.hl7v2.parse import parse


def test_a_message_is_built_by_positions():
    builder = MessageBuilder("8859/15")
    header = builder.segment("MSH")
    header[3] = "CRENEAU"
    header[9, 1, 1], header[9, 1, 2] = "SIU", "S12"
    schedule = builder.segment("SCH")
    schedule[1, 1, 1] = "P1"
    schedule.put("11.4", "20260106080000")
    patient = builder.segment("PID")
    patient[3, 1, 4, 2] = "1.2.250"
    patient.put("3[2].1", "22")
    patient[5] = "Éloïse"
    patient[6] = NULL

    assert builder.render() == (
        b'MSH|^~\\&|CRENEAU||||||SIU^S12\rSCH|P1||||||||||^^^20260106080000\rPID|||^^^&1.2.250~22||\xc9lo\xefse|""\r'
    )


def test_nothing_set_is_nothing_written():
    builder = MessageBuilder()
    segment = builder.segment("PV1")
    segment[3] = None
    segment[4, 1, 2] = ""

    assert builder.render() == b"PV1\r"


def test_values_stay_values():
    builder = MessageBuilder("8859/1")
    builder.segment("MSH")[10] = "1"
    note = builder.segment("NTE")
    note[3] = "a|b^c&d~e\\f\rPID|1||HACK\x0b\x1c\r“”"
    message = parse(builder.render())

    assert [segment.name for segment in message.segments] == ["MSH", "NTE"]
    assert message["NTE-3"] == 'a|b^c&d~e\\f\nPID|1||HACK\x0b\x1c\n""'


def test_two_quotes_that_only_fitting_makes_are_no_null():
    builder = MessageBuilder("8859/1")
    builder.segment("MSH")[10] = "1"
    builder.segment("NTE")[3] = "“”"

    assert parse(builder.render())["NTE-3"] is not NULL


def test_raw_fields_pass_unchanged():
    builder = MessageBuilder()
    header = builder.segment("MSH")
    header.put_raw(3, "APP^1.2^ISO\r\x1c")
    header.put_raw(4, "A\\T\\B")

    assert builder.render() == b"MSH|^~\\&|APP^1.2^ISO|A\\T\\B\r"
    with pytest.raises(ValueError):
        header.put_raw(5, "a|b")


def test_other_delimiters():
    builder = MessageBuilder("ASCII", Delimiters("@", "~", "&", "#", "\\"))
    segment = builder.segment("MSH")
    segment[3, 1, 2] = "a@b#c|d"

    assert builder.render() == b"MSH@~&#\\@~a#F#b#E#c|d\r"


def test_delimiters_that_cannot_write_repetitions():
    builder = MessageBuilder("ASCII", Delimiters(repetition="", escape="", subcomponent=""))
    segment = builder.segment("PID")
    segment[3, 1, 2] = "1"

    assert builder.render() == b"PID|||^1\r"
    segment[3, 2] = "2"
    with pytest.raises(ValueError):
        builder.render()


@pytest.mark.parametrize("key", [0, (3, 0), (), (1, 2, 3, 4, 5), 1, 2])
def test_positions_that_cannot_be_written(key):
    with pytest.raises(ValueError):
        MessageBuilder().segment("MSH")[key] = "x"


@pytest.mark.parametrize("name", ["", "pid", "PIDX", "1AB", "A|B"])
def test_names_that_are_none(name):
    with pytest.raises(ValueError):
        MessageBuilder().segment(name)


def test_unknown_character_set():
    with pytest.raises(ValueError):
        MessageBuilder("8859")
