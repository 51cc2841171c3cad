"""The window of a search for slots: it must not end before it begins, and not be wider than the territory allows."""

from collections.abc import Iterable

from fhir_server.kernel.errors import Category, fault
from fhir_server.search.model import Criterion, Query, Span

_DAY_MS = 86_400_000
#: Prefixes of a date that bound a window below, above, or both.
_LOWER, _UPPER = frozenset({"eq", "ge", "gt", "sa"}), frozenset({"eq", "le", "lt", "eb"})


def check(query: Query, most_days: int) -> None:
    """Look at the bounds of `Slot?start`.

    Raises FhirError: INVALID for a window that ends before it begins, and where `most_days` is not 0, TOO_COSTLY for
    one that is wider or has no end.
    """
    if query.type != "Slot":
        return
    spans = list(_spans(query))
    lows = [span.low for span in spans if span.prefix in _LOWER]
    highs = [span.low if span.prefix in ("lt", "eb") else span.high for span in spans if span.prefix in _UPPER]
    if lows and highs and max(lows) > min(highs):
        raise fault(Category.INVALID, "The window of start ends before it begins.", "start")
    if most_days and not (lows and highs and min(highs) - max(lows) <= most_days * _DAY_MS):
        reason = f"A search for slots has a start from and to, at most {most_days} days apart."
        raise fault(Category.TOO_COSTLY, reason, "start")


def _spans(query: Query) -> Iterable[Span]:
    """The bounds that all must be met; alternatives are none."""
    for clause in query.criteria:
        if not isinstance(clause, Criterion) or clause.parameter.code != "start" or clause.modifier:
            continue
        if len(clause.values) == 1 and isinstance(clause.values[0], Span):
            yield clause.values[0]
