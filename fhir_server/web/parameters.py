"""Search parameters as they stand in a URL or a form: pairs in their order, names repeated."""

from urllib.parse import parse_qsl

from fhir_server.kernel.errors import Category, fault

Pairs = list[tuple[str, str]]

#: Longest query string or form, in bytes, and most parameters in it: enough for a search by 200 identifiers.
MAX_BYTES = 16_384
MAX_PARAMETERS = 256

#: Parameters about the form of the answer: they belong to the web, not to the search.
_FORM_OF_ANSWER = frozenset({"_format", "_pretty"})


def pairs(text: bytes) -> Pairs:
    """The decoded pairs of a query string or a form. Raises FhirError for too many, too long, or not UTF-8."""
    if not text:
        return []
    if len(text) > MAX_BYTES:
        raise fault(Category.TOO_LONG, f"The search parameters are longer than {MAX_BYTES} bytes.")
    try:
        found = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError:
        raise fault(Category.INVALID, "The search parameters are not percent-encoded UTF-8.") from None
    except ValueError:
        raise fault(Category.TOO_COSTLY, f"There are more than {MAX_PARAMETERS} search parameters.") from None
    if any("\0" in name or "\0" in value for name, value in found):
        raise fault(Category.INVALID, "A search parameter holds the character U+0000.")
    return found


def split(found: Pairs) -> tuple[Pairs, str | None]:
    """The pairs that the search is about, and the `_format` asked for, if any."""
    formats = [value for name, value in found if name == "_format"]
    return [pair for pair in found if pair[0] not in _FORM_OF_ANSWER], formats[0] if formats else None
