"""Windows of slots, by their bounds: item 2 of what a scheduling server must do."""

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.query import parse
from fhir_server.search.windows import check

FIRST, LAST = "2026-03-03T08:00:00Z", "2026-03-05T08:00:00Z"


@pytest.mark.parametrize(
    ("bounds", "most_days", "category"),
    [
        ((f"ge{FIRST}", f"lt{LAST}"), 0, None),
        ((f"ge{FIRST}", f"lt{LAST}"), 2, None),
        ((f"ge{FIRST}", f"lt{LAST}"), 1, Category.TOO_COSTLY),
        ((f"ge{FIRST}",), 1, Category.TOO_COSTLY),
        ((f"lt{FIRST}",), 1, Category.TOO_COSTLY),
        ((), 1, Category.TOO_COSTLY),
        ((), 0, None),
        (("2026-03-03",), 1, None),
        (("2026-03",), 1, Category.TOO_COSTLY),
        ((f"ge{FIRST}", f"le{FIRST}"), 0, None),
        ((f"gt{LAST}", f"lt{FIRST}"), 0, Category.INVALID),
        ((f"gt{LAST}", f"lt{FIRST}"), 9, Category.INVALID),
        ((f"ge{FIRST},ge{LAST}", f"lt{LAST}"), 2, Category.TOO_COSTLY),
    ],
)
def test_2_a_window_has_two_bounds_in_order(bounds: tuple[str, ...], most_days: int, category: Category | None) -> None:
    query = parse("Slot", [("start", bound) for bound in bounds])
    if category is None:
        check(query, most_days)
        return

    with pytest.raises(FhirError) as caught:
        check(query, most_days)
    assert caught.value.category is category


def test_2_other_types_have_no_window() -> None:
    check(parse("Appointment", [("date", f"gt{LAST}"), ("date", f"lt{FIRST}")]), 1)
