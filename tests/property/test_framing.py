"""However a stream is cut into packets, it holds the same frames and faults."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.mllp.framing import Frame, Framer, frame

#: Streams made of what matters to a framer, hostile orders included.
_pieces = st.sampled_from(
    [b"\x0b", b"\x1c", b"\r", b"\n", b" ", b"MSH|^~\\&|A\r", b"PID|1\r", b"x" * 9, b"\x06", b"\x00"]
)
_streams = st.lists(_pieces, max_size=25).map(b"".join) | st.binary(max_size=200)
_payloads = st.binary(max_size=60).filter(lambda octets: b"\x0b" not in octets and b"\x1c" not in octets)


def events(*packets):
    framer = Framer(max_size=32)
    return [event for packet in packets for event in framer.feed(packet)] + framer.close()


@given(_streams)
def test_cut_in_two_at_every_position(stream):
    whole = events(stream)

    for position in range(len(stream) + 1):
        assert whole == events(stream[:position], stream[position:])


@given(_streams)
def test_byte_by_byte(stream):
    assert events(stream) == events(*(bytes([octet]) for octet in stream))


@given(_streams, st.lists(st.integers(0, 200), max_size=6))
def test_cut_anywhere(stream, positions):
    edges = [0, *sorted(min(position, len(stream)) for position in positions), len(stream)]

    assert events(stream) == events(*(stream[low:high] for low, high in pairwise(edges)))


@given(st.lists(_payloads, max_size=6))
def test_what_is_framed_comes_out_whole(payloads):
    framer = Framer(max_size=60)

    assert [Frame(payload) for payload in payloads] == framer.feed(b"".join(map(frame, payloads)))


@given(_streams, st.binary(max_size=20).filter(lambda octets: not {0x0B, 0x1C} & set(octets)))
def test_whatever_came_before_the_next_frame_is_found(stream, payload):
    framer = Framer(max_size=32)
    framer.feed(stream)

    assert Frame(payload) == framer.feed(frame(payload))[-1]
