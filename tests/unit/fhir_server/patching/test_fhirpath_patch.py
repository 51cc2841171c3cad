"""FHIRPath Patch on resources: each operation, the paths understood, and what is refused."""

import copy
from typing import Any

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.patching.fhirpath_patch import apply

KINDS = {"type": "valueCode", "path": "valueString", "name": "valueString", "index": "valueInteger"}
KINDS |= {"source": "valueInteger", "destination": "valueInteger"}


def operation(type_: str, path: str, value: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """One operation; `value` is what the part of that name holds: `{"valueCode": "male"}`."""
    given = {"type": type_, "path": path, **parts}
    members = [{"name": name, KINDS[name]: part} for name, part in given.items()]
    return {"name": "operation", "part": members + ([{"name": "value", **value}] if value is not None else [])}


def _apply(document: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    before = copy.deepcopy(document)
    patched = apply(document, {"resourceType": "Parameters", "parameter": list(operations)})
    assert document == before
    return {name: value for name, value in patched.items() if name != "resourceType"}


def _patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


PHONE, MAIL = {"system": "phone", "value": "1"}, {"system": "email", "value": "a@b.test"}
TEXT = {"valueString": "x"}
CONTACT = {
    "part": [
        {"name": "name", "valueHumanName": {"text": "a"}},
        {"name": "relationship", "valueCodeableConcept": {"text": "r"}},
    ]
}


@pytest.mark.parametrize(
    ("elements", "change", "expected"),
    [
        ({}, operation("add", "Patient", {"valueDate": "1930"}, name="birthDate"), {"birthDate": "1930"}),
        ({}, operation("add", "Patient", {"valueContactPoint": PHONE}, name="telecom"), {"telecom": [PHONE]}),
        (
            {"telecom": [MAIL]},
            operation("add", "Patient", {"valueContactPoint": PHONE}, name="telecom"),
            {"telecom": [MAIL, PHONE]},
        ),
        ({}, operation("add", "Patient", {"valueBoolean": True}, name="deceased"), {"deceasedBoolean": True}),
        ({}, operation("add", "Patient", {"valueInteger": 2}, name="multipleBirth"), {"multipleBirthInteger": 2}),
        (
            {"name": [{"family": "A"}]},
            operation("add", "Patient.name[0]", {"valueString": "C"}, name="given"),
            {"name": [{"family": "A", "given": ["C"]}]},
        ),
        (
            {},
            operation(
                "add",
                "Patient",
                {
                    "part": [
                        {"name": "name", "valueHumanName": {"text": "a"}},
                        {"name": "relationship", "valueCodeableConcept": {"text": "r"}},
                    ]
                },
                name="contact",
            ),
            {"contact": [{"name": {"text": "a"}, "relationship": [{"text": "r"}]}]},
        ),
        ({"gender": "male"}, operation("replace", "Patient.gender", {"valueCode": "female"}), {"gender": "female"}),
        ({"gender": "male"}, operation("replace", "gender", {"valueCode": "female"}), {"gender": "female"}),
        (
            {"deceasedBoolean": True},
            operation("replace", "Patient.deceased", {"valueDateTime": "2026-01-01T08:00:00+01:00"}),
            {"deceasedDateTime": "2026-01-01T08:00:00+01:00"},
        ),
        (
            {"telecom": [PHONE, MAIL]},
            operation("replace", "Patient.telecom.where(system = 'email').value", {"valueString": "c@d.test"}),
            {"telecom": [PHONE, {**MAIL, "value": "c@d.test"}]},
        ),
        (
            {"telecom": [PHONE, MAIL]},
            operation("delete", "Patient.telecom.where(system = 'email' and value.exists())"),
            {"telecom": [PHONE]},
        ),
        ({"telecom": [PHONE, MAIL]}, operation("delete", "Patient.telecom.first()"), {"telecom": [MAIL]}),
        ({"telecom": [PHONE, MAIL]}, operation("delete", "Patient.telecom.last()"), {"telecom": [PHONE]}),
        ({"telecom": [PHONE]}, operation("delete", "Patient.telecom[0]"), {}),
        ({"telecom": [PHONE]}, operation("delete", "Patient.telecom[7]"), {"telecom": [PHONE]}),
        ({"deceasedBoolean": True}, operation("delete", "Patient.deceased.ofType(boolean)"), {}),
        ({"deceasedBoolean": True}, operation("delete", "(Patient.deceased as dateTime)"), None),
        (
            {"contact": [{"name": {"text": "a"}, "gender": "male"}]},
            operation("delete", "Patient.contact[0].name.text"),
            {"contact": [{"gender": "male"}]},
        ),
        ({"contact": [{"name": {"text": "a"}}]}, operation("delete", "Patient.contact.name.text"), {}),
        (
            {"name": [{"given": ["A", "C"]}]},
            operation("insert", "Patient.name[0].given", {"valueString": "B"}, index=1),
            {"name": [{"given": ["A", "B", "C"]}]},
        ),
        (
            {"name": [{"given": ["A"]}]},
            operation("insert", "Patient.name[0].given", {"valueString": "B"}, index=1),
            {"name": [{"given": ["A", "B"]}]},
        ),
        (
            {"name": [{"given": ["A", "B", "C"]}]},
            operation("move", "Patient.name.given", source=2, destination=0),
            {"name": [{"given": ["C", "A", "B"]}]},
        ),
    ],
)
def test_each_operation_on_many_paths(
    elements: dict[str, Any], change: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    if expected is None:
        with pytest.raises(FhirError):
            _apply(_patient(**elements), change)
    else:
        assert _apply(_patient(**elements), change) == expected


EXTENSION = {"url": "http://x.test/e", "valueString": "v"}
OTHER = {"url": "http://x.test/o", "valueString": "w"}


def test_what_hangs_on_a_primitive_goes_where_it_goes() -> None:
    given = {"given": ["A", "B"], "_given": [None, {"extension": [EXTENSION]}]}
    person = _patient(name=[given], birthDate="1930", _birthDate={"extension": [EXTENSION]})

    def name(change: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = _apply(person, change)["name"][0]
        return found

    assert name(operation("move", "Patient.name.given", source=1, destination=0)) == {
        "given": ["B", "A"],
        "_given": [{"extension": [EXTENSION]}, None],
    }
    assert name(operation("delete", "Patient.name.given[1]")) == {"given": ["A"]}
    assert name(operation("insert", "Patient.name.given", TEXT, index=0))["_given"] == [None, *given["_given"]]
    assert name(operation("replace", "Patient.name.given[1]", TEXT)) == {"given": ["A", "x"]}
    assert "_birthDate" not in _apply(person, operation("delete", "Patient.birthDate"))
    kept = _apply(person, operation("delete", "Patient.birthDate.extension('http://x.test/e')"))
    assert (kept["birthDate"], "_birthDate" in kept) == ("1930", False)
    added = _apply(person, operation("add", "Patient.birthDate", {"valueExtension": OTHER}, name="extension"))
    assert added["_birthDate"]["extension"] == [EXTENSION, OTHER]
    fresh = _apply(
        _patient(gender="male"), operation("add", "Patient.gender", {"valueExtension": OTHER}, name="extension")
    )
    assert fresh == {"gender": "male", "_gender": {"extension": [OTHER]}}


def test_operations_follow_each_other() -> None:
    """The second sees what the first did; between them the resource may be invalid."""
    patched = _apply(
        _patient(),
        operation("add", "Patient", {"part": [{"name": "gender", "valueCode": "male"}]}, name="contact"),
        operation("replace", "Patient.contact[0].gender", {"valueCode": "female"}),
        operation("add", "Patient.contact[0]", {"valueHumanName": {"text": "n"}}, name="name"),
    )

    assert patched == {"contact": [{"gender": "female", "name": {"text": "n"}}]}


def test_a_path_passes_over_what_an_operation_before_it_broke() -> None:
    broken = operation("add", "Patient", TEXT, name="extension")

    assert _apply(_patient(), broken, operation("delete", "Patient.extension('u')")) == {"extension": ["x"]}


PERSON = _patient(telecom=[PHONE, MAIL], gender="male", name=[{"given": ["A"]}, {"given": ["B"]}])


@pytest.mark.parametrize(
    ("change", "category"),
    [
        ({"name": "other"}, Category.STRUCTURE),
        ({"name": "operation"}, Category.REQUIRED),
        ({"name": "operation", "part": 7}, Category.STRUCTURE),
        ({"name": "operation", "part": ["x"]}, Category.STRUCTURE),
        (operation("erase", "Patient"), Category.VALUE),
        (operation("add", "Patient", TEXT), Category.REQUIRED),
        (operation("add", "Patient", name="gender"), Category.REQUIRED),
        (operation("add", "Patient", {"valueCode": "male"}, name="gender"), Category.VALUE),
        (operation("add", "Patient", TEXT, name="nonsense"), Category.VALUE),
        (operation("add", "Patient", TEXT, name="deceased"), Category.VALUE),
        (operation("add", "Patient", {}, name="birthDate"), Category.REQUIRED),
        (operation("add", "Patient", {"valueCode": "a", "valueDate": "b"}, name="birthDate"), Category.STRUCTURE),
        (operation("add", "Patient.telecom", TEXT, name="value"), Category.VALUE),
        (operation("add", "Patient.contact[0]", TEXT, name="gender"), Category.VALUE),
        (operation("replace", "Patient.birthDate", {"valueDate": "1930"}), Category.VALUE),
        (operation("replace", "Patient.telecom.value", TEXT), Category.VALUE),
        (operation("replace", "Patient", {"resource": {"resourceType": "Patient"}}), Category.VALUE),
        (operation("replace", "'text'", TEXT), Category.VALUE),
        (operation("delete", "Patient"), Category.VALUE),
        (operation("delete", "Patient.telecom"), Category.VALUE),
        (operation("insert", "Patient.gender", TEXT, index=0), Category.VALUE),
        (operation("insert", "Patient.telecom", TEXT, index=3), Category.VALUE),
        (operation("insert", "Patient.telecom", TEXT, index=-1), Category.VALUE),
        (operation("insert", "Patient.telecom", TEXT), Category.REQUIRED),
        (operation("insert", "Patient.name.given", TEXT, index=0), Category.VALUE),
        (operation("insert", "Patient.telecom[0]", TEXT, index=0), Category.VALUE),
        (operation("move", "Patient.telecom", source=0, destination=2), Category.VALUE),
        (operation("move", "Patient.telecom", source=0), Category.REQUIRED),
    ],
)
def test_what_cannot_be_applied_is_refused_and_located(change: dict[str, Any], category: Category) -> None:
    with pytest.raises(FhirError) as caught:
        _apply(PERSON, operation("delete", "Patient.birthDate"), change)

    assert caught.value.category is category
    assert caught.value.issues[0].expression == "Parameters.parameter[1]"
