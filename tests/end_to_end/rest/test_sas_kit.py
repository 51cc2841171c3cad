"""The national test kit, group by group, in its two options and with its own ways of asking: item 20 of our checklist.

What each group asserts is written down here once more, on data of our own; the kit itself needs its containers. Its
validator of profiles is `sas_shape.problems`. https://github.com/ansforge/interop-outil-fhir-sas-test-kit
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.end_to_end.conftest import Server
from tests.end_to_end.rest import test_sas_requirements
from tests.end_to_end.rest.conftest import Api
from tests.end_to_end.rest.sas_live import platform_at, rpps, world_at
from tests.sas_shape import CPTS, INDIVIDUAL, problems
from tests.sas_world import ACT, OF_CPTS, PERSON, PRACTITIONERS, R66, Json, Platform, Reply, belonging, concept, meant

_PARIS = ZoneInfo("Europe/Paris")
#: What the kit cannot ask over HTTP, or says itself that it cannot test.
ELSEWHERE = {1, 2, 3, 33, 34, 35, 36}


@dataclass(frozen=True)
class Option:
    """One of the kit's options: how it asks, and what it is told to expect."""

    profiles: dict[str, str]
    more: str
    #: How it writes its moments, which are always those of Paris.
    suffix: str
    audiences: frozenset[str]


OPTIONS = {
    "PS-indiv": Option(INDIVIDUAL, "", ".000+00:00", frozenset({"PUBLIC", "PRO", "SNP"})),
    "CPTS": Option(CPTS, OF_CPTS, ".000", frozenset({"PUBLIC", "PRO", "SNP", "CPTS"})),
}


@dataclass(frozen=True)
class Kit:
    """The kit at a server: one option, and the numbers it is given."""

    platform: Platform
    option: Option
    #: A doctor at one place; at two; another; one with a slot of two CPTS; one with a slot of each of two CPTS.
    single: str
    multiple: str
    other: str
    shared: str
    apart: str

    def query(self, numbers: tuple[str, ...], suffix: str) -> str:
        """From now to the end of the day after tomorrow, on the clock of Paris whatever the suffix says."""
        now = datetime.now(_PARIS)
        last = min(now + timedelta(days=3), (now + timedelta(days=2)).replace(hour=23, minute=59, second=59))
        moments = (one.strftime("%Y-%m-%dT%H:%M:%S") + suffix.replace("+", "%2B") for one in (now, last))
        window = "&".join(f"start={bound}{text}" for bound, text in zip(("ge", "le"), moments, strict=True))
        asked = ",".join(f"{PERSON}|{number}" for number in numbers)
        includes = "_include=Slot:schedule&_include:iterate=Schedule:actor"
        return f"{includes}&{PRACTITIONERS}={asked}&{window}&status=free{self.option.more}"

    def ask(self, *numbers: str) -> Reply:
        """The search that begins every group: it fails unless a Bundle with slots comes back."""
        query = self.query(numbers, self.option.suffix)
        reply = self.platform.ask(f"/Slot?{query}", Accept="application/fhir+json")
        assert reply.status == 200, reply.body
        assert reply.headers["content-type"].startswith("application/fhir+json")
        assert problems(reply.content, self.option.profiles, query) == []
        assert reply.of("Slot")
        return reply


@pytest.fixture(scope="module")
def numbers(live: Server) -> list[str]:
    """National numbers of what was published, in the order of `Kit`."""
    world = world_at(Api(live, "demo-agenda"))
    found = [rpps() for _ in range(5)]
    world.place("kit-moulin")
    world.place("kit-phare", finess="960000057")
    for number, finess in enumerate(("960000016", "960000024"), start=1):
        world.cpts(f"kit-cpts-{number}", finess)
    for name, number in zip(("single", "multiple", "other", "shared", "apart"), found, strict=True):
        places = ("kit-moulin", "kit-phare") if name == "multiple" else ("kit-moulin",)
        world.doctor(f"kit-{name}", number, *places)
    agendas = {name: f"agenda-kit-{name}-kit-moulin" for name in ("single", "multiple", "other", "shared", "apart")}
    first, second = (belonging(f"service-kit-cpts-{number}") for number in (1, 2))
    visits = {"AMB": "PUBLIC", "HH": "PRO", "VR": "SNP"}
    for hours, (visit, audience) in enumerate(visits.items(), start=4):
        motive = {"text": "Soin non programmé"}
        world.slot(agendas["single"], hours, meta=meant(audience), serviceType=[concept(ACT, visit), motive])
    here = concept(ACT, "AMB")
    world.slot(agendas["single"], 8, meta=meant("CPTS", "SNP"), serviceType=[here, first])
    world.slot(agendas["multiple"], 4)
    world.slot("agenda-kit-multiple-kit-phare", 6)
    world.slot(agendas["other"], 5)
    world.slot(agendas["shared"], 5, meta=meant("CPTS"), serviceType=[here, first, second])
    world.slot(agendas["apart"], 5, meta=meant("CPTS"), serviceType=[here, first])
    world.slot(agendas["apart"], 6, meta=meant("CPTS"), serviceType=[here, second])
    return [f"8{number}" for number in found]


@pytest.fixture
def kit(request: pytest.FixtureRequest, live: Server, numbers: list[str]) -> Kit:
    return Kit(platform_at(live), OPTIONS[request.param], *numbers)


def _count(reply: Reply, *types: str) -> list[int]:
    return [len(reply.of(name)) for name in types]


def _codes(reply: Reply, system: str) -> set[str]:
    codings = [coding for slot in reply.of("Slot") for one in slot["serviceType"] for coding in one.get("coding", ())]
    return {coding["code"] for coding in codings if coding["system"] == system}


def _audiences(reply: Reply) -> set[str]:
    return {coding["code"] for slot in reply.of("Slot") for coding in slot["meta"]["security"]}


def _performance(kit: Kit) -> None:
    """Its offset has no minutes."""
    begun = time.monotonic()
    query = kit.query((kit.single,), ".000+00")
    reply = kit.platform.ask(f"/Slot?{query}", Accept="application/fhir+json")

    assert (reply.status, reply.content["resourceType"]) == (200, "Bundle")
    assert time.monotonic() - begun < 1


def _bundle(kit: Kit) -> None:
    reply = kit.ask(kit.single)

    assert reply.content["total"] == len(reply.of("Slot"))
    slot = kit.platform.ask(f"/Slot/{reply.of('Slot')[0]['id']}", Accept="application/fhir+json")
    assert (slot.status, slot.content["resourceType"]) == (200, "Slot")


def _one_place(kit: Kit) -> None:
    """Cardinalities, number, dates, references, address, link, address of booking, status and kind of appointment."""
    reply, now = kit.ask(kit.single), datetime.now(_PARIS)

    assert _count(reply, "Practitioner", "PractitionerRole", "Schedule") == [1, 1, 1]
    assert [one["identifier"][0]["value"] for one in reply.of("Practitioner")] == [kit.single]
    moments = [datetime.fromisoformat(slot["start"]) for slot in reply.of("Slot")]
    assert now <= min(moments)
    assert max(moments).date() <= (now + timedelta(days=2)).date()
    assert len(reply.of("PractitionerRole")[0]["contained"]) == 1
    if kit.option.more:
        services, structures = reply.of("HealthcareService"), reply.of("Organization")
        assert len(services) == len(structures) == 1
        assert services[0]["providedBy"]["reference"] == f"Organization/{structures[0]['id']}"
        assert re.fullmatch(r"1[0-9]{9}", structures[0]["identifier"][0]["value"])


def _several_places(kit: Kit) -> None:
    reply = kit.ask(kit.multiple)

    assert _count(reply, "Practitioner", "PractitionerRole", "Schedule") == [1, 2, 2]
    roles = {f"PractitionerRole/{one['id']}" for one in reply.of("PractitionerRole")}
    assert {actor["reference"] for one in reply.of("Schedule") for actor in one["actor"]} > roles


def _several_doctors(kit: Kit) -> None:
    reply = kit.ask(kit.single, kit.other)

    assert {one["identifier"][0]["value"] for one in reply.of("Practitioner")} == {kit.single, kit.other}
    assert _count(reply, "PractitionerRole", "Schedule") == [2, 2]


def _optional_elements(kit: Kit) -> None:
    reply = kit.ask(kit.single)
    (doctor,), (role,) = reply.of("Practitioner"), reply.of("PractitionerRole")

    assert doctor["name"][0]["family"]
    assert doctor["name"][0]["given"][0]
    assert re.fullmatch(r"\+(33|262|590|594|596)\d{9}", role["telecom"][0]["value"])
    assert re.fullmatch(r"1[0-9]{9}|[34][0-9]{14}", role["organization"]["identifier"]["value"])
    assert all(structure["name"] and structure["telecom"] for structure in reply.of("Organization"))


def _declared_kinds(kit: Kit) -> None:
    """No kind more and none less than declared."""
    reply = kit.ask(kit.single)

    assert _audiences(reply) == kit.option.audiences
    assert _codes(reply, ACT) == {"AMB", "HH", "VR"}
    assert all(any(one.get("text") for one in slot["serviceType"]) for slot in reply.of("Slot")[:3])


def _two_cpts(kit: Kit) -> None:
    """One slot of two CPTS, then two slots of one each."""
    for number, slots in ((kit.shared, 1), (kit.apart, 2)):
        reply = kit.ask(number)
        services = {f"HealthcareService/{one['id']}" for one in reply.of("HealthcareService")}
        named: list[Json] = [one for slot in reply.of("Slot") for one in slot["serviceType"] if "extension" in one]

        assert _count(reply, "Slot", "HealthcareService", "Organization") == [slots, 2, 2]
        assert (_audiences(reply), _codes(reply, R66)) == ({"CPTS"}, {"604"})
        assert {one["extension"][0]["valueReference"]["reference"] for one in named} == services


def _metadata(kit: Kit) -> None:
    told = json.loads(kit.platform.ask("/metadata", Authorization="none").body)

    assert (told["resourceType"], told["fhirVersion"]) == ("CapabilityStatement", "4.0.1")


GROUPS: dict[str, Callable[[Kit], None]] = {
    "performance": _performance,
    "bundle": _bundle,
    "one place": _one_place,
    "several places": _several_places,
    "several doctors": _several_doctors,
    "optional elements": _optional_elements,
    "declared kinds": _declared_kinds,
    "metadata": _metadata,
}
#: Groups of one option alone.
MORE = {"CPTS": {"two CPTS": _two_cpts}}
PASSES = [
    pytest.param(option, group, id=f"{option}-{name}")
    for option in OPTIONS
    for name, group in (GROUPS | MORE.get(option, {})).items()
]


@pytest.mark.parametrize(("kit", "group"), PASSES, indirect=["kit"])
def test_sas_item_20_the_kit_passes(kit: Kit, group: Callable[[Kit], None]) -> None:
    group(kit)


def test_sas_item_20_every_requirement_has_its_test() -> None:
    found = {int(name[9:11]) for name in vars(test_sas_requirements) if re.match(r"test_req_\d\d_", name)}

    assert found == set(range(1, 50)) - ELSEWHERE
