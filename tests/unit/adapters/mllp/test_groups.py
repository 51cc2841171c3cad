"""What waits is handled together; a handler that waits for something else stops nobody."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.mllp.connection import Answer
from adapters.mllp.groups import MOST, Groups

WAIT = 10


class Handler:
    """Answers with what it was given, once it is let."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self.free = threading.Event()

    def __call__(self, group: Sequence[bytes]) -> list[Answer]:
        self.groups.append(list(group))
        if b"slow" in group:
            assert self.free.wait(WAIT)
        if b"broken" in group:
            raise ValueError("secret")
        return [Answer(b"re:" + payload) for payload in group]


async def answers(handler: Handler, *payloads: bytes) -> list[bytes]:
    with ThreadPoolExecutor(4) as executor:
        groups = Groups(handler, executor)
        futures = [groups.add(payload) for payload in payloads]
        found = [(await asyncio.wait_for(future, WAIT)).octets for future in futures if not future.cancelled()]
        handler.free.set()
    return found


def test_what_comes_while_one_is_in_work_is_handled_together() -> None:
    handler = Handler()

    found = asyncio.run(answers(handler, b"1", b"2", b"3"))

    assert [b"re:1", b"re:2", b"re:3"] == found
    assert [[b"1"], [b"2", b"3"]] == handler.groups


def test_a_group_has_an_end() -> None:
    handler = Handler()
    payloads = [b"%d" % number for number in range(MOST + 3)]

    asyncio.run(answers(handler, *payloads))

    assert [1, MOST, 2] == [len(group) for group in handler.groups]


def test_a_slow_handler_stops_nobody() -> None:
    handler = Handler()

    async def others_first() -> list[bytes]:
        with ThreadPoolExecutor(4) as executor:
            groups = Groups(handler, executor)
            slow, quick = groups.add(b"slow"), groups.add(b"quick")
            first = (await asyncio.wait_for(quick, WAIT)).octets
            handler.free.set()
            return [first, (await asyncio.wait_for(slow, WAIT)).octets]

    assert [b"re:quick", b"re:slow"] == asyncio.run(others_first())


def test_what_a_handler_raises_is_told_to_each_of_its_group() -> None:
    async def failed() -> None:
        with ThreadPoolExecutor(4) as executor:
            groups = Groups(Handler(), executor)
            futures = [groups.add(b"1"), groups.add(b"broken"), groups.add(b"2"), groups.add(b"3")]
            assert b"re:1" == (await futures[0]).octets
            for future in futures[1:]:
                with pytest.raises(ValueError):
                    await future
            assert b"re:4" == (await groups.add(b"4")).octets

    asyncio.run(failed())


def test_an_answer_nobody_waits_for_any_more_harms_no_other() -> None:
    async def left() -> bytes:
        with ThreadPoolExecutor(4) as executor:
            groups = Groups(Handler(), executor)
            futures = [groups.add(b"1"), groups.add(b"2"), groups.add(b"3")]
            futures[1].cancel()
            await futures[0]
            return (await futures[2]).octets

    assert b"re:3" == asyncio.run(left())
