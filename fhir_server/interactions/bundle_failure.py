"""Failures of one entry, told so that the client finds the entry."""

from fhir_server.kernel.errors import FhirError, Issue

#: Headers that speak of one resource, and not of a Bundle.
_OF_RESOURCE = frozenset({"ETag", "Last-Modified"})


def located(error: FhirError, number: int, type_name: str) -> FhirError:
    """The same failure, its issues pointing into `Bundle.entry[number]`."""
    where = f"Bundle.entry[{number}]"
    issues = tuple(_issue(issue, where, type_name) for issue in error.issues)
    return FhirError(issues, {name: value for name, value in error.headers.items() if name not in _OF_RESOURCE})


def _issue(issue: Issue, where: str, type_name: str) -> Issue:
    inner = issue.expression or ""
    if inner.startswith(where):
        return issue
    is_element = bool(type_name) and inner.startswith(f"{type_name}.")
    expression = f"{where}.resource{inner.removeprefix(type_name)}" if is_element else where
    return Issue(issue.category, f"{where}: {issue.diagnostics}", expression, issue.severity)
