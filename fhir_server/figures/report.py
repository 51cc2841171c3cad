"""From counts to the rows of a report, small groups hidden."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from fhir_server.figures.hiding import hidden
from fhir_server.figures.period import Period
from fhir_server.figures.tally import Counts
from fhir_server.registry.figures import FIGURES, PARTITIONS, Figure

_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one period. Numbers are None where they are hidden or there are none."""

    figure: Figure
    numerator: int | None
    denominator: int | None
    value: Decimal | None
    #: Whether a number is missing because it would tell of few people.
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a period."""

    period: Period
    rows: tuple[Row, ...]


def report(period: Period, counts: Counts) -> Report:
    """Every figure, in the order of the table."""
    shown = _Shown(counts, hidden(counts.cells))
    return Report(period, tuple(_KINDS[figure.kind](figure, shown) for figure in FIGURES.values()))


@dataclass(frozen=True, slots=True)
class _Shown:
    """Counts as a reader may know them."""

    counts: Counts
    hidden: frozenset[str]

    def sum(self, names: tuple[str, ...]) -> int | None:
        """The sum of some cells; None if a reader could not add it up or subtract it from what is shown."""
        if not any(self.hidden.isdisjoint(way) for way in _ways(names)):
            return None
        return sum(self.counts.cells[name] for name in names)


def _ways(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Cells from which the sum of some can be told: themselves, or their total and the other parts of it."""
    yield names
    for partition in PARTITIONS:
        if set(names) < set(partition.parts):
            yield (partition.total, *(part for part in partition.parts if part not in names))


def _count(figure: Figure, shown: _Shown) -> Row:
    number = shown.sum(figure.numerator)
    return Row(figure, number, None, None if number is None else Decimal(number), number is None)


def _share(figure: Figure, shown: _Shown) -> Row:
    return _ratio(figure, shown, 100, "0.1")


def _average(figure: Figure, shown: _Shown) -> Row:
    return _ratio(figure, shown, 1, "0.01")


def _ratio(figure: Figure, shown: _Shown, times: int, step: str) -> Row:
    numerator, denominator = shown.sum(figure.numerator), shown.sum(figure.denominator)
    if numerator is None or denominator is None:
        return Row(figure, numerator, denominator, None, True)
    value = _rounded(Decimal(times * numerator) / denominator, step) if denominator else None
    return Row(figure, numerator, denominator, value, False)


def _median(figure: Figure, shown: _Shown) -> Row:
    of = shown.sum(figure.denominator)
    median = shown.counts.median_ms
    value = None if of is None or median is None else _rounded(Decimal(median) / _HOUR, "0.1")
    return Row(figure, None, of, value, of is None)


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), ROUND_HALF_UP)


_KINDS: Mapping[str, Callable[[Figure, _Shown], Row]] = {
    "count": _count,
    "share": _share,
    "average": _average,
    "median": _median,
}
