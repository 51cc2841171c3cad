"""Resources in part: what `_summary` and `_elements` keep, and the mark they leave."""

from typing import Any

import pytest
from fhir.resources.R4B.patient import Patient

from fhir_server.interactions.subset import Subset
from fhir_server.kernel import json

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "meta": {"versionId": "1", "tag": [{"code": "mine"}]},
    "implicitRules": "urn:rules",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">P</div>'},
    "modifierExtension": [{"url": "urn:m", "valueBoolean": True}],
    "active": True,
    "name": [{"family": "Essai"}],
    "_birthDate": {"extension": [{"url": "urn:e", "valueCode": "x"}]},
    "birthDate": "1970-01-01",
    "deceasedBoolean": False,
    "contact": [{"name": {"family": "Autre"}}],
    "communication": [{"language": {"text": "fr"}}],
    "link": [
        {"other": {"reference": "Patient/q"}, "type": "seealso", "extension": [{"url": "urn:e", "valueCode": "x"}]}
    ],
}
#: What stays in every part: what it is, and what changes the meaning of the rest.
KEPT = {"resourceType", "id", "meta", "implicitRules", "modifierExtension", "active", "deceasedBoolean", "link"}
BIRTH = {"birthDate", "_birthDate"}


def shown(subset: Subset, resource: dict[str, Any] = PATIENT) -> dict[str, Any]:
    found: dict[str, Any] = json.decode(subset.apply(json.encode(resource).decode()).encode())
    return found


PARTS = [
    (Subset("true"), KEPT | BIRTH | {"name"}, "what R4 marks for summaries"),
    (Subset("text"), KEPT | {"text"}, "the narrative"),
    (Subset("data"), set(PATIENT) - {"text"}, "all but the narrative"),
    (Subset("", ("birthDate",)), KEPT | BIRTH, "an element with its extensions"),
    (Subset("", ("contact", "nothing")), KEPT | {"contact"}, "elements; unknown ones are passed over"),
    (Subset("", ("deceased",)), KEPT, "an element of several types by its name"),
]


@pytest.mark.parametrize(("subset", "members", "reason"), PARTS, ids=[case[2] for case in PARTS])
def test_what_is_kept(subset: Subset, members: set[str], reason: str) -> None:
    found = shown(subset)

    assert members == set(found), reason
    Patient.model_validate(found)


@pytest.mark.parametrize("subset", [case[0] for case in PARTS], ids=[case[2] for case in PARTS])
def test_a_part_is_marked(subset: Subset) -> None:
    found = shown(subset)

    assert ["mine", "SUBSETTED"] == [tag["code"] for tag in found["meta"]["tag"]]
    assert found == shown(subset, found | {"text": PATIENT["text"]} if "text" in found else found)


def test_all_of_a_resource_is_its_stored_text() -> None:
    assert '{"a": 1.10}' == Subset().apply('{"a": 1.10}')


def test_summaries_go_into_elements() -> None:
    (link,) = shown(Subset("true"))["link"]

    assert {"other", "type"} == set(link)


def test_what_is_contained_stays_where_something_shown_refers_to_it() -> None:
    contained = [{"resourceType": "Practitioner", "id": "c"}]
    slot = {"resourceType": "Slot", "id": "s", "contained": contained, "schedule": {"reference": "#c"}, "comment": "x"}

    assert contained == shown(Subset("true"), slot)["contained"]
    assert "contained" not in shown(Subset("true"), slot | {"schedule": {"reference": "Schedule/c"}})


def test_decimals_keep_their_digits() -> None:
    assert '"position":{"longitude":1.10}' in Subset("data").apply(
        '{"resourceType":"Location","id":"l","position":{"longitude":1.10}}'
    )
