"""Loading the territory: complete, repeatable, and never against what people did meanwhile."""

from datetime import date, timedelta

from adapters.demo import territory
from adapters.demo.load import load
from fhir_server.bootstrap import Services
from fhir_server.interactions import create, read
from fhir_server.kernel.actor import SYSTEM
from fhir_server.validation import gates

#: The standing clock's day.
TODAY = date(2026, 3, 2)


def test_everything_of_the_territory_passes_the_gates() -> None:
    for resource in territory.resources(TODAY):
        gates.validate(resource, resource["resourceType"])


def test_the_whole_territory_is_stored(services: Services) -> None:
    resources = list(territory.resources(TODAY))

    assert len(resources) == load(services.store, TODAY)

    for resource in (resources[0], resources[100], resources[-1]):
        stored = read.read(services.store, SYSTEM, resource["resourceType"], resource["id"])
        assert (1, "system") == (stored.version, stored.owner)


def test_loading_again_writes_nothing(services: Services) -> None:
    load(services.store, TODAY)

    assert 0 == load(services.store, TODAY)


def test_the_next_day_brings_one_day_of_slots(services: Services) -> None:
    load(services.store, TODAY)
    new = {item["id"] for item in territory.resources(TODAY + timedelta(days=1))} - {
        item["id"] for item in territory.resources(TODAY)
    }

    assert len(new) == load(services.store, TODAY + timedelta(days=1))


def test_a_booked_slot_stays_booked(services: Services) -> None:
    load(services.store, TODAY)
    slot = list(territory.resources(TODAY))[-1]
    participant = {"actor": {"reference": "Practitioner/dr-brumeval"}, "status": "accepted"}
    times = {"start": slot["start"], "end": slot["end"], "slot": [{"reference": f"Slot/{slot['id']}"}]}
    booking = {"resourceType": "Appointment", "status": "booked", "participant": [participant], **times}
    create.create(services.store, SYSTEM, "Appointment", booking)

    assert 0 == load(services.store, TODAY)
    assert "busy" == read.read(services.store, SYSTEM, "Slot", slot["id"]).content()["status"]
