"""Search parameters as they stand in a URL or a form."""

from fhir_server.kernel.errors import Category, fault
from fhir_server.search.pairs import Pairs, decoded

#: Longest query string or form, in bytes.
MAX_BYTES = 16_384

#: Parameters about the form of the answer: they belong to the web, not to the search.
_FORM_OF_ANSWER = frozenset({"_format", "_pretty"})


def pairs(text: bytes) -> Pairs:
    """The decoded pairs of a query string or a form. Raises FhirError for too many, too long, or not UTF-8."""
    if not text:
        return []
    if len(text) > MAX_BYTES:
        raise fault(Category.TOO_LONG, f"The search parameters are longer than {MAX_BYTES} bytes.")
    if not text.isascii():
        raise fault(Category.INVALID, "The search parameters are not percent-encoded UTF-8.")
    return decoded(text.decode("ascii"))


def split(found: Pairs) -> tuple[Pairs, str | None]:
    """The pairs that the search is about, and the `_format` asked for, if any."""
    formats = [value for name, value in found if name == "_format" and value]
    return [pair for pair in found if pair[0] not in _FORM_OF_ANSWER], formats[0] if formats else None
