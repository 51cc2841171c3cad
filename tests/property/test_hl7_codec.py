"""Nothing is lost between bytes and tree, and no value can become structure."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2 import batch
from adapters.hl7v2.acknowledge import acknowledge, read_acknowledgement
from adapters.hl7v2.build import MessageBuilder
from adapters.hl7v2.conformance import findings
from adapters.hl7v2.continuation import joined
from adapters.hl7v2.datetime import parse_dtm, to_dtm
from adapters.hl7v2.diagnose import explain
from adapters.hl7v2.escape import DEFAULT_DELIMITERS, Delimiters, Notation
from adapters.hl7v2.message import NULL
from adapters.hl7v2.parse import parse, parse_as, render, scan_header
from adapters.hl7v2.structure import check
from fhir_server.kernel.errors import Category, FhirError, Issue

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)

_delimiters = st.sampled_from(
    [
        DEFAULT_DELIMITERS,
        Delimiters(truncation="#"),
        Delimiters("@", "~", "&", "#", "\\"),
        Delimiters("!", "$", "+", "/", "-"),
    ]
)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_hostile = st.text(st.sampled_from("|^~\\&#@\r\n\x0b\x1c\x85\u2028\"'AFSTRE.brX0D é日"), max_size=20)
_labels = st.sampled_from(["", "8859/1", "8859/15", "UNICODE UTF-8", "ASCII", "GB 18030-2000", "nonsense", "ISO IR87"])
_starts = st.sampled_from(
    [b"MSH|^~\\&|", b"MSH@~&#\\@", b"MSH|^~\\&#|", b"\xef\xbb\xbfMSH|^~\\&|", b"\x0bMSH|^|", b"MSH", b""]
)
_bits = st.sampled_from(
    [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"\r\n", b"PID|1||A^B", b"SIU^S12", b"MSH|^~\\&|", b"2.5", b'""']
)
_wire = st.builds(
    lambda start, bits: start + b"".join(bits), _starts, st.lists(_bits | st.binary(max_size=8), max_size=30)
)


def unbroken(text):
    """`text` with every line end written as LF, as a message would give it back."""
    text = text.replace("\r\n", "\n")
    for end in "\r\x85\u2028\u2029":
        text = text.replace(end, "\n")
    return text


@given(_texts | _hostile, _delimiters)
def test_escaped_and_unescaped_is_the_same_text(text, delimiters):
    notation = Notation(delimiters, "utf-8")

    assert unbroken(text) == notation.unescape(notation.escape(text))


@given(_texts | _hostile, _delimiters)
def test_escaped_text_holds_no_structure(text, delimiters):
    raw = Notation(delimiters).escape(text)
    structure = {delimiters.field, delimiters.component, delimiters.repetition, delimiters.subcomponent}

    assert structure.isdisjoint(raw)
    assert not any(ord(character) < 32 and character != "\t" for character in raw)
    assert [raw] == (raw.splitlines() or [""])


@given(_wire)
def test_parsed_and_rendered_is_the_same_bytes(octets):
    try:
        message = parse(octets)
    except FhirError:
        return
    assert octets == render(message)
    exact = parse_as(octets, "latin-1")
    assert octets == render(exact.with_segments(exact.segments))


@given(_wire)
def test_every_part_of_whatever_parses_can_be_read(octets):
    try:
        message = parse(octets)
    except FhirError:
        return
    for segment in message.segments:
        for number in range(1, len(segment.fields) + 1):
            for repetition in segment[number].repetitions:
                texts = [component.text for component in repetition.components]
                assert all(text is None or isinstance(text, str) for text in [*texts, repetition.get(1)])
    assert all(issue.diagnostics for issue in [*check(message), *findings(message)])


@given(_wire, st.sampled_from([Category.MALFORMED, Category.REQUIRED, Category.EXCEPTION]))
def test_every_message_is_answered(octets, category):
    header = scan_header(octets)
    reply = acknowledge(header, [Issue(category, "Something is wrong.", "PID^1^3")], now=NOW, control_id="A1")
    names = [segment.name for segment in parse_as(reply, header.codec).segments]

    assert names == ["MSH", "MSA", "ERR"]
    assert reply.endswith(b"\r")
    assert not {0x0B, 0x1C, 0x0A} & set(reply)
    if header.control_id.strip(" ") and header.control_id.isalnum():
        assert (category.ack_code, header.control_id) == (
            parse_as(reply, header.codec)["MSA-1"],
            parse_as(reply, header.codec)["MSA-2"],
        )


@given(st.binary(max_size=40) | _wire)
def test_a_reply_is_read_or_refused(octets):
    try:
        reply = read_acknowledgement(octets)
    except FhirError:
        return
    assert reply.control_id
    assert reply.code in ("AA", "AE", "AR", "CA", "CE", "CR")


@given(st.dictionaries(st.tuples(*[st.integers(1, 4)] * 3), _texts | _hostile, max_size=8), _delimiters)
def test_what_is_built_reads_back(leaves, delimiters):
    builder = MessageBuilder("UNICODE UTF-8", delimiters)
    builder.segment("MSH")[18] = "UNICODE UTF-8"
    segment = builder.segment("ZZZ")
    for place, text in leaves.items():
        segment[place] = text
    message = parse(builder.render())

    assert [one.name for one in message.segments] == ["MSH", "ZZZ"]
    for (field, repetition, component), text in leaves.items():
        read = message[f"ZZZ-{field}[{repetition}].{component}"]
        assert (unbroken(text) or None) == read
        assert read is not NULL


@given(_texts | _hostile, _labels.filter(lambda label: label not in ("", "nonsense")))
def test_no_character_set_lets_a_value_out(text, label):
    builder = MessageBuilder(label)
    builder.segment("MSH")[18] = label
    builder.segment("ZZZ")[1, 1, 2] = text
    octets = builder.render()

    assert octets.count(b"\r") == 2
    assert not {0x0A, 0x0B, 0x1C} & set(octets)
    message = parse(octets)
    assert [one.name for one in message.segments] == ["MSH", "ZZZ"]
    assert message["ZZZ-2"] is None
    assert message["ZZZ-1.1"] is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda value: value.replace(tzinfo=UTC)))
def test_times_written_are_read_again(value):
    value = value.replace(microsecond=value.microsecond // 100 * 100)

    assert value == parse_dtm(to_dtm(value, precision="fraction"), "Europe/Paris").value


@given(st.text(st.sampled_from("0123456789.+-Z é２"), max_size=24))
def test_no_text_of_a_time_does_worse_than_valueerror(text):
    try:
        assert parse_dtm(text, "Europe/Paris").value.tzinfo is not None
    except ValueError:
        return


@given(st.binary(max_size=60))
def test_explanations_never_fail(octets):
    assert explain(octets).text


@given(st.lists(_texts | _hostile, min_size=1, max_size=4), st.sampled_from(["", "BHS|^~\\&|A\r"]))
def test_messages_in_one_file_are_found_again(texts, envelope):
    messages = []
    for text in texts:
        builder = MessageBuilder("UNICODE UTF-8")
        builder.segment("MSH")[10] = "1"
        builder.segment("NTE")[3] = text
        messages.append(builder.render())
    octets = envelope.encode() + b"".join(messages)

    assert messages == batch.split_messages(octets)
    assert batch.holds_several(octets) is bool(envelope or len(messages) > 1)


@given(st.lists(_bits | st.sampled_from([b"BHS|^~\\&|A", b"BTS|1", b"FHS", b"FTS|", b"\x1c"]) | st.binary(max_size=4)))
def test_every_message_of_a_file_has_its_answer(bits):
    octets = b"".join(bits)
    replies = [b"MSA|%d\r" % number for number, _ in enumerate(batch.split_messages(octets))]

    answer = batch.answer(octets, replies, "2026", iter(map(str, range(len(octets) + 1))))

    assert replies == [line + b"\r" for line in answer.split(b"\r") if line.startswith(b"MSA")]
    assert answer.count(b"\rBTS|") + answer.startswith(b"BTS|") == answer.count(b"\rBHS") + answer.startswith(b"BHS")


@given(_texts.filter(lambda text: text.isalnum()), st.integers(0, 30), st.integers(1, 2))
def test_fragments_make_the_message_again(text, cut, fields):
    header = "MSH|^~\\&|A|||||||1||2.5||||||UNICODE UTF-8"
    segment = f"NTE|1||{text}" + f"|{text}" * fields
    place = min(max(cut, 4), len(segment))
    first = parse(f"{header}\r{segment[:place]}\rADD|\rDSC|P\r".encode())
    second = parse(f"{header}\rADD|{segment[place:]}\rPID|1\r".encode())

    assert [header, segment, "PID|1"] == [one.raw for one in joined([first, second]).segments]
