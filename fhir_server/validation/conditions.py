"""Conditions that invariants are made of. Each builder returns a function of a node that is true when the rule holds.

An element is present when it has a value or an extension in its place, as FHIRPath's `exists()` has it.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from fhir_server.kernel.dates import Interval, interval
from fhir_server.validation.walk import Node

Condition = Callable[[Node], bool]

UCUM = "http://unitsofmeasure.org"


def is_present(value: Mapping[str, Any], name: str) -> bool:
    """Whether the element `name` exists in `value`."""
    return name in value or f"_{name}" in value


def any_of(*names: str) -> Condition:
    """At least one of the elements is present."""
    return lambda node: any(is_present(node.value, name) for name in names)


def together(first: str, second: str) -> Condition:
    """Both elements are present, or neither."""
    return lambda node: is_present(node.value, first) == is_present(node.value, second)


def needs(name: str, *others: str) -> Condition:
    """When `name` is present, one of `others` is."""
    return lambda node: not is_present(node.value, name) or any(is_present(node.value, other) for other in others)


def not_both(first: str, second: str) -> Condition:
    """The two elements do not stand together."""
    return lambda node: not (is_present(node.value, first) and is_present(node.value, second))


def one_of_two(first: str, second: str) -> Condition:
    """Exactly one of the two elements is present."""
    return lambda node: is_present(node.value, first) != is_present(node.value, second)


def only_when(name: str, other: str, *codes: str) -> Condition:
    """`name` is present only when the code `other` is one of `codes`."""
    return lambda node: not is_present(node.value, name) or node.value.get(other) in codes


def valued(name: str) -> Condition:
    """The element has a value of its own: an extension in its place is not enough."""
    return lambda node: name in node.value


def at_least_zero(name: str) -> Condition:
    """The number is not negative."""
    return lambda node: node.value.get(name, 0) >= 0


def no_item(name: str, key: str, code: str) -> Condition:
    """No item of the list `name` has `code` in its element `key`."""
    return lambda node: all(item.get(key) != code for item in node.value.get(name, ()))


def not_after(first: str, second: str) -> Condition:
    """The date `first` is not surely later than the date `second`; partial dates are read as the spans they are."""

    def holds(node: Node) -> bool:
        start, end = _span(node.value.get(first)), _span(node.value.get(second))
        return start is None or end is None or start.low < end.high

    return holds


def before(first: str, second: str) -> Condition:
    """The date `first` begins earlier than the date `second`."""

    def holds(node: Node) -> bool:
        start, end = _span(node.value.get(first)), _span(node.value.get(second))
        return start is None or end is None or start.low < end.low

    return holds


def is_real_date(node: Node) -> bool:
    """Whether the day of a date, dateTime or instant exists: there is no 30 February."""
    text = node.value
    if len(text) < 10 or text[8:10] <= "28":
        return True
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def is_whole(node: Node) -> bool:
    """Whether a number is written without a fraction: JSON Schema takes 5.0 for an integer, FHIR does not."""
    return not isinstance(node.value, Decimal)


def is_paired(node: Node) -> bool:
    """Whether an array of primitives and its `_` sibling agree: same length, and no place where both have nothing."""
    values, extensions = node.value
    if values is None or extensions is None:
        return None not in (values or extensions)
    if not (isinstance(values, list) and isinstance(extensions, list) and len(values) == len(extensions)):
        return False
    return all(value is not None or extension is not None for value, extension in zip(values, extensions, strict=True))


def in_ucum(node: Node) -> bool:
    """Whether a quantity that must be in UCUM is: it has a code if it has a value, and no other system."""
    value = node.value
    return ("code" in value or "value" not in value) and value.get("system", UCUM) == UCUM


def is_ordered_range(node: Node) -> bool:
    """Whether low is not above high; not asked when the units differ."""
    low, high = node.value.get("low", {}), node.value.get("high", {})
    if any(low.get(name) != high.get(name) for name in ("system", "code", "unit")):
        return True
    return "value" not in low or "value" not in high or low["value"] <= high["value"]


def is_whole_ratio(node: Node) -> bool:
    """Whether numerator and denominator are both given, or both left out for an extension."""
    value = node.value
    return ("numerator" in value) == ("denominator" in value) and ("numerator" in value or "extension" in value)


def has_value_or_extensions(node: Node) -> bool:
    """ext-1: whether an extension has either a value or extensions of its own."""
    return _has_value(node.value) != ("extension" in node.value)


def has_one_content(node: Node) -> bool:
    """Parameters inv-1: whether a parameter has one of a value, a resource and parts."""
    return ("part" in node.value) + ("resource" in node.value) + _has_value(node.value) == 1


def has_needed_times(node: Node) -> bool:
    """app-3: whether an appointment has start and end, unless its status lets it do without."""
    has_both = is_present(node.value, "start") and is_present(node.value, "end")
    return has_both or node.value.get("status") in ("proposed", "cancelled", "waitlist")


def has_bound_offset(node: Node) -> bool:
    """tim-9: whether an offset comes with an event, none of them a meal of no one moment."""
    events = node.value.get("when", [])
    return not is_present(node.value, "offset") or (events != [] and not {"C", "CM", "CD", "CV"} & set(events))


def _has_value(value: Mapping[str, Any]) -> bool:
    return any(name.startswith(("value", "_value")) for name in value)


def _span(text: str | None) -> Interval | None:
    """The interval of a date, None when there is none or the day does not exist: another rule tells that."""
    if text is None:
        return None
    try:
        return interval(text)
    except ValueError:
        return None
