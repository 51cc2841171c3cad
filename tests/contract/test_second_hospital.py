"""Another hospital is a file and the rows in which it differs: no code."""

import shutil
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.commands import check
from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.service import House, build_house
from fhir_server import settings as settings_module
from fhir_server.kernel import json
from fhir_server.settings import Settings
from fhir_server.storage.tables import resource

FEED = """
owner = "clinique"
charset = "8859/1"
is_identity_source = true
overlays = ["clinique"]
[listen]
host = "127.0.0.1"
port = 2601
facilities = ["CLINIQUE"]
[identity]
application = "CRENEAU"
facility = "CPTS-DEMO"
[namespaces]
CLINIQUE = "urn:oid:1.2.250.1.999.77"
"""
#: This sender puts the duration into SCH-8, as `20^MIN`, and the start only where the service is.
ROWS = """row,from,to,cell,codes,when,note
appointment_type_local,SCH-8,,,,,no type here
end_after_start,SCH-8.1 SCH-8.2,end,end_after,units,,but the duration
minutes,SCH-8.1 SCH-8.2,minutesDuration,minutes,units,,
"""
MESSAGE = "\r".join(
    [
        r"MSH|^~\&|AGENDA|CLINIQUE|CRENEAU|CPTS-DEMO|20260302080000||SIU^S12^SIU_S12|C1|P|2.5|||||FRA|8859/1",
        "SCH|A1^CLINIQUE|A1^CLINIQUE||||RDV||20^MIN|||||||||D^ESSAI",
        "PID|1||77^^^CLINIQUE^PI||ÉSSAI^Aimée^^^^^L||19800101|F",
        "RGS|1",
        "AIS|1||CS^Consultation|20260303090000|||20|MIN",
        "",
    ]
).encode("latin-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's configuration: the package's feeds, and one more."""
    with as_file(files("config") / "feeds") as feeds:
        shutil.copytree(feeds, tmp_path / "feeds")
    (tmp_path / "feeds" / "clinique.toml").write_text(FEED)
    (tmp_path / "overlays" / "clinique").mkdir(parents=True)
    (tmp_path / "overlays" / "clinique" / "SCH_Appointment.csv").write_text(ROWS)
    return tmp_path


@pytest.fixture
def own(folder: Path, database_url: str) -> Settings:
    return settings_module.load({"CRENEAU_CONFIG_DIR": str(folder)}, database_url=database_url)


@pytest.fixture
def house(own: Settings) -> Iterator[House]:
    built = build_house(own)
    yield built
    built.services.close()


def test_its_messages_are_understood(house: House) -> None:
    answer = read_acknowledgement(house.receiver("clinique").receive(MESSAGE))

    query = select(resource.c.body).where(resource.c.type == "Appointment")
    (body,) = house.services.store.read().execute(query).scalars()
    appointment = json.load(body.encode())
    assert answer.code == "AA"
    assert (appointment["start"][:16], appointment["minutesDuration"]) == ("2026-03-03T09:00", 20)
    assert appointment["identifier"][0]["system"] == "urn:oid:1.2.250.1.999.77"
    assert "appointmentType" not in appointment


def test_another_facility_is_refused_on_its_port(house: House) -> None:
    answer = read_acknowledgement(house.receiver("clinique").receive(MESSAGE.replace(b"|CLINIQUE|", b"|OTHER|")))

    assert (answer.code, answer.error_location) == ("AE", "MSH^1^4")


def test_everything_is_checked(own: Settings, folder: Path) -> None:
    assert check(own) == []

    rows = folder / "overlays" / "clinique" / "SCH_Appointment.csv"
    rows.write_text(ROWS + "nowhere,SCH-9,status,,,,hits no base row\n")
    assert check(own) == ["feeds/clinique/SCH_Appointment.csv:nowhere: no base row has this key"]
