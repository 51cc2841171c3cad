"""Index rows: what goes where, and how little an update touches."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, event, func, select

from fhir_server.kernel.audiences import EVERYONE, bits
from fhir_server.storage import index, tables
from fhir_server.storage.database import Database
from tests import builders


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    database = Database(database_url)
    with database.begin() as connection:
        yield connection
    database.close()


def test_hot_parameters_go_to_columns_and_others_to_the_table_of_their_kind() -> None:
    slot = builders.slot(serviceType=[{"coding": [{"system": "urn:s", "code": "Dentiste"}]}])

    rows = index.rows("Slot", slot)

    hot = {
        "schedule_id": "csnp",
        "status": "free",
        "start_ms": 1_772_524_800_000,
        "end_ms": 1_772_525_700_000,
        "audience": bits(EVERYONE),
        "open_ms": 0,
    }
    service = {"parameter": "Slot.service-type", "system": "urn:s", "code": "dentiste"}
    assert [hot] == rows[tables.slot_index]
    assert [service] == rows[tables.token_index]
    assert not rows.get(tables.reference_index)


def test_an_appointment_without_a_time_has_no_start() -> None:
    appointment = builders.appointment(status="proposed")
    del appointment["start"], appointment["end"]

    (row,) = index.rows("Appointment", appointment)[tables.appointment_index]

    assert (None, None) == (row["start_ms"], row["end_ms"])


def statements(connection: Connection) -> list[str]:
    """The statements that the connection runs from now on."""
    seen: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda _c, _k, text, *_: seen.append(text.split("(")[0].strip()))
    return seen


def test_a_booked_slot_is_one_update(connection: Connection) -> None:
    index.write(connection, 1, "Slot", builders.slot())
    seen = statements(connection)

    index.replace(connection, 1, "Slot", builders.slot(status="busy"), builders.slot())

    assert ["UPDATE slot_index SET"] == [text[: len("UPDATE slot_index SET")] for text in seen]
    assert "busy" == connection.execute(select(tables.slot_index.c.status)).scalar_one()


def test_an_update_without_effect_on_searches_touches_nothing(connection: Connection) -> None:
    index.write(connection, 1, "Slot", builders.slot())
    seen = statements(connection)

    index.replace(connection, 1, "Slot", builders.slot(comment="Sonner deux fois"), builders.slot())

    assert [] == seen


def test_what_was_not_indexed_is_written_whole(connection: Connection) -> None:
    index.replace(connection, 1, "Patient", builders.patient(), None)

    assert 1 == connection.execute(select(func.count()).select_from(tables.date_index)).scalar_one()
