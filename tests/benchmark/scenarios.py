"""What is measured: each scenario as the product does it, and as its ceiling does it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from tests.benchmark import bare_database, http_client, mllp_client, samples, tokens
from tests.benchmark.http_client import HttpReader
from tests.benchmark.load_client import Load
from tests.benchmark.measure import Measure, elsewhere
from tests.benchmark.mllp_client import AckReader
from tests.benchmark.stage import Stage


@dataclass(frozen=True, slots=True)
class _Most:
    """More changes than product and bare database make in a second: what is prepared beforehand for a measurement."""

    product: int
    bare: int


_MOST = {
    "create": _Most(2_000, 5_000),
    "book": _Most(1_200, 3_000),
    "transaction": _Most(250, 600),
    "siu": _Most(2_000, 3_000),
}


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
    #: The scenario whose rate it should have; none: it stands alone.
    beside: str = ""
    #: Numbers of clients instead of those asked for.
    clients: Sequence[int] = ()


def _ask(name: str) -> Taken:
    def take(point: Point) -> Measure:
        stage = point.stage
        stage.bearer.header()
        asks = stage.asks[name]
        return elsewhere(_http(point, stage.ports.http, lambda: http_client.asked(cycle(asks), stage.bearer)).run)

    return take


def _bare_ask(name: str) -> Taken:
    def take(point: Point) -> Measure:
        paths = [f"/{name}/{number}" for number in range(len(point.stage.asks[name]))]
        return elsewhere(_http(point, point.stage.bare_port, lambda: http_client.gets(cycle(paths), None)).run)

    return take


def _untold(name: str) -> Taken:
    """The same asked of a server that tells nothing in the audit trail."""

    def take(point: Point) -> Measure:
        stage = point.stage
        stage.bearer.header()
        return elsewhere(
            _http(point, stage.untold_port, lambda: http_client.asked(cycle(stage.asks[name]), stage.bearer)).run
        )

    return take


def _create(point: Point) -> Measure:
    return _post(point, "/fhir/Patient", samples.patients(point.count(_MOST["create"].product), point.stage.tag()))


def _book(point: Point) -> Measure:
    slots = point.stage.take_slots(point.count(_MOST["book"].product))
    return _post(point, "/fhir/Appointment", samples.bookings(slots, point.stage.tag(), point.stage.persons))


def _transaction(point: Point) -> Measure:
    groups = point.stage.take_groups(point.count(_MOST["transaction"].product), samples.BOOKINGS)
    return _post(point, "/fhir", samples.transactions(groups, point.stage.tag()), "200")


def _siu(point: Point) -> Measure:
    now, tag = datetime.now(UTC), point.stage.tag()
    messages = [mllp_client.siu(number, tag, now) for number in range(point.count(_MOST["siu"].product))]
    load = _http(point, point.stage.ports.hospital, lambda: mllp_client.frames(messages), "AA")
    return elsewhere(replace(load, reader=AckReader).run)


def _post(point: Point, path: str, bodies: Sequence[bytes], expected: str = "201") -> Measure:
    stage = point.stage
    stage.bearer.header()
    load = _http(point, stage.ports.http, lambda: http_client.posts(path, bodies, stage.bearer), expected)
    return elsewhere(load.run)


def _http(point: Point, port: int, requests: Callable[[], Iterator[bytes]], expected: str = "200") -> Load:
    return Load(port, point.clients, point.seconds, point.warm_up, requests, HttpReader, expected)


def _token(point: Point) -> Measure:
    return elsewhere(_http(point, point.stage.ports.http, tokens.by_secret).run)


def _signed_token(point: Point) -> Measure:
    port = point.stage.ports.http
    requests = tokens.by_assertion(point.stage.url, f"http://127.0.0.1:{port}", point.count(tokens.PER_SECOND))
    return elsewhere(_http(point, port, lambda: iter(requests)).run)


def _bare_token(point: Point) -> Measure:
    return elsewhere(_http(point, point.stage.bare_port, tokens.by_secret).run)


def _bare_write(name: str) -> Taken:
    def take(point: Point) -> Measure:
        stage, transaction = point.stage, point.stage.transactions[name]
        changes = [transaction.change(one) for one in _CHANGED[name](stage, point.count(_MOST[name].bare))]
        return bare_database.measure(
            stage.url, transaction.replay, changes, point.clients, point.seconds, point.warm_up
        )

    return take


def _numbers(stage: Stage, count: int) -> Sequence[int]:
    return range(int(stage.tag()[-3:]) * 10_000, 10_000_000)[:count]


#: What the changes of the bare database are made of.
_CHANGED: dict[str, Callable[[Stage, int], Sequence[Any]]] = {
    "create": _numbers,
    "book": Stage.take_slots,
    "transaction": lambda stage, count: stage.take_groups(count, samples.BOOKINGS),
    "siu": _numbers,
}


def _reading(name: str, title: str, *, share: float | None = None, beside: str = "") -> Scenario:
    return Scenario(name, title, _ask(name), _bare_ask(name), share=share, beside=beside)


#: Every scenario, in the order of the report.
SCENARIOS = (
    _reading("read", "read: GET Slot/id", share=0.8),
    _reading("search", "search: free slots of 20 agendas in a day, first 50", share=0.8),
    _reading("search-include", "the same with _include=Slot:schedule", share=0.8),
    _reading("search-includes", "the same with _include:iterate=Schedule:actor too"),
    _reading("iterate", "the same with _include:iterate=PractitionerRole:practitioner too"),
    _reading("form", "the search without includes as POST _search", share=0.8),
    _reading("appointments", "search: Appointment?patient&date"),
    _reading("chain", "search: Appointment?patient.identifier&date"),
    _reading("chain-twice", "search: Slot?schedule.actor:PractitionerRole.practitioner.identifier&start&status"),
    _reading("has", "search: Patient?_has:Appointment:patient:date"),
    _reading("has-one", "search: Patient?_has:Appointment:patient:identifier"),
    _reading("match", "ServiceRequest/$match: 10 proposals of 200 agendas, with their reasons"),
    _reading("name", "search: Patient?family, the start of a name"),
    _reading("names", "search: Patient?_sort=family, first 20 of all"),
    _reading("latest", "search: Appointment?_sort=-date, first 20 of all"),
    _reading("latest-deep", "the page 200 next links further", beside="latest"),
    _reading("list", "search: free slots of 20 agendas, first 20"),
    _reading("list-deep", "the page 200 next links further", beside="list"),
    _reading("sas", "SAS: slots of 25 practitioners in 72 hours, 6 of them here, some 690 slots"),
    _reading("sas-cpts", "the same with the CPTS of the slots"),
    _reading("sas-full", "SAS: slots of 25 practitioners in 72 hours, all here, some 2,880 slots"),
    _reading("history", "history of an Appointment of five versions"),
    _reading("history-type", "history of Appointment, first 20"),
    # Two hundred a second of each core. One client keeps one worker busy; who waits for the disk leaves it to others.
    Scenario("token", "token by a secret, signed with ES256", _token, _bare_token, rate=(200, 1), clients=(1, 8)),
    Scenario("token-key", "token by an assertion of ES384", _signed_token, _bare_token, rate=(400, 8), clients=(1, 8)),
    Scenario("audit-read", "the read, told in the audit trail and sealed", _ask("read"), _untold("read"), share=0.8),
    Scenario("audit-search", "the search, told and sealed", _ask("search"), _untold("search"), share=0.8),
    Scenario("create", "create: POST Patient", _create, _bare_write("create")),
    Scenario("book", "book: POST Appointment on a free slot", _book, _bare_write("book"), share=0.25),
    Scenario("transaction", "transaction: 5 persons and their bookings", _transaction, _bare_write("transaction")),
    Scenario(
        "siu",
        "SIU^S12 over MLLP, new person and appointment",
        _siu,
        _bare_write("siu"),
        rate=(1_000, 16),
        clients=(1, 4, 16),
    ),
)
