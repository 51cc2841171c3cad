"""What must be true of the aggregation of slots, item by item of our own checklist, at a standing clock.

docs/sas.md has the table of all items.
"""

import re
import time
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.kernel import dates
from tests.conftest import StandingClock
from tests.sas_shape import CPTS, INDIVIDUAL, SOS, problems
from tests.sas_world import (
    ACT,
    HOUR_MS,
    OF_CPTS,
    PERSON,
    PRACTITIONERS,
    R38,
    REASON,
    RPPS,
    STRUCTURE,
    Json,
    Platform,
    Reply,
    World,
    belonging,
    concept,
    meant,
    platform_of,
    world_in,
)

DOCTOR = f"8{RPPS[0]}"
AGENDA = "agenda-brumeval-moulin"


@pytest.fixture
def world(services: Services) -> World:
    """One doctor at one place, without slots."""
    found = world_in(services)
    found.place("moulin")
    found.doctor("brumeval", RPPS[0], "moulin")
    return found


@pytest.fixture
def platform(services: Services) -> Platform:
    return platform_of(services)


def _ids(reply: Reply, type_name: str = "Slot") -> list[str]:
    return sorted(one["id"] for one in reply.of(type_name))


def test_sas_item_1_the_request_of_the_guide_is_answered(world: World, platform: Platform) -> None:
    id_ = world.slot(AGENDA)

    reply = platform.slots(DOCTOR)

    assert 200 == reply.status
    modes = [(entry["resource"]["resourceType"], entry["search"]["mode"]) for entry in reply.content["entry"]]
    assert [
        ("Slot", "match"),
        ("Schedule", "include"),
        ("Practitioner", "include"),
        ("PractitionerRole", "include"),
    ] == modes
    assert [id_] == _ids(reply)


def test_sas_item_2_the_cpts_comes_along_and_every_reference_resolves(world: World, platform: Platform) -> None:
    world.cpts("cpts", "960000016")
    world.slot(AGENDA, meta=meant("CPTS"), serviceType=[concept(ACT, "AMB"), belonging("service-cpts")])

    reply = platform.slots(DOCTOR, more=OF_CPTS)

    assert [] == problems(reply.content, CPTS, f"{platform.query([DOCTOR])}{OF_CPTS}")
    assert (["service-cpts"], ["cpts"]) == (_ids(reply, "HealthcareService"), _ids(reply, "Organization"))


@pytest.mark.parametrize("more", ["", "&_count=1000", "&_format=json&_pretty=false", "&x=1&x=2&y=%C3%A9+%22%5C"])
def test_sas_item_3_total_counts_slots_and_the_one_link_is_what_was_asked(
    world: World, platform: Platform, more: str
) -> None:
    for hours in (4, 5, 6):
        world.slot(AGENDA, hours)

    reply = platform.slots(DOCTOR, more=more)

    assert 3 == reply.content["total"]
    assert [] == problems(reply.content, INDIVIDUAL, platform.query([DOCTOR]) + more)


@pytest.mark.parametrize("more", ["", OF_CPTS])
def test_sas_item_4_nobody_and_nothing_are_an_empty_answer(world: World, platform: Platform, more: str) -> None:
    for asked in (DOCTOR, "899700999999", "nobody"):
        reply = platform.slots(asked, more=more)

        assert (200, 0) == (reply.status, reply.content["total"])
        assert [] == problems(reply.content, CPTS if more else INDIVIDUAL, platform.query([asked]) + more)


def test_sas_item_5_twenty_five_in_one_page_and_no_more(world: World, platform: Platform) -> None:
    numbers = [f"9970095{number:04d}" for number in range(26)]
    for number in range(0, 25, 2):
        world.doctor(f"d{number}", numbers[number], "moulin")
        for hours in range(1, 50):
            world.slot(f"agenda-d{number}-moulin", hours)

    reply = platform.slots(*(f"8{number}" for number in numbers[:25]))

    assert 13 * 49 == reply.content["total"] == len(reply.of("Slot"))
    assert (400, [("value", PRACTITIONERS)]) == (
        (refused := platform.slots(*(f"8{number}" for number in numbers))).status,
        refused.issues,
    )


def _quirk(number: int) -> tuple[str, dict[str, str]]:
    """How a client of that habit writes the request: from 8 h to 20 h on 3 March in Paris."""
    texts = ("2026-03-03T08:00:00.000", "2026-03-03T20:00:00.000")
    offset = {1: "+01:00", 2: "%2B01:00", 3: "", 4: "+00:00"}.get(number, "+01:00")
    window = "&".join(f"start={bound}{text}{offset}" for bound, text in zip(("ge", "le"), texts, strict=True))
    bar, comma = "%7C" if number == 10 else "|", ", " if number == 5 else ","
    if number == 5:
        comma = ",%20"
    asked = comma.join(f"{PERSON}{bar}{rpps}" for rpps in (DOCTOR, f"8{RPPS[1]}"))
    includes = "_include=Slot:schedule&_include:iterate=Schedule:actor"
    path = "/Slot/" if number == 6 else "/Slot"
    accept = {8: "application/json+fhir", 11: "application/fhir+json", 12: "*/*"}.get(number, "application/json")
    return f"{path}?{includes}&{window}&{PRACTITIONERS}={asked}&status=free", {"Accept": accept}


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12])
def test_sas_item_6_every_habit_of_clients_gives_the_same_slots(world: World, platform: Platform, number: int) -> None:
    # Quirk 9: stored without the prefix.
    world.doctor("chantelune", RPPS[1], "moulin", identifier=[{"system": PERSON, "value": RPPS[1]}])
    # From 10 to 18 h: in the window also when Paris is taken for UTC, as quirk 4 has it.
    wanted = [world.slot(AGENDA, 26), world.slot("agenda-chantelune-moulin", 34)]
    world.slot(AGENDA, 23)
    address, headers = _quirk(number)

    reply = platform.ask(address, **headers)

    assert (200, sorted(wanted)) == (reply.status, _ids(reply))
    assert [] == problems(reply.content, INDIVIDUAL, address.partition("?")[2])
    assert reply.content["link"][0]["url"].endswith(f"/sas{address}")


def test_sas_item_6_moments_are_read_as_written(world: World, platform: Platform) -> None:
    """Quirks 3 and 4: without a zone it is Paris, and `+00:00` is UTC although Paris was meant; minutes may lack."""
    id_ = world.slot(AGENDA, 24)
    query = f"{PRACTITIONERS}={PERSON}|{DOCTOR}&status=free&start=ge2026-03-03T08:00:00.000{{0}}"
    query += "&start=le2026-03-03T08:30:00.000{0}"

    zones = ("", "+01:00", "+01", "%2B01", "%2001", "+00:00", "Z", "%2B00", "-00")
    found = [_ids(platform.ask(f"/Slot?{query.format(zone)}")) for zone in zones]

    assert [[id_]] * 5 + [[]] * 4 == found


@pytest.mark.parametrize(
    ("now", "start", "zone", "shown"),
    [
        ("2026-03-28T12:00:00Z", "2026-03-29T01:59:00+01:00", {}, "2026-03-29T01:59:00.000+01:00"),
        ("2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00", {}, "2026-03-29T03:00:00.000+02:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00", {}, "2026-10-25T02:30:00.000+02:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T02:30:00+01:00", {}, "2026-10-25T02:30:00.000+01:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", {}, "2026-10-25T02:30:00.000+02:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T06:00:00Z", {"department": "974"}, "2026-10-25T10:00:00.000+04:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", {"zone": "Indian/Reunion"}, "2026-10-25T16:00:00.000+04:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", {"postal": "97400"}, "2026-10-25T16:00:00.000+04:00"),
        ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z", {"postal": "97110"}, "2026-10-25T08:00:00.000-04:00"),
    ],
)
def test_sas_item_7_moments_have_the_offset_of_the_place(
    world: World, platform: Platform, clock: StandingClock, now: str, start: str, zone: Json, shown: str
) -> None:
    clock.now_ms = dates.interval(now).low
    parts = [{"url": name, "valueCode": code} for name, code in zone.items() if name == "department"]
    parts += [{"url": name, "valueString": text} for name, text in zone.items() if name == "zone"]
    extension = [{"url": "urn:creneau:StructureDefinition:rota-place", "extension": parts}] if parts else []
    world.agenda("brumeval", "moulin", **({"extension": extension} if extension else {}))
    address = {"line": ["3 chemin du Moulin"], "city": "Belombrage", "postalCode": zone.get("postal", "96010")}
    world.place("moulin", address=address)
    end = dates.to_instant(dates.interval(start).low + HOUR_MS // 4)
    world.slot(AGENDA, start=start, end=end)
    # What SAS asks: at the last Sunday of the month, too.
    platform_now = Platform(platform.send, lambda: clock.now_ms)

    reply = platform_now.slots(DOCTOR)

    assert [shown] == [slot["start"] for slot in reply.of("Slot")]
    assert [] == problems(reply.content, INDIVIDUAL)


def test_sas_item_7_nothing_past_and_nothing_outside_the_window(
    world: World, platform: Platform, clock: StandingClock
) -> None:
    for hours in (-2, -1, 0, 1, 10, 10.5):
        world.slot(AGENDA, hours, id_=f"at-{hours}".replace(".", "-"))

    assert ["at-0", "at-1", "at-10"] == _ids(platform.slots(DOCTOR, hours=(-24, 10)))
    clock.advance(1)
    assert ["at-1", "at-10"] == _ids(platform.slots(DOCTOR, hours=(-24, 10)))
    assert [] == _ids(platform.slots(DOCTOR, hours=(-24, -1)))


@pytest.mark.parametrize("asked", [DOCTOR, RPPS[0]])
@pytest.mark.parametrize(
    "identifier",
    [
        {"system": PERSON, "value": DOCTOR},
        {"system": PERSON, "value": RPPS[0]},
        {"system": "https://rpps.esante.gouv.fr", "value": RPPS[0]},
    ],
)
def test_sas_item_8_both_forms_find_and_the_prefixed_one_is_shown(
    world: World, platform: Platform, asked: str, identifier: Json
) -> None:
    world.doctor("brumeval", RPPS[0], "moulin", identifier=[{"system": "urn:other", "value": "1"}, identifier])
    world.slot(AGENDA)

    reply = platform.slots(asked)

    assert [DOCTOR] == [one["value"] for doctor in reply.of("Practitioner") for one in doctor["identifier"]]
    assert [] == problems(reply.content, INDIVIDUAL, platform.query([asked]))


def test_sas_item_8_an_adeli_serves_who_has_no_rpps(world: World, platform: Platform) -> None:
    world.doctor("brumeval", RPPS[0], "moulin", identifier=[{"system": PERSON, "value": "961234567"}])
    world.slot(AGENDA)

    for asked in ("0961234567", "961234567"):
        reply = platform.slots(asked)
        assert [] == problems(reply.content, INDIVIDUAL)
        assert ["0961234567"] == [one["identifier"][0]["value"] for one in reply.of("Practitioner")]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (["1960000040"], "1960000040"),
        (["960000040"], "1960000040"),
        (["12A0000154"], "12A0000154"),
        (["36082500004001", "499700960018000", "960000040"], "1960000040"),
        (["499700960018000", "336082500004001"], "336082500004001"),
        (["36082500004001"], "336082500004001"),
        (["499700960018000"], "499700960018000"),
    ],
)
def test_sas_item_9_the_best_number_of_a_structure_is_shown_with_its_prefix(
    world: World, platform: Platform, values: list[str], shown: str
) -> None:
    identifiers = [{"system": STRUCTURE, "value": value} for value in values]
    world.put("Organization", "practice-moulin", identifier=identifiers, name="Maison de santé")
    world.slot(AGENDA)

    reply = platform.slots(DOCTOR)

    assert [shown] == [one["organization"]["identifier"]["value"] for one in reply.of("PractitionerRole")]
    assert [] == problems(reply.content, INDIVIDUAL)


def test_sas_item_10_places_and_doctors_are_not_mixed(world: World, platform: Platform) -> None:
    world.place("phare", finess="960000057")
    world.doctor("brumeval", RPPS[0], "moulin", "phare")
    world.doctor("chantelune", RPPS[1], "phare")
    for agenda in (AGENDA, "agenda-brumeval-phare", "agenda-chantelune-phare"):
        world.slot(agenda)

    reply = platform.slots(DOCTOR, f"8{RPPS[1]}")

    counts = [len(reply.of(name)) for name in ("Practitioner", "PractitionerRole", "Schedule")]
    assert [2, 3, 3] == counts
    assert [] == problems(reply.content, INDIVIDUAL)


def test_sas_item_10_one_number_stored_twice_is_one_doctor(world: World, platform: Platform) -> None:
    world.place("phare", finess="960000057")
    world.doctor("brumeval-elsewhere", RPPS[0], "phare")
    world.slot(AGENDA)
    world.slot("agenda-brumeval-elsewhere-phare")

    reply = platform.slots(DOCTOR)

    assert (["brumeval"], 2) == (_ids(reply, "Practitioner"), len(reply.of("PractitionerRole")))
    assert [] == problems(reply.content, INDIVIDUAL)


def test_sas_item_11_a_slot_of_two_cpts_beside_one_of_none(world: World, platform: Platform) -> None:
    world.cpts("one", "960000016")
    world.cpts("two", "960000024")
    both = [concept(ACT, "AMB"), belonging("service-one"), belonging("service-two")]
    shared, plain = world.slot(AGENDA, meta=meant("PUBLIC", "CPTS"), serviceType=both), world.slot(AGENDA, 5)

    reply = platform.slots(DOCTOR, more=OF_CPTS)

    types = {slot["id"]: slot["serviceType"] for slot in reply.of("Slot")}
    assert both == types[shared]
    assert [concept(ACT, "AMB"), {"text": "Soin non programmé"}] == types[plain]
    assert (2, 2) == (len(reply.of("HealthcareService")), len(reply.of("Organization")))
    assert [] == problems(reply.content, CPTS)


def test_sas_item_11_a_cpts_of_the_schedule_is_that_of_its_slots(world: World, platform: Platform) -> None:
    world.cpts("one", "960000016")
    world.agenda("brumeval", "moulin", serviceType=[concept(ACT, "HH"), belonging("service-one"), {"text": "Fièvre"}])
    id_ = world.slot(AGENDA, meta=meant("CPTS"), serviceType=[{"text": "Plaie"}])

    reply = platform.slots(DOCTOR, more=OF_CPTS)

    wanted = [concept(ACT, "HH"), belonging("service-one"), {"text": "Plaie"}]
    assert {id_: wanted} == {slot["id"]: slot["serviceType"] for slot in reply.of("Slot")}


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        (("PUBLIC",), ["PUBLIC"]),
        (("PRO", "SNP"), ["PRO", "SNP"]),
        (("SNP", "CPTS"), ["SNP"]),
        (("CPTS",), None),
        ((), ["PUBLIC"]),
    ],
)
def test_sas_item_12_slots_carry_the_codes_that_the_answer_may_carry(
    world: World, platform: Platform, codes: tuple[str, ...], shown: list[str] | None
) -> None:
    world.slot(AGENDA, meta=meant(*codes))

    reply = platform.slots(DOCTOR)

    found = [[one["code"] for one in slot["meta"]["security"]] for slot in reply.of("Slot")]
    assert found == ([] if shown is None else [shown])


def test_sas_item_12_what_is_kept_for_others_does_not_appear(
    world: World, platform: Platform, clock: StandingClock, services: Services
) -> None:
    release = dates.to_instant(clock.now_ms + HOUR_MS)
    parts: list[Json] = [{"url": "holder", "valueCode": "samu"}, {"url": "release", "valueInstant": release}]
    kept = {"url": "urn:creneau:StructureDefinition:slot-direct-access", "extension": parts}
    id_ = world.slot(AGENDA, extension=[kept])
    for status in ("busy", "busy-unavailable", "busy-tentative", "entered-in-error"):
        world.slot(AGENDA, 30, status=status)

    assert [] == _ids(platform.slots(DOCTOR))
    # A partner in whose name the SAMU takes slots sees what the SAMU can book.
    assert [id_] == _ids(platform_of(services, "demo-samu").slots(DOCTOR))
    clock.advance(HOUR_MS)
    assert [id_] == _ids(platform.slots(DOCTOR))


@pytest.mark.parametrize(
    ("elements", "element"),
    [
        ({"serviceType": [concept(ACT, "IMP"), {"text": "Fièvre"}]}, "Slot.serviceType"),
        ({"appointmentType": concept(REASON, "FOLLOWUP")}, "Slot.appointmentType"),
        ({"comment": "Sonnez deux fois."}, "Slot.comment"),
        ({"comment": "http://agenda.example/rdv?slot=1"}, "Slot.comment"),
    ],
)
def test_sas_item_13_a_slot_that_lacks_something_is_left_out(
    world: World, platform: Platform, elements: Json, element: str
) -> None:
    id_ = world.slot(AGENDA, 4)
    world.slot(AGENDA, 5, **elements)

    assert [id_] == _ids(platform.slots(DOCTOR)), element


@pytest.mark.parametrize(
    ("comment", "shown"),
    [
        ("https://a.example/rdv?x=1&slot={id}", "https://a.example/rdv?x=1&slot={id}"),
        ("https://a.example/rdv/{id}", "https://a.example/rdv/{id}?slot={id}"),
        ("https://a.example", "https://a.example?slot={id}"),
        ("https://a.example/rdv#top", "https://a.example/rdv?slot={id}#top"),
    ],
)
def test_sas_item_13_the_address_has_a_query(world: World, platform: Platform, comment: str, shown: str) -> None:
    world.slot(AGENDA, id_="s1", comment=comment.replace("{id}", "s1"))

    assert [shown.replace("{id}", "s1")] == [slot["comment"] for slot in platform.slots(DOCTOR).of("Slot")]


def test_sas_item_13_all_motives_and_the_specialty_are_told(world: World, platform: Platform) -> None:
    motives: list[Json] = [{"text": "Fièvre"}, {"coding": [{"system": "urn:x", "code": "1", "display": "Plaie"}]}]
    world.agenda("brumeval", "moulin", specialty=[concept(R38, "SM54")])
    world.slot(AGENDA, id_="s1", serviceType=[concept(ACT, "AMB"), concept(ACT, "VR"), *motives], specialty=[])

    (slot,) = platform.slots(DOCTOR).of("Slot")

    wanted = [concept(ACT, "AMB"), concept(ACT, "VR"), {"text": "Fièvre"}, {"text": "Plaie"}]
    assert (wanted, [concept(R38, "SM54")]) == (slot["serviceType"], slot["specialty"])


@pytest.mark.parametrize(
    "elements",
    [
        {"identifier": [{"system": "urn:other", "value": "960000016"}]},
        {"identifier": [{"system": STRUCTURE, "value": "336082500004001"}]},
    ],
)
def test_sas_item_14_a_cpts_without_finess_is_not_named(world: World, platform: Platform, elements: Json) -> None:
    world.cpts("cpts", "960000016", **elements)
    types = [concept(ACT, "AMB"), belonging("service-cpts")]
    id_ = world.slot(AGENDA, meta=meant("CPTS", "SNP"), serviceType=types)
    world.slot(AGENDA, 5, meta=meant("CPTS"), serviceType=types)

    reply = platform.slots(DOCTOR, more=OF_CPTS)

    assert [(id_, [concept(ACT, "AMB")])] == [(slot["id"], slot["serviceType"]) for slot in reply.of("Slot")]
    assert [] == problems(reply.content, CPTS)


def test_sas_item_14_a_cpts_has_one_number_a_name_and_a_phone(world: World, platform: Platform) -> None:
    numbers = [{"system": STRUCTURE, "value": value} for value in ("336082500004001", "1960000016")]
    world.cpts("cpts", "960000016", identifier=numbers)
    world.slot(AGENDA, meta=meant("CPTS"), serviceType=[concept(ACT, "AMB"), belonging("service-cpts")])

    (cpts,) = platform.slots(DOCTOR, more=OF_CPTS).of("Organization")

    assert ["1960000016"] == [one["value"] for one in cpts["identifier"]]
    assert ("CPTS du Pays d'Ambrelune", "+33261910001") == (cpts["name"], cpts["telecom"][0]["value"])


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("02 61 91 00 01", "+33261910001"),
        ("+33 (0)2.61.91.00.01", "+33261910001"),
        ("0033261910001", "+33261910001"),
        ("0262 90 00 01", "+262262900001"),
        ("0692900001", "+262692900001"),
        ("0590900001", "+590590900001"),
        ("0594900001", "+594594900001"),
        ("0696900001", "+596696900001"),
        ("15", None),
        ("poste 12", None),
    ],
)
def test_sas_item_15_phones_are_written_one_way_or_left_out(
    world: World, platform: Platform, number: str, shown: str | None
) -> None:
    world.role("brumeval", "moulin", telecom=[{"system": "phone", "value": number}])
    world.slot(AGENDA)

    reply = platform.slots(DOCTOR)

    (role,) = reply.of("PractitionerRole")
    assert (None if shown is None else [{"system": "phone", "value": shown}]) == role.get("telecom")
    assert "telecom" not in reply.of("Practitioner")[0]
    assert [] == problems(reply.content, INDIVIDUAL)


def test_sas_item_15_a_place_leaves_its_address_to_its_structure(world: World, platform: Platform) -> None:
    address = {"line": ["1 place du Songe", "Bâtiment B"], "city": "Ambrelune", "postalCode": "96000"}
    identifier = [{"system": STRUCTURE, "value": "1960000040"}]
    world.put("Organization", "practice-moulin", identifier=identifier, address=[address])
    world.put("Location", "moulin", name="Moulin")
    world.slot(AGENDA)

    (role,) = platform.slots(DOCTOR).of("PractitionerRole")

    assert {**address, "line": ["1 place du Songe, Bâtiment B"]} == role["contained"][0]["address"]


def test_sas_item_17_each_resource_declares_the_profile_of_the_request(world: World, platform: Platform) -> None:
    world.cpts("cpts", "960000016")
    world.slot(AGENDA, meta=meant("CPTS", "PRO"), serviceType=[concept(ACT, "AMB"), belonging("service-cpts")])

    for more, profiles in (("", INDIVIDUAL), (OF_CPTS, CPTS)):
        reply = platform.slots(DOCTOR, more=more)
        found = {entry["resource"]["resourceType"]: entry["resource"]["meta"] for entry in reply.content["entry"]}
        assert {name: [profiles[name]] for name in found} == {name: meta["profile"] for name, meta in found.items()}
        assert [profiles["Bundle"]] == reply.content["meta"]["profile"]


def test_sas_item_19_a_large_answer_is_far_from_a_second(world: World, platform: Platform) -> None:
    numbers = [f"9970094{number:04d}" for number in range(25)]
    for number, rpps in enumerate(numbers):
        world.doctor(f"d{number}", rpps, "moulin")
        for quarter in range(24):
            world.slot(f"agenda-d{number}-moulin", 1 + quarter * 2.9)

    begun = time.monotonic()
    reply = platform.slots(*(f"8{number}" for number in numbers))

    assert 600 == reply.content["total"]
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("more", ["", OF_CPTS])
def test_sas_item_16_nothing_empty_anywhere(world: World, platform: Platform, more: str) -> None:
    """Whatever optional elements are absent."""
    world.put("Practitioner", "brumeval", identifier=[{"system": PERSON, "value": DOCTOR}])
    world.put("Organization", "practice-moulin", identifier=[{"system": STRUCTURE, "value": "1960000040"}])
    address = {"line": ["3 chemin du Moulin"], "city": "Belombrage", "postalCode": "96010"}
    world.put("Location", "moulin", address=address)
    world.role("brumeval", "moulin", telecom=[{"system": "email", "value": "a@b.example"}])
    bare: dict[str, Any] = {"serviceType": [concept(ACT, "AMB")]}
    world.cpts("cpts", "960000016", telecom=[{"system": "fax", "value": "1"}], name="C")
    slot = world.slot(AGENDA, meta=meant("PRO"), specialty=[{"coding": [{"system": "urn:x", "code": "1"}]}], **bare)

    reply = platform.slots(DOCTOR, more=more)

    assert [slot] == _ids(reply)
    assert [] == problems(reply.content, CPTS if more else INDIVIDUAL)
    assert not re.search(rb'(""|\[\]|\{\}|null)', reply.body)


def test_what_changes_is_shown_changed_at_once(world: World, platform: Platform) -> None:
    world.cpts("cpts", "960000016")
    types = [concept(ACT, "AMB"), belonging("service-cpts")]
    world.slot(AGENDA, id_="s1", meta=meant("CPTS", "SNP"), serviceType=types)

    def shown() -> tuple[list[Json], list[str], int]:
        reply = platform.slots(DOCTOR, more=OF_CPTS)
        assert [] == problems(reply.content, CPTS)
        names = [one["name"][0]["family"] for one in reply.of("Practitioner")]
        return [slot["serviceType"] for slot in reply.of("Slot")], names, len(reply.of("Organization"))

    assert ([types], ["BRUMEVAL"], 1) == shown() == shown()
    world.put("HealthcareService", "service-cpts", active=False, providedBy={"reference": "Organization/cpts"})
    assert ([types[:1]], ["BRUMEVAL"], 0) == shown()
    world.cpts("cpts", "960000016")
    world.doctor("brumeval", RPPS[0], "moulin", name=[{"family": "CHANTELUNE"}])
    world.agenda("brumeval", "moulin", serviceType=[{"text": "Fièvre"}])
    assert ([[*types, {"text": "Fièvre"}]], ["CHANTELUNE"], 1) == shown()
    world.slot(AGENDA, id_="s1", meta=meant("SNP"), serviceType=[concept(ACT, "VR")])
    assert ([[concept(ACT, "VR"), {"text": "Fièvre"}]], ["CHANTELUNE"], 0) == shown()
    world.slot(AGENDA, id_="s1", status="busy")
    assert ([], [], 0) == shown()


def test_sos_asks_by_structure_and_gets_places(world: World, platform: Platform) -> None:
    siret = "36082500004001"
    world.put("Organization", "sos", identifier=[{"system": STRUCTURE, "value": siret}], name="SOS Médecins")
    address = {"line": ["1 place du Songe"], "city": "Ambrelune", "postalCode": "96000"}
    run = {"reference": "Organization/sos"}
    world.put("Location", "sos-point", name="Point fixe", address=address, managingOrganization=run)
    world.put("Schedule", "sos-agenda", actor=[{"reference": "Location/sos-point"}])
    ids = [world.slot("sos-agenda", hours, meta=meant("PUBLIC", "PRO")) for hours in (3, 4)]
    world.slot("sos-agenda", 100)
    query = "_revinclude=Slot:schedule&_include=Schedule:actor:Location&_include:iterate=Location:organization"
    window = platform.window(0, 72).replace("start=", "_has:Slot:schedule:start=")
    query += f"&{window}&_has:Slot:schedule:status=free&actor:Location.organization.identifier={STRUCTURE}|3{siret}"

    reply = platform.ask(f"/Schedule?{query}")

    assert [] == problems(reply.content, SOS, query)
    assert sorted(ids) == _ids(reply)
    assert [["PUBLIC"]] * 2 == [[one["code"] for one in slot["meta"]["security"]] for slot in reply.of("Slot")]
    assert (["sos-agenda"], ["sos-point"], ["sos"]) == tuple(
        _ids(reply, name) for name in ("Schedule", "Location", "Organization")
    )
    assert 200 == platform.ask(f"/Slot/{ids[0]}").status
    empty = platform.ask(f"/Schedule?{query.replace(siret, '36082500009999')}")
    assert (200, 0) == (empty.status, empty.content["total"])
    assert [] == problems(empty.content, SOS)
    assert 400 == platform.ask(f"/Schedule?{query.replace('status=free', 'status=busy')}").status
