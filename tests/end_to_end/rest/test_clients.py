"""Ordinary FHIR libraries against a live server: each creates, reads, searches with includes and pages, updates with
If-Match, patches, runs a transaction and understands an error.
"""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.organization import Organization
from fhirclient.models.practitionerrole import PractitionerRole
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests.end_to_end.rest.conftest import Api


def organization(name: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Organization", "name": name} | elements


def transaction(name: str) -> dict[str, Any]:
    entry = {"resource": organization(name), "request": {"method": "POST", "url": "Organization"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


#: A FHIRPath Patch, since fhirpy sends every body as plain JSON.
PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": "Organization"},
                {"name": "name", "valueString": "active"},
                {"name": "value", "valueBoolean": True},
            ],
        }
    ],
}


def test_fhirpy(api: Api, tag: str) -> None:
    authorization = f"Bearer {api.token}"
    client = SyncFHIRClient(api.base, authorization=authorization)
    made = client.resource("Organization", name=tag)
    made.save()
    for number in (1, 2, 3):
        client.resource("Organization", name=f"{tag} {number}", partOf=made.to_reference()).save()

    assert tag == client.reference("Organization", made.id).to_resource()["name"]
    search = client.resources("Organization").search(partof=made.id).include("Organization", "partof").limit(2)
    assert {tag, *(f"{tag} {number}" for number in (1, 2, 3))} == {it["name"] for it in search.fetch_all()}
    assert 3 == client.resources("Organization").search(partof=made.id).count()

    careful = SyncFHIRClient(api.base, authorization=authorization, extra_headers={"If-Match": 'W/"1"'})
    changed = careful.resource("Organization", **dict(made) | {"name": f"{tag} new"})
    changed.save()
    assert "2" == changed["meta"]["versionId"]
    with pytest.raises(MultipleResourcesFound):
        careful.resource("Organization", **dict(made) | {"name": f"{tag} stale"}).save()

    assert True is client.execute(f"Organization/{made.id}", method="patch", data=PATCH)["active"]
    assert client.execute("", data=transaction(tag))["entry"][0]["response"]["status"].startswith("201")
    with pytest.raises(OperationOutcome) as refused:
        client.resource("Organization", active="no").save()
    assert ["Organization.active"] == refused.value.resource["issue"][0]["expression"]
    with pytest.raises(ResourceNotFound):
        client.get("Organization", "never-there")


def test_fhirpy_async(api: Api, tag: str) -> None:
    asyncio.run(_fhirpy_async(api, tag))


async def _fhirpy_async(api: Api, tag: str) -> None:
    authorization = f"Bearer {api.token}"
    client = AsyncFHIRClient(api.base, authorization=authorization)
    made = client.resource("Organization", name=tag)
    await made.save()
    for number in (1, 2, 3):
        await client.resource("Organization", name=f"{tag} {number}", partOf=made.to_reference()).save()

    assert tag == (await client.reference("Organization", made.id).to_resource())["name"]
    search = client.resources("Organization").search(partof=made.id).include("Organization", "partof").limit(2)
    assert {tag, *(f"{tag} {number}" for number in (1, 2, 3))} == {it["name"] for it in await search.fetch_all()}

    careful = AsyncFHIRClient(api.base, authorization=authorization, extra_headers={"If-Match": 'W/"1"'})
    changed = careful.resource("Organization", **dict(made) | {"name": f"{tag} new"})
    await changed.save()
    assert "2" == changed["meta"]["versionId"]

    assert True is (await client.execute(f"Organization/{made.id}", method="patch", data=PATCH))["active"]
    answer = await client.execute("", data=transaction(tag))
    assert answer["entry"][0]["response"]["status"].startswith("201")
    with pytest.raises(OperationOutcome) as refused:
        await client.resource("Organization", active="no").save()
    assert ["Organization.active"] == refused.value.resource["issue"][0]["expression"]


def test_smart_python(api: Api, tag: str) -> None:
    server = FHIRClient(settings={"app_id": "test", "api_base": api.base}).server
    server.prepare()
    server.session.headers["Authorization"] = f"Bearer {api.token}"
    assert "4.0.1" == server.capabilityStatement.fhirVersion

    made = Organization(Organization(organization(tag)).create(server))
    assert tag == Organization.read(made.id, server).name
    for _ in range(3):
        PractitionerRole({"organization": {"reference": f"Organization/{made.id}"}}).create(server)

    search = PractitionerRole.where({"organization": made.id, "_count": "2"}).include("organization")
    pages = list(search.perform_iter(server))
    assert [2, 1] == [sum(entry.search.mode == "match" for entry in page.entry) for page in pages]
    assert [tag, tag] == [it.resource.name for page in pages for it in page.entry if it.search.mode == "include"]

    server.session.headers["If-Match"] = 'W/"1"'
    made.name = f"{tag} new"
    assert "2" == made.update(server)["meta"]["versionId"]
    with pytest.raises(requests.HTTPError) as stale:
        made.update(server)
    assert (412, "conflict") == (stale.value.response.status_code, stale.value.response.json()["issue"][0]["code"])
    del server.session.headers["If-Match"]

    # The library has no patch of its own; its session has.
    change, headers = b'[{"op":"add","path":"/active","value":true}]', {"Content-Type": "application/json-patch+json"}
    patched = server.session.patch(f"{api.base}/Organization/{made.id}", change, headers=headers)
    assert True is Organization(patched.json()).active
    assert Bundle(Bundle(transaction(tag)).create(server)).entry[0].response.status.startswith("201")


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with fhir-kit-client and the script that uses it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node is not installed, so fhir-kit-client cannot run")
    folder = tmp_path_factory.mktemp("kit")
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "fhir-kit-client@2"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    if installed.returncode:
        pytest.skip("the npm registry cannot be reached, so fhir-kit-client is not there")
    shutil.copy(Path(__file__).with_name("kit.mjs"), folder)
    return folder


def test_fhir_kit_client(api: Api, tag: str, kit: Path) -> None:
    command = ["node", "kit.mjs", api.base, api.token, tag]
    told = subprocess.run(command, cwd=kit, capture_output=True, timeout=60, check=False)

    assert 0 == told.returncode, told.stderr.decode()
    assert {
        "read": tag,
        "pages": [1, 1],
        "included": [tag],
        "updated": "2",
        "stale": [412, "conflict"],
        "patched": True,
        "transaction": "201",
        "history": 3,
        "error": [400, "Organization.active"],
    } == json.loads(told.stdout)
