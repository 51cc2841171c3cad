"""The requirements of the national test kit, `agg-psindiv@1` to `@49`, by their numbers, on data of our own.

1 to 3 are about TLS (mutual authentication, CN, OU) and 33 to 36 cannot be tested from outside, as the kit says
itself; docs/sas.md has the table. https://interop.esante.gouv.fr/ig/fhir/sas
"""

import json
from dataclasses import dataclass
from datetime import datetime

import pytest

from fhir_server.kernel.dates import interval, to_instant
from tests.end_to_end.conftest import Server
from tests.end_to_end.rest.conftest import Api
from tests.end_to_end.rest.sas_live import now_ms, platform_at, rpps, world_at
from tests.sas_shape import CPTS, INDIVIDUAL, problems
from tests.sas_world import (
    ACT,
    HOUR_MS,
    OF_CPTS,
    PERSON,
    PRACTITIONERS,
    R66,
    R314,
    REASON,
    STRUCTURE,
    Json,
    Platform,
    Reply,
    belonging,
    concept,
    meant,
)


@dataclass(frozen=True)
class Scene:
    """What was published, and what the platform was answered."""

    platform: Platform
    #: National numbers, prefixed: a doctor at two places, a doctor at one, one without free slots, one unknown.
    both: str
    one: str
    none: str
    unknown: str
    #: Answers for the first two, as INT_R01 and as INT_R04.
    individual: Reply
    of_cpts: Reply


@pytest.fixture(scope="module")
def scene(live: Server) -> Scene:
    world = world_at(Api(live, "demo-agenda"))
    numbers = [rpps() for _ in range(4)]
    world.place("req-moulin")
    world.place("req-phare", finess="960000057")
    world.cpts("req-cpts-1", "960000016")
    world.cpts("req-cpts-2", "960000024")
    world.doctor("req-both", numbers[0], "req-moulin", "req-phare")
    # Stored as many systems do, without the prefix.
    world.doctor("req-one", numbers[1], "req-moulin", identifier=[{"system": PERSON, "value": numbers[1]}])
    world.doctor("req-none", numbers[2], "req-moulin")
    mine, there, his = "agenda-req-both-req-moulin", "agenda-req-both-req-phare", "agenda-req-one-req-moulin"
    visits = [concept(ACT, "AMB"), belonging("service-req-cpts-1"), belonging("service-req-cpts-2"), {"text": "Fièvre"}]
    world.slot(mine, 4, id_="req-two-cpts", meta=meant("CPTS", "SNP"), serviceType=visits)
    world.slot(mine, 30, id_="req-vr", meta=meant("PUBLIC"), serviceType=[concept(ACT, "VR"), {"text": "Plaie"}])
    world.slot(there, 50, id_="req-hh", meta=meant("PRO"), serviceType=[concept(ACT, "HH")])
    world.slot(his, 5, id_="req-walk", appointmentType=concept(REASON, "WALKIN"))
    world.slot(his, 6, id_="req-one-cpts", meta=meant("CPTS"), serviceType=visits[:2])
    for number, status in enumerate(("busy", "busy-unavailable", "busy-tentative", "entered-in-error")):
        world.slot(his, 7 + number, id_=f"req-not-{number}", status=status)
    platform = platform_at(live)
    both, one, none, unknown = (f"8{number}" for number in numbers)
    answers = [platform.slots(both, one, more=more) for more in ("", OF_CPTS)]
    return Scene(platform, both, one, none, unknown, *answers)


def _ids(reply: Reply, type_name: str = "Slot") -> set[str]:
    return {one["id"] for one in reply.of(type_name)}


def _codes(slot: Json, system: str) -> list[str]:
    codings = [coding for one in slot.get("serviceType", ()) for coding in one.get("coding", ())]
    return [coding["code"] for coding in codings if coding["system"] == system]


def _texts(slot: Json) -> list[str]:
    return [one["text"] for one in slot.get("serviceType", ()) if "text" in one]


def test_both_answers_are_of_the_shape(scene: Scene) -> None:
    assert [] == problems(scene.individual.content, INDIVIDUAL)
    assert [] == problems(scene.of_cpts.content, CPTS)


def test_req_04_slots_are_searched(scene: Scene) -> None:
    assert (200, "application/fhir+json") == (scene.individual.status, scene.individual.headers["content-type"][:21])
    assert {"req-two-cpts", "req-vr", "req-hh", "req-walk"} == _ids(scene.individual)


@pytest.mark.parametrize("hours", [(0, 20), (20, 40), (40, 72)])
def test_req_05_no_slot_begins_before_the_window(scene: Scene, hours: tuple[float, float]) -> None:
    slots = scene.platform.slots(scene.both, scene.one, hours=hours).of("Slot")

    assert slots
    assert all(interval(slot["start"]).low >= now_ms() + (hours[0] - 0.1) * HOUR_MS for slot in slots)


@pytest.mark.parametrize("hours", [(0, 20), (20, 40), (40, 72)])
def test_req_06_no_slot_begins_after_the_window(scene: Scene, hours: tuple[float, float]) -> None:
    slots = scene.platform.slots(scene.both, scene.one, hours=hours).of("Slot")

    assert slots
    assert all(interval(slot["start"]).low <= now_ms() + hours[1] * HOUR_MS for slot in slots)


def test_req_07_windows_side_by_side_give_each_slot_once(scene: Scene) -> None:
    parts = [scene.platform.slots(scene.both, scene.one, hours=hours) for hours in ((0, 4.5), (4.51, 40), (40.1, 72))]

    assert sorted(_ids(scene.individual)) == sorted(id_ for part in parts for id_ in _ids(part))


def test_req_08_no_slot_is_an_empty_bundle(scene: Scene) -> None:
    for asked in (scene.none, scene.unknown):
        for more in ("", OF_CPTS):
            reply = scene.platform.slots(asked, more=more)
            query = scene.platform.query([asked]) + more

            assert (200, 0) == (reply.status, reply.content["total"])
            assert "entry" not in reply.content
            # The moments of the window are of another millisecond.
            assert [] == problems(reply.content, CPTS if more else INDIVIDUAL)
            assert query.count("&") == reply.content["link"][0]["url"].count("&")


def test_req_09_slots_declare_their_profile(scene: Scene) -> None:
    assert {INDIVIDUAL["Slot"]} == {one for slot in scene.individual.of("Slot") for one in slot["meta"]["profile"]}
    assert {CPTS["Slot"]} == {one for slot in scene.of_cpts.of("Slot") for one in slot["meta"]["profile"]}


def test_req_10_every_slot_is_free(scene: Scene) -> None:
    assert {"free"} == {slot["status"] for slot in scene.individual.of("Slot")}


def test_req_11_every_slot_begins_and_ends(scene: Scene) -> None:
    slots = scene.individual.of("Slot")

    assert all(now_ms() <= interval(slot["start"]).low < interval(slot["end"]).low for slot in slots)


def test_req_12_every_slot_leads_to_its_schedule(scene: Scene) -> None:
    named = {slot["schedule"]["reference"].removeprefix("Schedule/") for slot in scene.individual.of("Slot")}

    assert named == _ids(scene.individual, "Schedule")
    assert 3 == len(named)


def test_req_13_the_bundle_declares_its_profile(scene: Scene) -> None:
    assert [INDIVIDUAL["Bundle"]] == scene.individual.content["meta"]["profile"]
    assert [CPTS["Bundle"]] == scene.of_cpts.content["meta"]["profile"]


def test_req_14_the_bundle_is_a_searchset(scene: Scene) -> None:
    assert "searchset" == scene.individual.content["type"]
    assert len(scene.individual.of("Slot")) == scene.individual.content["total"]


def test_req_15_practitioners_are_there(scene: Scene) -> None:
    assert {"req-both", "req-one"} == _ids(scene.individual, "Practitioner")


def test_req_16_practitioners_have_an_rpps(scene: Scene) -> None:
    numbers = {one["identifier"][0]["value"] for one in scene.individual.of("Practitioner")}

    assert {scene.both, scene.one} == numbers


def test_req_17_the_rpps_has_its_system(scene: Scene) -> None:
    assert {PERSON} == {one["identifier"][0]["system"] for one in scene.individual.of("Practitioner")}


def test_req_18_the_rpps_has_its_type(scene: Scene) -> None:
    wanted = {"coding": [{"system": "http://interopsante.org/fhir/CodeSystem/fr-v2-0203", "code": "IDNPS"}]}

    assert all(wanted == one["identifier"][0]["type"] for one in scene.individual.of("Practitioner"))


def test_req_19_roles_are_there(scene: Scene) -> None:
    wanted = {"role-req-both-req-moulin", "role-req-both-req-phare", "role-req-one-req-moulin"}

    assert wanted == _ids(scene.individual, "PractitionerRole")


def test_req_20_roles_name_their_structure(scene: Scene) -> None:
    found = {one["id"]: one["organization"]["identifier"] for one in scene.individual.of("PractitionerRole")}

    assert {(STRUCTURE, "1960000040"), (STRUCTURE, "1960000057")} == {
        (one["system"], one["value"]) for one in found.values()
    }


def test_req_21_roles_lead_to_their_practitioner(scene: Scene) -> None:
    named = {one["practitioner"]["reference"] for one in scene.individual.of("PractitionerRole")}

    assert {"Practitioner/req-both", "Practitioner/req-one"} == named


def test_req_22_roles_contain_their_place(scene: Scene) -> None:
    for role in scene.individual.of("PractitionerRole"):
        assert [f"#{one['id']}" for one in role["contained"]] == [one["reference"] for one in role["location"]]


def test_req_23_slots_say_who_they_are_for(scene: Scene) -> None:
    codes = {one["id"]: [coding["code"] for coding in one["meta"]["security"]] for one in scene.individual.of("Slot")}

    assert {"req-two-cpts": ["SNP"], "req-vr": ["PUBLIC"], "req-hh": ["PRO"], "req-walk": ["SNP"]} == codes


def test_req_24_slots_say_where_one_is_seen(scene: Scene) -> None:
    found = {slot["id"]: _codes(slot, ACT) for slot in scene.individual.of("Slot")}

    assert {"req-two-cpts": ["AMB"], "req-vr": ["VR"], "req-hh": ["HH"], "req-walk": ["AMB"]} == found


def test_req_25_slots_say_where_they_are_booked(scene: Scene) -> None:
    found = {slot["comment"] for slot in scene.individual.of("Slot")}

    assert {f"https://agenda.example/rdv?slot={id_}" for id_ in _ids(scene.individual)} == found


def test_req_26_start_is_served(scene: Scene) -> None:
    now = now_ms()
    at = [
        f"start={bound}{to_instant(now + 29 * HOUR_MS + step, 'Europe/Paris')}"
        for bound, step in (("ge", 0), ("le", 2 * HOUR_MS))
    ]
    query = f"{'&'.join(at)}&{PRACTITIONERS}={PERSON}|{scene.both}&status=free&_include=Slot:schedule"

    assert {"req-vr"} == _ids(scene.platform.ask(f"/Slot?{query}"))


def test_req_27_status_is_served(scene: Scene) -> None:
    query = scene.platform.query([scene.one]).replace("status=free", "status=busy")

    assert (400, [("value", "status")]) == ((reply := scene.platform.ask(f"/Slot?{query}")).status, reply.issues)


def test_req_28_include_brings_schedules_along(scene: Scene) -> None:
    query = scene.platform.query([scene.one])
    without = scene.platform.ask(f"/Slot?{query.replace('_include=Slot:schedule&', '')}")

    assert set() == _ids(without, "Schedule")
    assert {"agenda-req-one-req-moulin"} == _ids(scene.platform.ask(f"/Slot?{query}"), "Schedule")


def test_req_29_identifiers_of_practitioners_are_served(scene: Scene) -> None:
    assert {"req-walk"} == _ids(scene.platform.slots(scene.one))
    assert {"req-two-cpts", "req-vr", "req-hh"} == _ids(scene.platform.slots(scene.both, scene.unknown))


def test_req_30_iterated_include_brings_actors_along(scene: Scene) -> None:
    query = scene.platform.query([scene.one])
    without = scene.platform.ask(f"/Slot?{query.replace('&_include:iterate=Schedule:actor', '')}")

    assert (set(), set()) == (_ids(without, "Practitioner"), _ids(without, "PractitionerRole"))
    assert {"req-one"} == _ids(scene.platform.ask(f"/Slot?{query}"), "Practitioner")


def test_req_31_roles_declare_their_profile(scene: Scene) -> None:
    roles = scene.individual.of("PractitionerRole")

    assert {INDIVIDUAL["PractitionerRole"]} == {one["meta"]["profile"][0] for one in roles}
    assert {INDIVIDUAL["Location"]} == {one["contained"][0]["meta"]["profile"][0] for one in roles}


def test_req_32_practitioners_declare_their_profile(scene: Scene) -> None:
    found = {one["meta"]["profile"][0] for one in scene.individual.of("Practitioner")}

    assert {INDIVIDUAL["Practitioner"]} == found


def test_req_37_places_have_an_address(scene: Scene) -> None:
    assert all(one["contained"][0]["address"] for one in scene.individual.of("PractitionerRole"))


def test_req_38_addresses_have_one_line(scene: Scene) -> None:
    found = [one["contained"][0]["address"]["line"] for one in scene.individual.of("PractitionerRole")]

    assert [["3 chemin du Moulin"]] * 3 == found


def test_req_39_addresses_have_a_city(scene: Scene) -> None:
    found = {one["contained"][0]["address"]["city"] for one in scene.individual.of("PractitionerRole")}

    assert {"Belombrage"} == found


def test_req_40_addresses_have_a_postal_code(scene: Scene) -> None:
    found = {one["contained"][0]["address"]["postalCode"] for one in scene.individual.of("PractitionerRole")}

    assert {"96010"} == found


def test_req_41_slots_tell_their_motives(scene: Scene) -> None:
    found = {slot["id"]: _texts(slot) for slot in scene.individual.of("Slot")}

    wanted = {"req-two-cpts": ["Fièvre"], "req-vr": ["Plaie"], "req-hh": [], "req-walk": ["Soin non programmé"]}
    assert wanted == found


def test_req_42_a_doctor_at_two_places_has_two_roles_and_two_agendas(scene: Scene) -> None:
    reply = scene.platform.slots(scene.both)

    counts = [len(reply.of(name)) for name in ("Practitioner", "PractitionerRole", "Schedule")]
    assert [1, 2, 2] == counts


def test_req_43_each_agenda_leads_to_the_role_at_its_place(scene: Scene) -> None:
    for schedule in scene.platform.slots(scene.both).of("Schedule"):
        place = schedule["id"].removeprefix("agenda-req-both-")
        wanted = ["Practitioner/req-both", f"PractitionerRole/role-req-both-{place}"]
        assert wanted == [one["reference"] for one in schedule["actor"]]


def test_req_44_two_doctors_are_not_mixed(scene: Scene) -> None:
    actors = {one["id"]: [actor["reference"] for actor in one["actor"]] for one in scene.individual.of("Schedule")}

    assert ["Practitioner/req-one", "PractitionerRole/role-req-one-req-moulin"] == actors["agenda-req-one-req-moulin"]
    assert 2 == sum("Practitioner/req-both" in named for named in actors.values())


def test_req_45_moments_have_milliseconds_and_an_offset(scene: Scene) -> None:
    for slot in scene.individual.of("Slot"):
        for name in ("start", "end"):
            moment = datetime.fromisoformat(slot[name])
            assert to_instant(interval(slot[name]).low, "Europe/Paris") == slot[name]
            assert moment.utcoffset() is not None


def test_req_46_slots_of_a_cpts_say_so(scene: Scene) -> None:
    codes = {one["id"]: [coding["code"] for coding in one["meta"]["security"]] for one in scene.of_cpts.of("Slot")}

    assert (["CPTS", "SNP"], ["CPTS"]) == (codes["req-two-cpts"], codes["req-one-cpts"])
    assert all({R314} == {coding["system"] for coding in one["meta"]["security"]} for one in scene.of_cpts.of("Slot"))


def test_req_47_what_is_not_free_is_never_sent(scene: Scene) -> None:
    for reply in (scene.individual, scene.of_cpts):
        assert not any(id_.startswith("req-not-") for id_ in _ids(reply))


def test_req_48_slots_of_a_cpts_name_it(scene: Scene) -> None:
    found = {slot["id"]: _codes(slot, R66) for slot in scene.of_cpts.of("Slot")}

    wanted = {"req-two-cpts": ["604", "604"], "req-one-cpts": ["604"], "req-vr": [], "req-hh": [], "req-walk": []}
    assert wanted == found
    services, structures = scene.of_cpts.of("HealthcareService"), scene.of_cpts.of("Organization")
    assert (2, 2) == (len(services), len(structures))


def test_req_49_slots_are_booked_or_come_to(scene: Scene) -> None:
    found = {slot["id"]: slot["appointmentType"]["coding"][0]["code"] for slot in scene.individual.of("Slot")}

    assert {"req-two-cpts": "ROUTINE", "req-vr": "ROUTINE", "req-hh": "ROUTINE", "req-walk": "WALKIN"} == found


def test_metadata_is_open_to_everyone_and_lists_what_is_served(scene: Scene) -> None:
    told = json.loads(scene.platform.ask("/metadata", Authorization="none").body)

    served = {row["type"]: [one["code"] for one in row["interaction"]] for row in told["rest"][0]["resource"]}
    assert ["read", "search-type"] == served["Slot"] == served["Schedule"]
    assert ["create", "read", "search-type", "update"] == served["Practitioner"]


def test_answers_come_within_a_second(scene: Scene) -> None:
    begun = now_ms()
    scene.platform.slots(*(f"8{rpps()}" for _ in range(23)), scene.both, scene.one)

    assert now_ms() - begun < 1000
