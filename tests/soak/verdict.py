"""Whether the store holds what was acknowledged, once, and nothing else."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import select

from fhir_server.storage.database import Database
from fhir_server.storage.ledgers import inbox
from fhir_server.storage.tables import resource, resource_version
from tests.soak.senders import LIFE


def faults(url: str, acknowledged: Sequence[str]) -> list[str]:
    """What is wrong, nothing when all is well."""
    database = Database(url)
    try:
        return [*_messages(database, acknowledged), *_appointments(database, acknowledged)]
    finally:
        database.close()


def _messages(database: Database, acknowledged: Sequence[str]) -> Iterator[str]:
    rows = database.read().execute(select(inbox.c.control_id).where(inbox.c.state == "applied")).scalars()
    kept = Counter(rows)
    yield from (f"message {name} is kept {kept[name]} times" for name in acknowledged if kept[name] != 1)
    twice = [name for name, times in Counter(acknowledged).items() if times > 1]
    yield from (f"message {name} was acknowledged twice to one sender" for name in twice)


def _appointments(database: Database, acknowledged: Sequence[str]) -> Iterator[str]:
    told = Counter(name.rpartition("-")[0] for name in acknowledged)
    bodies = database.read().execute(select(resource.c.body).where(resource.c.type == "Appointment")).scalars()
    appointments = [json.loads(body) for body in bodies]
    found = Counter(_name(one) for one in appointments)
    yield from (f"appointment {name} is there {found[name]} times" for name in told if found[name] != 1)
    versions = _versions(database)
    for one in appointments:
        name, times = _name(one), told[_name(one)]
        if times == len(LIFE) and one["status"] != "cancelled":
            yield f"appointment {name} is {one['status']} after its end"
        if versions[one["id"]] > len(LIFE):
            yield f"appointment {name} has {versions[one['id']]} versions of {len(LIFE)} messages"


def _versions(database: Database) -> Counter[str]:
    query = select(resource_version.c.id).where(resource_version.c.type == "Appointment")
    return Counter(database.read().execute(query).scalars())


def _name(appointment: dict[str, list[dict[str, str]]]) -> str:
    return next(one["value"][1:] for one in appointment["identifier"] if one["value"].startswith("F"))
