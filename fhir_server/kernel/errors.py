"""One family of errors, and one table that says how each kind is told in each protocol.

HTTP: https://www.hl7.org/fhir/R4/http.html. Issue codes: https://www.hl7.org/fhir/R4/valueset-issue-type.html.
Acknowledgement codes: HL7 table 0008. Error codes: HL7 table 0357.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Category(Enum):
    """A kind of failure: HTTP status, OperationOutcome issue code, MSA-1, ERR-3."""

    INVALID = (400, "invalid", "AE", "102")
    STRUCTURE = (400, "structure", "AE", "100")
    REQUIRED = (400, "required", "AE", "101")
    VALUE = (400, "value", "AE", "102")
    CODE_INVALID = (400, "code-invalid", "AE", "103")
    TOO_LONG = (400, "too-long", "AE", "104")
    MALFORMED = (400, "structure", "AR", "100")
    LOGIN = (401, "login", "AR", "207")
    FORBIDDEN = (403, "forbidden", "AE", "207")
    NOT_FOUND = (404, "not-found", "AE", "204")
    NOT_SUPPORTED_TYPE = (404, "not-supported", "AR", "200")
    METHOD_NOT_ALLOWED = (405, "not-supported", "AR", "201")
    NOT_ACCEPTABLE = (406, "not-supported", "AR", "203")
    CONFLICT = (409, "conflict", "AE", "205")
    DUPLICATE = (409, "duplicate", "AE", "205")
    DELETED = (410, "deleted", "AE", "204")
    VERSION_CONFLICT = (412, "conflict", "AE", "206")
    MULTIPLE_MATCHES = (412, "multiple-matches", "AE", "204")
    TOO_LARGE = (413, "too-long", "AR", "104")
    UNSUPPORTED_MEDIA = (415, "not-supported", "AR", "199")
    INVARIANT = (422, "invariant", "AE", "207")
    BUSINESS_RULE = (422, "business-rule", "AE", "207")
    UNKNOWN_REFERENCE = (422, "not-found", "AE", "204")
    TOO_COSTLY = (422, "too-costly", "AE", "207")
    CONTENT_NOT_SUPPORTED = (422, "not-supported", "AE", "199")
    EVENT_NOT_SUPPORTED = (422, "not-supported", "AR", "201")
    PROCESSING_ID = (422, "not-supported", "AR", "202")
    VERSION_NOT_SUPPORTED = (422, "not-supported", "AR", "203")
    THROTTLED = (429, "throttled", "AR", "207")
    EXCEPTION = (500, "exception", "AR", "207")
    GIVEN_UP = (503, "too-costly", "AR", "207")
    UNAVAILABLE = (503, "transient", "AR", "207")

    @property
    def http_status(self) -> int:
        return self.value[0]

    @property
    def issue_code(self) -> str:
        return self.value[1]

    @property
    def ack_code(self) -> str:
        return self.value[2]

    @property
    def hl7_code(self) -> str:
        return self.value[3]


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding. `diagnostics` names elements, codes and counts, never a patient's data."""

    category: Category
    diagnostics: str
    #: FHIRPath of the element (`Appointment.participant[1].actor`) or an HL7 location (`SCH^1^11`).
    expression: str | None = None
    severity: str = "error"


@dataclass
class FhirError(Exception):
    """A failure that the other side can be told about, whatever protocol it speaks."""

    issues: tuple[Issue, ...]
    #: Headers the HTTP answer must carry (`Allow`, `Retry-After`, `WWW-Authenticate`).
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def category(self) -> Category:
        """The kind that decides status and acknowledgement: the first issue's."""
        return self.issues[0].category

    def __str__(self) -> str:
        return "; ".join(issue.diagnostics for issue in self.issues)


def fault(
    category: Category, diagnostics: str, expression: str | None = None, headers: Mapping[str, str] | None = None
) -> FhirError:
    """The common case: an error with one issue."""
    return FhirError((Issue(category, diagnostics, expression),), headers or {})


def raise_any(issues: Iterable[Issue]) -> None:
    """Raise one FhirError holding all of `issues`; nothing happens when there is none."""
    found = tuple(issues)
    if found:
        raise FhirError(found)
