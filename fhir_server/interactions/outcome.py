"""OperationOutcomes inside answers. https://www.hl7.org/fhir/R4/operationoutcome.html"""

from collections.abc import Iterable
from typing import Any

from fhir_server.kernel.errors import FhirError, Issue


def outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """An OperationOutcome with one entry for each issue."""
    return {"resourceType": "OperationOutcome", "issue": [_entry(issue) for issue in issues]}


def outcome_of(error: FhirError) -> dict[str, Any]:
    """What a failure says, as an OperationOutcome."""
    return outcome(error.issues)


def note(text: str) -> dict[str, Any]:
    """An OperationOutcome that says that all went well, and what was done."""
    issue = {"severity": "information", "code": "informational", "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _entry(issue: Issue) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.category.issue_code,
        "diagnostics": issue.diagnostics,
    }
    return entry | {"expression": [issue.expression]} if issue.expression else entry
