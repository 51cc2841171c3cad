"""The parameters of a query string or a form: pairs in their order, names repeated."""

from urllib.parse import parse_qsl

from fhir_server.kernel.errors import Category, fault

Pairs = list[tuple[str, str]]

#: Most parameters of one search: enough for a search by 200 identifiers.
MAX_PARAMETERS = 256


def decoded(text: str) -> Pairs:
    """The pairs, percent-decoded. Raises FhirError: INVALID for what is not UTF-8, TOO_COSTLY for too many."""
    try:
        found = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeError:
        raise fault(Category.INVALID, "The search parameters are not percent-encoded UTF-8.") from None
    except ValueError:
        raise fault(Category.TOO_COSTLY, f"There are more than {MAX_PARAMETERS} search parameters.") from None
    if any("\0" in name or "\0" in value for name, value in found):
        raise fault(Category.INVALID, "A search parameter holds the character U+0000.")
    return found
