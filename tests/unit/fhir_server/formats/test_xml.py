"""FHIR XML: the same resource back, digit for digit, and every kind of bad document refused."""

import json as standard_json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.formats.order import is_resource, ordered
from fhir_server.formats.xml import from_xml, to_xml
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.validation.elements import resource_types
from tests.builders import appointment, patient, slot

DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &lt; b\n<br/>é</p></div>'

RESOURCES: list[dict[str, Any]] = [
    slot(id="s1", meta={"versionId": "1", "lastUpdated": "2026-03-02T08:00:00.120+01:00", "tag": [{"code": "x"}]}),
    appointment("s1", description="\"<&>' \t\r\n", priority=0),
    patient(
        active=False,
        text={"status": "generated", "div": DIV},
        name=[
            {"given": ["A", None, "C"], "_given": [None, {"extension": [{"url": "urn:x", "valueString": "B"}]}, None]}
        ],
        _birthDate={"id": "b", "extension": [{"url": "urn:x", "valueDateTime": "1979-03-28T14:35:00.5+01:00"}]},
        contained=[
            {"resourceType": "Organization", "id": "o", "_name": {"extension": [{"url": "u", "valueCode": "c"}]}}
        ],
        extension=[
            {"url": "urn:d", "valueDecimal": Decimal("1.500")},
            {"url": "urn:e", "valueDecimal": Decimal("-0.000000000000000000000000012")},
            {"url": "urn:n", "extension": [{"id": "i", "url": "urn:m", "valueBoolean": True}]},
        ],
    ),
    {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 1,
        "entry": [{"fullUrl": "http://x/Slot/1", "resource": slot(id="1"), "search": {"mode": "match", "score": 1}}],
    },
    {
        # Of a type whose resources are not validated here.
        "resourceType": "Specimen",
        "container": [{"capacity": {"value": Decimal("1.50")}, "identifier": [{"value": "x"}]}],
        "receivedTime": "2026-03-03T18:00:00.120+01:00",
        "_status": {"id": "s"},
    },
    {
        # Items of items, in a resource inside another one.
        "resourceType": "Communication",
        "contained": [
            {
                "resourceType": "Questionnaire",
                "id": "q",
                "item": [{"linkId": "1", "item": [{"linkId": "1.1", "item": [{"linkId": "1.1.1", "maxLength": 9}]}]}],
            }
        ],
    },
    {
        # R4 has this type, and the releases after it have not.
        "resourceType": "MedicinalProductIngredient",
        "role": {"text": "x"},
        "specifiedSubstance": [
            {"strength": [{"presentation": {"numerator": {"value": Decimal("1.0")}}, "measurementPoint": "x"}]}
        ],
    },
    {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "resource": patient()}, {"name": "b", "part": [{"name": "c", "valueInteger": -3}]}],
    },
]


def same(resource: Any) -> str:
    """A text that is equal for resources that are equal to the last digit."""
    return standard_json.dumps(standard_json.loads(json.encode(resource), parse_float=str), sort_keys=True)


@pytest.mark.parametrize("is_pretty", [False, True])
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource["resourceType"])
def test_there_and_back(resource: dict[str, Any], is_pretty: bool) -> None:
    back = from_xml(to_xml(resource, is_pretty=is_pretty), resource["resourceType"])

    assert same(resource) == same(back)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=9),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")),
)
def test_values_keep_every_digit_and_character(number: Decimal, text: str) -> None:
    resource = {
        "resourceType": "Slot",
        "extension": [{"url": "urn:n", "valueDecimal": number}, {"url": "urn:t", "valueString": text}],
    }

    assert same(resource) == same(from_xml(to_xml(resource)))


MASKED = {"extension": [{"url": "urn:absent", "valueCode": "masked"}]}


@pytest.mark.parametrize("name", [{"given": [None], "_given": [MASKED]}, {"_given": [MASKED]}])
def test_values_that_are_not_there_are_null_in_an_array(name: dict[str, Any]) -> None:
    found = from_xml(to_xml(patient(name=[name])))

    assert [{"given": [None], "_given": [MASKED]}] == found["name"]


def test_elements_stand_in_their_order() -> None:
    written = to_xml({"status": "free", "end": "e", "id": "s", "start": "s", "resourceType": "Slot", "comment": "c"})

    assert (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Slot xmlns="http://hl7.org/fhir"><id value="s"/>'
        b'<status value="free"/><start value="s"/><end value="e"/><comment value="c"/></Slot>'
    ) == written


@pytest.mark.parametrize(
    "change",
    [
        {"comment": "\x00"},
        {"comment": "\x0b"},
        {"comment": "\uffff"},
        {"comment": 1},
        {"overbooked": "true"},
        {"unknown": 1},
        {"identifier": []},
        {"identifier": [None]},
        {"identifier": {}},
        {"text": {"status": "empty", "div": "<div>no namespace</div>"}},
        {"text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml">&nbsp;</div>'}},
        {"text": {"status": "empty", "div": f"{DIV}<!-- -->"}},
        {"text": {"status": "empty", "div": f"{DIV}</text><text>"}},
        {"text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml"/>'}},
        {"contained": [{"id": "x"}]},
        {"contained": [{"resourceType": "Nothing"}]},
    ],
)
def test_what_xml_cannot_carry_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(FhirError) as caught:
        to_xml(slot(**change))

    assert (Category.NOT_ACCEPTABLE, True) == (caught.value.category, caught.value.issues[0].expression is not None)


HEAD = '<Slot xmlns="http://hl7.org/fhir">'


@pytest.mark.parametrize(
    ("document", "category"),
    [
        (b"", Category.INVALID),
        (b"{}", Category.INVALID),
        (b"<Slot", Category.INVALID),
        (b"\xff", Category.INVALID),
        (f'<!DOCTYPE Slot [<!ENTITY x "y">]>{HEAD}<comment value="&x;"/></Slot>'.encode(), Category.INVALID),
        (f'<!DOCTYPE Slot SYSTEM "file:///etc/passwd">{HEAD}</Slot>'.encode(), Category.INVALID),
        (f'{HEAD}<comment value="&x;"/></Slot>'.encode(), Category.INVALID),
        (f'<?xml version="1.0" encoding="ISO-8859-1"?>{HEAD}</Slot>'.encode(), Category.INVALID),
        (f"{HEAD}</Slot>".encode("utf-16"), Category.INVALID),
        (f"{HEAD}{'<extension>' * 64}".encode(), Category.INVALID),
        (b"<Slot/>", Category.STRUCTURE),
        (b'<Slot xmlns="urn:other"/>', Category.STRUCTURE),
        (b'<Nothing xmlns="http://hl7.org/fhir"/>', Category.STRUCTURE),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', Category.STRUCTURE),
        (b'<HumanName xmlns="http://hl7.org/fhir"/>', Category.STRUCTURE),
        (f"{HEAD}words</Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<unknown/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<_status value='x'/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<status/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<meta><profile value='urn:x'/><profile/></meta></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<status value='free'/><status value='free'/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<status value='free' other='x'/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<extension><url value='x'/></extension></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<contained/></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<text><status value='empty'/><div>x</div></text></Slot>".encode(), Category.STRUCTURE),
        (f"{HEAD}<div xmlns='http://www.w3.org/1999/xhtml'>x</div></Slot>".encode(), Category.STRUCTURE),
        (
            f"{HEAD}<text><x:div xmlns:x='http://www.w3.org/1999/xhtml'>x</x:div></text></Slot>".encode(),
            Category.STRUCTURE,
        ),
    ],
)
def test_bad_documents(document: bytes, category: Category) -> None:
    with pytest.raises(FhirError) as caught:
        from_xml(document, "Slot")

    assert category == caught.value.category


def test_prefixes_comments_and_schema_hints_say_nothing() -> None:
    document = (
        b'\xef\xbb\xbf<?xml version="1.0"?><!-- x --><f:Slot xmlns:f="http://hl7.org/fhir" '
        b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir slot.xsd">'
        b'<f:status value="free"/><!-- x --></f:Slot>'
    )

    assert {"resourceType": "Slot", "status": "free"} == from_xml(document)


def test_a_value_that_is_none_of_its_type_stays_for_validation() -> None:
    found = from_xml(f"{HEAD}<overbooked value='maybe'/></Slot>".encode())

    assert {"resourceType": "Slot", "overbooked": "maybe"} == found


@pytest.mark.parametrize("type_name", sorted(resource_types()))
def test_every_type_of_r4_is_known(type_name: str) -> None:
    pending, seen = [type_name], set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += [element.type for element in ordered(name).values() if not element.is_primitive]

    assert is_resource(type_name)
    assert not [name for name in seen if name != "Resource" and "id" not in ordered(name)]
