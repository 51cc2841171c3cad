"""Appointments taken through SAS in the words of the national hub (RS-SAS-RDV): item 27 of the checklist of France."""

import copy
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.cli import main
from adapters.taken import told, told_by_hub
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import FhirError
from fhir_server.sas import hub, rdv, regulators
from fhir_server.settings import Settings
from fhir_server.storage.resources import Stored
from tests import builders
from tests.contract.sas_doors import IDNPS, INTRN, RPPS, UUID, identified, regulator
from tests.sas_world import AGENDA, R38, R66, STRUCTURE, World, concept, world_in

Json = dict[str, Any]

OURS = "urn:oid:1.2.250.1.999.77"
#: An invented doctor whose number begins as the hub's model wants it.
DOCTOR = "10000000011"
OPERATOR = "http://interopsante.org/fhir/StructureDefinition/FrAppointmentOperator"
CATEGORY = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-categorie-orientation"
G15 = "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
TIMES = {"start": "2026-03-03T09:00:00+01:00", "end": "2026-03-03T09:15:00+01:00"}
#: All that a message may hold.
MEMBER = {
    "appointmentId": "4711",
    "method": "UpdateAppointment",
    "created": "2026-03-02T08:00:00-00:00",
    **TIMES,
    "status": "cancelled",
    "orientationCategory": "CPTS",
    "practitioner": {
        "rppsId": f"8{DOCTOR}",
        "lastName": "BRUMEVAL",
        "firstName": "Aliénor",
        "specialityCode": "SM54",
        "specialityUrl": R38,
        "professionCode": "10",
        "professionUrl": G15,
    },
    "organization": {"organizationId": "1960000040", "name": "Maison de santé"},
    "regulator": {
        "regulatorId": RPPS,
        "regulatorName": "FERRAND",
        "regulatorFirstname": "Alix",
        "regulatorEmail": "alix.ferrand@sas.example",
    },
}
UUID_7 = uuid.UUID(int=7)
US, SAMU = "fr.health.test.creneau", "fr.health.test.samu960"


def operator(system: str, value: str) -> Json:
    return {"url": OPERATOR, "valueReference": {"identifier": identified(system, value)}}


def oriented(code: str = "604", system: str = R66) -> Json:
    return {"url": CATEGORY, "valueCodeableConcept": concept(system, code)}


@dataclass
class Desk:
    """A territory with one doctor, one regulator and one patient."""

    services: Services
    world: World
    patient: str = ""

    def book(self, *extensions: Json, **elements: Any) -> Stored:
        """A slot of the doctor, taken by the regulator with the national number."""
        slot = self.world.slot("agenda-brumeval-moulin", **TIMES)
        people = ["Practitioner/brumeval", self.patient]
        named = {
            "extension": list(extensions or (operator(IDNPS, RPPS), oriented())),
            "participant": [{"actor": {"reference": one}, "status": "accepted"} for one in people],
            "comment": "Camille ESSAI, douleur",
        }
        return create(self.services.store, AGENDA, "Appointment", builders.appointment(slot, **(named | elements)))

    def told(self, stored: Stored) -> Json:
        """What the platform is told of it."""
        return told(self.services.store.read(), stored.id, stored.version, OURS)

    def member(self, stored: Stored) -> Json:
        """What the hub is."""
        return told_by_hub(self.services.store.read(), stored.id, OURS)


@pytest.fixture
def desk(services: Services) -> Desk:
    made = Desk(services, world_in(services))
    made.world.place("moulin")
    made.world.doctor("brumeval", DOCTOR, "moulin")
    made.world.role("brumeval", "moulin", specialty=[concept(R38, "SM54")], code=[concept(G15, "10")])
    made.patient = create(services.store, AGENDA, "Patient", builders.patient()).reference
    regulators.create(services.store, Actor("sas"), regulator(identified(INTRN, UUID), identified(IDNPS, RPPS)))
    return made


def enveloped(member: Json) -> Json:
    sent = datetime(2026, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)
    return hub.enveloped(member, US, SAMU, number=UUID_7, sent=sent)


def at(envelope: Json) -> Json:
    """The head around the appointment."""
    found: Json = envelope["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
    return found


def test_sas_item_27_a_booking_in_the_words_of_the_hub(desk: Desk) -> None:
    stored = desk.book()
    notice = desk.told(stored)

    created = notice["created"][:19] + notice["created"][23:]
    assert desk.member(stored) == MEMBER | {
        "appointmentId": notice["identifier"][0]["value"],
        "method": "CreateAppointment",
        "created": created,
        "status": "booked",
    }


def test_sas_item_27_the_envelope() -> None:
    number = f"{US}_00000000-0000-0000-0000-000000000007"

    assert enveloped(MEMBER) == {
        "distributionID": number,
        "senderID": US,
        "dateTimeSent": "2026-03-02T09:00:00-00:00",
        "dateTimeExpires": "2026-03-03T09:00:00-00:00",
        "distributionStatus": "Actual",
        "distributionKind": "Report",
        "descriptor": {
            "language": "fr-FR",
            "explicitAddress": {"explicitAddressScheme": "hubex", "explicitAddressValue": SAMU},
        },
        "content": [
            {
                "jsonContent": {
                    "embeddedJsonContent": {
                        "message": {
                            "messageId": number,
                            "sender": {"name": US, "URI": f"hubex:{US}"},
                            "sentAt": "2026-03-02T09:00:00-00:00",
                            "kind": "Report",
                            "status": "Actual",
                            "recipient": [{"name": SAMU, "URI": f"hubex:{SAMU}"}],
                            "appointment": MEMBER,
                        }
                    }
                }
            }
        ],
    }


@pytest.mark.parametrize(
    ("statuses", "word"), [(["arrived", "fulfilled"], "fulfilled"), (["noshow"], "noshow"), (["arrived"], "booked")]
)
def test_sas_item_27_what_follows_is_an_update_of_the_same(desk: Desk, statuses: list[str], word: str) -> None:
    first = later = desk.book()
    for status in statuses:
        content = later.content() | {"status": status}
        later = update(desk.services.store, AGENDA, "Appointment", later.id, content, later.version)[0]
    before, after = desk.told(first), desk.member(later)

    assert (after["method"], after["status"]) == ("UpdateAppointment", word)
    assert after["appointmentId"] == before["identifier"][0]["value"]


def test_sas_item_27_there_and_back(desk: Desk) -> None:
    """All that the platform is told is read again; names are displays."""
    stored = desk.book()
    notice = desk.told(stored)
    read = rdv.appointment(hub.opened(enveloped(desk.member(stored))), OURS)

    doctor, structure = read.pop("participant")
    assert doctor["actor"].pop("display") == "BRUMEVAL Aliénor"
    assert [doctor] == notice.pop("participant")
    assert (structure["actor"]["display"], structure["actor"]["identifier"]["value"]) == (
        "Maison de santé",
        "1960000040",
    )
    # The hub knows no milliseconds.
    assert 0 <= interval(notice.pop("created")).low - interval(read.pop("created")).low < 1000
    assert read == notice


@pytest.mark.parametrize("category", ["CPTS", "MSP", "CDS", "SOS", "PS", "PDM"])
def test_sas_item_27_every_category_there_and_back(category: str) -> None:
    """Whoever treats is told by the resources around it, not by the notice."""
    member = {name: MEMBER[name] for name in MEMBER.keys() - {"practitioner", "organization"}}
    told_so = member | {"orientationCategory": category}
    on_our_clock = {"created": "2026-03-02T09:00:00+01:00"}
    account = regulator(identified(IDNPS, RPPS))

    assert rdv.message(rdv.appointment(told_so, OURS), "UpdateAppointment", account, []) == told_so | on_our_clock


@pytest.mark.parametrize("number", ["960000040", "1960000040"])
def test_sas_item_27_a_finess_may_lack_its_prefix(number: str) -> None:
    member = MEMBER | {"organization": {"organizationId": number, "name": "Maison de santé"}}

    read = rdv.appointment(hub.opened(enveloped(member)), OURS)

    identifier = read["participant"][1]["actor"]["identifier"]
    assert (identifier["system"], identifier["value"]) == (STRUCTURE, "1960000040")


def test_sas_item_27_nothing_of_the_patient_is_told(desk: Desk) -> None:
    text = json.dumps(enveloped(desk.member(desk.book(description="ESSAI Camille", reasonCode=[{"text": "douleur"}]))))

    assert not [word for word in ("ESSAI", "Camille", "douleur", desk.patient, "1979") if word in text]


def test_sas_item_27_what_the_model_cannot_say_is_left_out(desk: Desk) -> None:
    """A doctor without such a number, a structure without a number, a number that SAS alone knows."""
    desk.world.put("Practitioner", "brumeval", identifier=[{"system": IDNPS, "value": "0961234567"}])
    desk.world.put("Organization", "practice-moulin", name="Maison de santé")
    member = desk.member(desk.book(operator(IDNPS, RPPS), oriented("999")))

    assert not {"practitioner", "organization", "orientationCategory"} & member.keys()
    assert hub.opened(enveloped(member)) == member


def test_sas_item_27_a_number_of_sas_itself_is_not_told(desk: Desk) -> None:
    other = "11111111-2222-3333-4444-555555555555"
    account = regulator(identified(INTRN, other), email="b@sas.example")
    regulators.create(desk.services.store, Actor("sas"), account)
    member = desk.member(desk.book(operator(INTRN, other)))

    assert member["regulator"] == {
        "regulatorName": "FERRAND",
        "regulatorFirstname": "Alix",
        "regulatorEmail": "b@sas.example",
    }
    assert rdv.appointment(member, OURS)["extension"] == []


def test_sas_item_27_without_a_doctor_the_structure_is_named(desk: Desk) -> None:
    desk.world.put("Location", "maison", managingOrganization={"reference": "Organization/practice-moulin"})
    desk.world.put("Schedule", "agenda-maison", actor=[{"reference": "Location/maison"}])
    slot = desk.world.slot("agenda-maison", **TIMES)
    patient = [{"actor": {"reference": desk.patient}, "status": "accepted"}]
    named = {"slot": [{"reference": f"Slot/{slot}"}], "participant": patient}
    member = desk.member(desk.book(operator(IDNPS, RPPS), **named))

    assert "practitioner" not in member
    assert member["organization"] == {"organizationId": "1960000040", "name": "Maison de santé"}
    unknown, structure = rdv.appointment(member, OURS)["participant"]
    assert (unknown["status"], "actor" in unknown) == ("needs-action", False)
    assert structure["actor"]["display"] == "Maison de santé"


def change(path: str, value: Any) -> Callable[[Json], None]:
    """Sets a member of the head or the appointment; None takes it away."""

    def work(head: Json) -> None:
        *steps, last = path.split(".")
        for step in steps:
            head = head[step]
        if value is None:
            del head[last]
        else:
            head[last] = value

    return work


FAULTS = {
    "milliseconds": change("appointment.start", "2026-03-03T09:00:00.000+01:00"),
    "Z": change("appointment.created", "2026-03-03T09:00:00Z"),
    "a day that does not exist": change("appointment.end", "2026-02-30T09:00:00+01:00"),
    "a moment without an offset": change("sentAt", "2026-03-03T09:00:00"),
    "a status of FHIR": change("appointment.status", "arrived"),
    "a method in other letters": change("appointment.method", "createAppointment"),
    "a category": change("appointment.orientationCategory", "604"),
    "a number without its prefix": change("appointment.practitioner.rppsId", DOCTOR),
    "no number": change("appointment.practitioner.rppsId", None),
    "an empty name": change("appointment.practitioner.lastName", ""),
    "no name of the structure": change("appointment.organization.name", None),
    "no regulator": change("appointment.regulator", None),
    "no address of the regulator": change("appointment.regulator.regulatorEmail", None),
    "a patient": change("appointment.patient", {"name": "ESSAI"}),
    "another kind": change("kind", "Alert"),
    "no recipient": change("recipient", []),
    "no start": change("appointment.start", None),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_sas_item_27_what_the_hub_would_refuse_is_refused(fault: Callable[[Json], None]) -> None:
    envelope = enveloped(MEMBER)
    broken = copy.deepcopy(envelope)
    fault(at(broken))

    with pytest.raises(FhirError) as raised:
        hub.opened(broken)

    (where,) = {issue.expression for issue in raised.value.issues}
    assert (where or "").startswith("content[0].jsonContent.embeddedJsonContent.message")
    assert not re.search("ESSAI|BRUMEVAL|FERRAND|sas.example", str(raised.value))


@pytest.mark.parametrize("member", ["distributionID", "senderID", "dateTimeExpires", "descriptor", "content"])
def test_sas_item_27_every_member_of_the_envelope_is_wanted(member: str) -> None:
    envelope = enveloped(MEMBER)
    del envelope[member]

    with pytest.raises(FhirError) as raised:
        hub.check(envelope)

    assert [issue.expression for issue in raised.value.issues] == [member]


@pytest.fixture
def configured(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "sas.toml").write_text(
        f'url = "https://sas.example/fhir"\nidentifier_system = "{OURS}"\n', "utf-8"
    )
    return replace(settings, config_dir=tmp_path)


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setattr("adapters.cli.load", lambda **_: settings)
    return CliRunner().invoke(main, ["sas", *arguments])


def test_sas_item_27_an_operator_prints_it_and_reads_it(
    desk: Desk, configured: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = desk.book()
    asked = ("rdv", stored.id, "--from", US, "--to", SAMU)
    printed = run(configured, monkeypatch, *asked)
    (tmp_path / "message.json").write_text(printed.stdout, "utf-8")
    read = run(configured, monkeypatch, "read-rdv", str(tmp_path / "message.json"), "--system", OURS)

    assert (printed.exit_code, read.exit_code) == (0, 0), printed.output + read.output
    envelope = json.loads(printed.stdout)
    assert hub.opened(envelope) == desk.member(stored)
    assert envelope["distributionID"] != json.loads(run(configured, monkeypatch, *asked).stdout)["distributionID"]
    assert json.loads(read.stdout)["identifier"] == desk.told(stored)["identifier"]


def test_sas_item_27_what_cannot_be_told_is_one_line(
    desk: Desk, configured: Settings, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = create(
        desk.services.store,
        AGENDA,
        "Appointment",
        builders.appointment(participant=[{"actor": {"reference": desk.patient}, "status": "accepted"}]),
    ).id
    stranger = desk.book(operator(INTRN, "99999999-2222-3333-4444-555555555555")).id
    to = ("--from", US, "--to", SAMU)
    (tmp_path / "broken.json").write_text('{"content": []}', "utf-8")
    (tmp_path / "text.json").write_text("ESSAI", "utf-8")
    never = enveloped(MEMBER | {"start": "0000-03-03T09:00:00+01:00"})
    (tmp_path / "never.json").write_text(json.dumps(never), "utf-8")

    for arguments, word in (
        (("rdv", ordinary, *to), "there is none that was taken through SAS"),
        (("rdv", "nobody", *to), "there is none that was taken through SAS"),
        (("rdv", stranger, *to), "has no account here"),
        (("rdv", stranger, *to, "--platform", "other"), "0 files of notices/ fit"),
        (("read-rdv", str(tmp_path / "broken.json")), "distributionID does not keep the rule required"),
        (("read-rdv", str(tmp_path / "text.json")), "not JSON"),
        (("read-rdv", str(tmp_path / "never.json")), "a moment of the message cannot be"),
    ):
        result = run(configured, monkeypatch, *arguments)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1), result.output
        assert word in result.output
        assert "ESSAI" not in result.output
