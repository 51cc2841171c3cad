"""Who reads the audit trail reads nothing else: its file says so, and the guard tells every service."""

from typing import Any

import pytest

from fhir_server.auth.partners import PartnerError, parse
from fhir_server.auth.secrets import hash_secret

HASH = hash_secret("x" * 32)


def members(*scopes: str, **more: Any) -> dict[str, Any]:
    return {"client_id": "auditor", "name": "Auditor", "secret_hash": HASH, "scopes": list(scopes)} | more


def test_an_auditor_has_scopes_of_the_trail_alone() -> None:
    partner = parse(members("system/AuditEvent.rs", reads="audit"), "partners/auditor.toml")

    assert (True, False) == (partner.is_auditor, partner.is_territory)


@pytest.mark.parametrize("scope", ["system/Patient.rs", "system/*.rs", "user/AuditEvent.rs"])
def test_any_other_scope_is_refused(scope: str) -> None:
    with pytest.raises(PartnerError, match="scopes of AuditEvent alone"):
        parse(members("system/AuditEvent.rs", scope, reads="audit"), "partners/auditor.toml")


@pytest.mark.parametrize("reads", ["own", "territory"])
def test_scopes_alone_make_no_auditor(reads: str) -> None:
    assert not parse(members("system/AuditEvent.rs", "system/*.cruds", reads=reads), "partners/x.toml").is_auditor
