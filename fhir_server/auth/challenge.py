"""The refusals of RFC 6750 section 3: who must say who they are, and who may not."""

from fhir_server.kernel.errors import Category, FhirError, fault

_REALM = 'Bearer realm="fhir"'


def missing_token() -> FhirError:
    """401 for a request that carries no bearer token."""
    return fault(
        Category.LOGIN, "An access token is required: Authorization: Bearer.", headers={"WWW-Authenticate": _REALM}
    )


def invalid_token(reason: str) -> FhirError:
    """401 for a token that is malformed, forged, expired, or whose client is no longer welcome."""
    challenge = f'{_REALM}, error="invalid_token", error_description="{reason}"'
    return fault(Category.LOGIN, reason, headers={"WWW-Authenticate": challenge})


def insufficient_scope(scope: str) -> FhirError:
    """403 for a token that does not allow what was asked, naming the scope that would."""
    challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
    return fault(
        Category.FORBIDDEN, f"The access token lacks the scope {scope}.", headers={"WWW-Authenticate": challenge}
    )
