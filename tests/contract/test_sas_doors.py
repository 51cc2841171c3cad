"""Who may ask at `/sas`, what is refused, what is read by id, and what happens when the store is slow."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from adapters.sas_commands import lines, sas
from fhir_server.bootstrap import Services
from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.sas import search
from fhir_server.sas.explain import Explanation, explain
from fhir_server.settings import Settings
from tests.conftest import StandingClock
from tests.sas_world import OF_CPTS, PERSON, PRACTITIONERS, RPPS, Platform, World, platform_of, world_in

DOCTOR = f"8{RPPS[0]}"
AGENDA = "agenda-brumeval-moulin"
WINDOW = "start=ge2026-03-02T08:00:00.000+01:00&start=le2026-03-05T08:00:00.000+01:00"
WHO = f"{PRACTITIONERS}={PERSON}|{DOCTOR}"


@pytest.fixture
def world(services: Services) -> World:
    found = world_in(services)
    found.place("moulin")
    found.doctor("brumeval", RPPS[0], "moulin")
    return found


@pytest.fixture
def platform(services: Services) -> Platform:
    return platform_of(services)


@pytest.mark.parametrize(
    ("query", "issues"),
    [
        (f"{WINDOW}&{WHO}", [("value", "status")]),
        (f"{WINDOW}&{WHO}&status=free&status=free", [("value", "status")]),
        (f"{WINDOW}&{WHO}&status=free,busy", [("value", "status")]),
        (f"{WHO}&status=free", [("required", "start")]),
        (f"{WINDOW}&start=ge2026-03-02&{WHO}&status=free", [("required", "start")]),
        (f"{WINDOW.replace('le', 'lt')}&{WHO}&status=free", [("required", "start")]),
        (f"{WINDOW.replace('le2026', 'le26')}&{WHO}&status=free", [("value", "start")]),
        (f"{WINDOW.replace('03-05', '02-30')}&{WHO}&status=free", [("value", "start")]),
        (f"{WINDOW.replace('03-05', '04-05')}&{WHO}&status=free", [("too-costly", "start")]),
        (f"{WINDOW}&status=free", [("required", PRACTITIONERS)]),
        (f"{WINDOW}&{WHO}&{WHO}&status=free", [("required", PRACTITIONERS)]),
        (f"{WINDOW}&{PRACTITIONERS}=&status=free", [("value", PRACTITIONERS)]),
        (f"{WINDOW}&{PRACTITIONERS}={PERSON}|&status=free", [("value", PRACTITIONERS)]),
        (
            "status=busy",
            [("required", "start"), ("value", "status"), ("required", PRACTITIONERS)],
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_parameter(
    platform: Platform, query: str, issues: list[tuple[str, str]]
) -> None:
    refused = platform.ask(f"/Slot?{query}")

    assert issues == refused.issues
    assert (422 if issues[0][0] == "too-costly" else 400) == refused.status


def test_a_window_that_ends_before_it_begins_is_empty(world: World, platform: Platform) -> None:
    world.slot(AGENDA)

    assert 0 == platform.slots(DOCTOR, hours=(30, 20)).content["total"]


def test_numbers_of_another_system_are_nobodys(world: World, platform: Platform) -> None:
    world.slot(AGENDA)
    asked = platform.query([DOCTOR])

    assert 0 == platform.ask(f"/Slot?{asked.replace(PERSON, 'urn:oid:1.2.3')}").content["total"]
    assert 1 == platform.ask(f"/Slot?{asked.replace(f'{PERSON}|', '')}").content["total"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Patient", 404),
        ("GET", "/Appointment/1", 404),
        ("GET", "/PractitionerRole/role-brumeval-moulin", 404),
        ("GET", "", 404),
        ("POST", "/Slot", 405),
        ("DELETE", "/Slot/1", 405),
        ("PUT", "/Schedule/1", 405),
        ("POST", "/Slot/_search", 404),
        ("GET", "/Slot/absent", 404),
        ("GET", "/Slot/1/_history", 404),
    ],
)
def test_anything_else_is_not_served(world: World, platform: Platform, method: str, path: str, status: int) -> None:
    refused = platform.ask(path, method)

    assert status == refused.status
    assert refused.issues


def test_who_has_no_token_or_not_the_scopes_is_refused(services: Services, world: World) -> None:
    scopes = "system/Slot.rs system/Schedule.rs system/Practitioner.rs"
    platform = platform_of(services)

    assert 401 == platform.ask(f"/Slot?{platform.query([DOCTOR])}", Authorization="Bearer x").status
    assert 403 == platform_of(services, scopes=scopes).slots(DOCTOR).status
    narrow = "system/*.r system/Slot.rs?status=free system/Schedule.s"
    assert 403 == platform_of(services, scopes=narrow).slots(DOCTOR).status


def test_other_partners_keep_the_stored_shapes(services: Services, world: World, platform: Platform) -> None:
    id_ = world.slot(AGENDA)
    stored = platform.send("GET", f"/fhir/Slot/{id_}", "", {}).content

    assert "profile" not in stored["meta"]
    assert {"versionId", "lastUpdated", "security"} == set(stored["meta"])
    assert {"profile", "security"} == set(platform.slots(DOCTOR).of("Slot")[0]["meta"])


def test_reads_show_the_same_as_searches(world: World, platform: Platform, clock: StandingClock) -> None:
    id_ = world.slot(AGENDA)
    reply = platform.slots(DOCTOR)

    for type_name, name in (("Slot", id_), ("Schedule", AGENDA), ("Practitioner", "brumeval")):
        assert [platform.ask(f"/{type_name}/{name}").content] == reply.of(type_name)
    clock.advance(25 * 3_600_000)
    assert 404 == platform.ask(f"/Slot/{id_}").status


def test_searches_by_identifier_and_by_actor(world: World, platform: Platform) -> None:
    people = platform.ask(f"/Practitioner?identifier={PERSON}|{RPPS[0]}")
    agendas = platform.ask("/Schedule?actor=Practitioner/brumeval")

    assert ([DOCTOR], 1) == (
        [one["identifier"][0]["value"] for one in people.of("Practitioner")],
        people.content["total"],
    )
    assert [AGENDA] == [one["id"] for one in agendas.of("Schedule")]
    assert 400 == platform.ask("/Schedule").status
    assert 400 == platform.ask("/Practitioner?name=x").status


def test_who_cannot_be_shown_validly_is_left_out(world: World, platform: Platform) -> None:
    cases = {
        "no-number": lambda id_: world.doctor(id_, RPPS[1], "moulin", identifier=[{"system": PERSON, "value": "12"}]),
        "inactive": lambda id_: world.doctor(id_, RPPS[1], "moulin", active=False),
        "role-off": lambda id_: (world.doctor(id_, RPPS[1]), world.role(id_, "moulin", active=False)),
        "no-place": lambda id_: (world.doctor(id_, RPPS[1]), world.role(id_, "moulin", location=[])),
        "agenda-off": lambda id_: (world.doctor(id_, RPPS[1]), world.agenda(id_, "moulin", active=False)),
        "bare-place": lambda id_: (world.put("Location", "nowhere"), world.doctor(id_, RPPS[1], "nowhere")),
        "no-structure": lambda id_: (
            world.doctor(id_, RPPS[1]),
            world.role(id_, "moulin", organization={"display": "X"}),
        ),
    }
    for id_, make in cases.items():
        make(id_)
        world.slot(f"agenda-{id_}-{'nowhere' if id_ == 'bare-place' else 'moulin'}")
    kept = world.slot(AGENDA)

    reply = platform.slots(DOCTOR, f"8{RPPS[1]}", more=OF_CPTS)

    assert [kept] == [slot["id"] for slot in reply.of("Slot")]


def test_an_agenda_without_a_role_is_of_the_only_one(world: World, platform: Platform) -> None:
    world.agenda("brumeval", "moulin", actor=[{"reference": "Practitioner/brumeval"}])
    world.slot(AGENDA)

    (schedule,) = platform.slots(DOCTOR).of("Schedule")

    wanted = ["Practitioner/brumeval", "PractitionerRole/role-brumeval-moulin"]
    assert wanted == [one["reference"] for one in schedule["actor"]]
    world.role("brumeval", "elsewhere")
    assert 0 == platform.slots(DOCTOR).content["total"]


def test_a_slow_store_is_answered_503_in_time(
    world: World, platform: Platform, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.slot(AGENDA)
    monkeypatch.setattr(search, "PATIENCE", 0.2)
    assert 1 == platform.slots(DOCTOR).content["total"]
    _slow_down(services)

    refused = platform.slots(DOCTOR)

    assert (503, [("transient", "")]) == (refused.status, refused.issues)
    assert refused.headers["retry-after"]
    # The connection is good for the next request, and has no limit of its own any more.
    assert 200 == platform.send("GET", "/fhir/Schedule", "", {}).status


def test_seven_seconds_are_never_reached() -> None:
    assert 2 * search.PATIENCE < 7


def _slow_down(services: Services) -> None:
    """Let every look at identifiers take half a minute: a view stands in the place of their table."""
    wait = (
        "SELECT t.* FROM kept t, (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"
        " SELECT count(*) AS c FROM n) AS s WHERE s.c > 0"
        if services.store.database.is_sqlite
        else "SELECT t.* FROM kept t, (SELECT pg_sleep(30)) AS s"
    )
    with services.store.database.begin() as connection:
        connection.execute(text("ALTER TABLE token_index RENAME TO kept"))
        connection.execute(text(f"CREATE VIEW token_index AS {wait}"))


def test_an_operator_is_told_why_slots_are_not_shown(
    world: World, services: Services, platform: Platform, clock: StandingClock
) -> None:
    release = dates.to_instant(clock.now_ms + 3_600_000)
    parts = [{"url": "holder", "valueCode": "samu"}, {"url": "release", "valueInstant": release}]
    kept = {"url": "urn:creneau:StructureDefinition:slot-direct-access", "extension": parts}
    world.slot(AGENDA, 1)
    for hours in (2, 3):
        world.slot(AGENDA, hours, id_=f"bare-{hours}", comment="Sonnez.")
    world.slot(AGENDA, 4, extension=[kept])
    world.place("phare", finess="960000057", address={"city": "Belombrage"})
    world.doctor("brumeval", RPPS[0], "moulin", "phare")
    world.slot("agenda-brumeval-phare", 5)
    world.put("Schedule", "other", actor=[{"reference": "HealthcareService/x"}])

    told = {
        name: explain(services.store, Actor("sas"), name, "") for name in (AGENDA, "agenda-brumeval-phare", "other")
    }

    assert [
        "Schedule/agenda-brumeval-moulin, the next 72 hours: 4 free slots; 1 shown, 1 with a CPTS, 0 of SOS",
        "  1 slots are meant or kept for others",
        "  Slot/bare-2 and 1 more: has no https address where it is booked (Slot.comment)",
    ] == _told(AGENDA, told[AGENDA])
    assert [
        "  Schedule/agenda-brumeval-phare: PractitionerRole/role-brumeval-phare: its place has no address of line, city"
        " and postal code (Location.address)",
    ] == _told("agenda-brumeval-phare", told["agenda-brumeval-phare"])[1:]
    assert ["  Schedule: is neither of a practitioner nor of a place that is known here (Schedule.actor)"] == _told(
        "other", told["other"]
    )[1:]
    assert explain(services.store, Actor("sas"), "absent", "") is None
    # With an address for those that have none, both are shown.
    found = explain(services.store, Actor("sas"), AGENDA, "https://agenda.example/{id}")
    assert found is not None
    assert (3, 3, 0) == found.shown


def _told(name: str, found: Explanation | None) -> list[str]:
    assert found is not None
    return list(lines(name, found))


def test_the_command_tells_it_and_fails(world: World, settings: Settings) -> None:
    # As the operator asks: at the present, when the slots of the standing clock are long over.
    told = CliRunner().invoke(sas, ["explain", AGENDA, "--partner", "demo-sas"], obj=settings)
    unknown = CliRunner().invoke(sas, ["explain", "absent"], obj=settings)

    assert (0, f"Schedule/{AGENDA}, the next 72 hours: 0 free slots; 0 shown, 0 with a CPTS, 0 of SOS\n") == (
        told.exit_code,
        told.output,
    )
    assert (1, "Error: there is no Schedule/absent\n") == (unknown.exit_code, unknown.output)
