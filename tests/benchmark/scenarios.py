"""What is measured: each scenario as the product does it, and as its ceiling does it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle

from tests.benchmark import bare_database, http_client, mllp_client, samples
from tests.benchmark.http_client import HttpReader
from tests.benchmark.load_client import Load
from tests.benchmark.measure import Measure, elsewhere
from tests.benchmark.mllp_client import AckReader
from tests.benchmark.stage import Stage

#: More than any of these makes in a second: what is prepared beforehand for a measurement.
_MOST_WRITES, _MOST_BARE_WRITES = 2_000, 5_000


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement to take."""

    stage: Stage
    clients: int
    seconds: float
    warm_up: float

    def count(self, most: int) -> int:
        """How many changes to prepare."""
        return int(most * (self.seconds + self.warm_up)) + self.clients


Taken = Callable[[Point], Measure]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request."""

    name: str
    title: str
    product: Taken
    ceiling: Taken
    #: Share of the ceiling aimed at; none: it is only shown.
    share: float | None = None
    #: Rate aimed at on PostgreSQL, with how many clients; none: no rate is.
    rate: tuple[float, int] | None = None
    #: Numbers of clients instead of those asked for.
    clients: Sequence[int] = ()


def _get(name: str) -> Taken:
    def take(point: Point) -> Measure:
        stage = point.stage
        stage.bearer.header()
        addresses = stage.paths[name]
        return elsewhere(_http(point, stage.ports.http, lambda: http_client.gets(cycle(addresses), stage.bearer)).run)

    return take


def _bare_get(name: str) -> Taken:
    def take(point: Point) -> Measure:
        paths = [f"/{name}/{number}" for number in range(len(point.stage.paths[name]))]
        return elsewhere(_http(point, point.stage.bare_port, lambda: http_client.gets(cycle(paths), None)).run)

    return take


def _create(point: Point) -> Measure:
    return _post(point, "/fhir/Patient", samples.patients(point.count(_MOST_WRITES), point.stage.tag()))


def _book(point: Point) -> Measure:
    slots = point.stage.take_slots(point.count(_MOST_WRITES))
    return _post(point, "/fhir/Appointment", samples.bookings(slots, point.stage.tag()))


def _siu(point: Point) -> Measure:
    now, tag = datetime.now(UTC), point.stage.tag()
    messages = [mllp_client.siu(number, tag, now) for number in range(point.count(_MOST_WRITES))]
    load = _http(point, point.stage.ports.hospital, lambda: mllp_client.frames(messages), "AA")
    return elsewhere(replace(load, reader=AckReader).run)


def _post(point: Point, path: str, bodies: Sequence[bytes]) -> Measure:
    stage = point.stage
    stage.bearer.header()
    load = _http(point, stage.ports.http, lambda: http_client.posts(path, bodies, stage.bearer), "201")
    return elsewhere(load.run)


def _http(point: Point, port: int, requests: Callable[[], Iterator[bytes]], expected: str = "200") -> Load:
    return Load(port, point.clients, point.seconds, point.warm_up, requests, HttpReader, expected)


def _bare_write(name: str) -> Taken:
    def take(point: Point) -> Measure:
        stage, transaction = point.stage, point.stage.transactions[name]
        count = point.count(_MOST_BARE_WRITES)
        of = stage.take_slots(count) if name == "book" else range(int(stage.tag()[-3:]) * 10_000, 10_000_000)[:count]
        changes = [transaction.change(one) for one in of]
        return bare_database.measure(
            stage.url, transaction.replay, changes, point.clients, point.seconds, point.warm_up
        )

    return take


#: Every scenario, in the order of the report.
SCENARIOS = (
    Scenario("read", "read: GET Slot/id", _get("read"), _bare_get("read"), share=0.8),
    Scenario(
        "search",
        "search: free slots of 20 agendas in a day, first 50",
        _get("search"),
        _bare_get("search"),
        share=0.8,
    ),
    Scenario(
        "search-include",
        "the same with _include=Slot:schedule",
        _get("search-include"),
        _bare_get("search-include"),
        share=0.8,
    ),
    Scenario(
        "search-includes",
        "the same with _include:iterate=Schedule:actor too",
        _get("search-includes"),
        _bare_get("search-includes"),
    ),
    Scenario(
        "appointments",
        "search: Appointment?patient&date",
        _get("appointments"),
        _bare_get("appointments"),
    ),
    Scenario("create", "create: POST Patient", _create, _bare_write("create")),
    Scenario("book", "book: POST Appointment on a free slot", _book, _bare_write("book"), share=0.25),
    Scenario(
        "siu",
        "SIU^S12 over MLLP, new person and appointment",
        _siu,
        _bare_write("siu"),
        rate=(500, 4),
        clients=(1, 4, 16),
    ),
)
