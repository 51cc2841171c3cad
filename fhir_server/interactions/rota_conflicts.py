"""Slots that somebody has, and that the rules of their Schedule do not offer: told to who writes the rules."""

from sqlalchemy import Connection

from fhir_server.interactions import rota_plan
from fhir_server.interactions.rota_plan import Conflict
from fhir_server.kernel import json
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, Issue
from fhir_server.rotas.expand import openings
from fhir_server.rotas.reading import has_rules, read_rota
from fhir_server.rotas.slot import slot, slot_id
from fhir_server.scheduling import agendas
from fhir_server.storage import rotas
from fhir_server.storage.resources import Stored

#: What is wrong with a slot, by the reason of its conflict.
REASONS = {
    "gone": "is booked or held, and the rules offer nothing then any more.",
    "changed": "is booked or held, and the rules now say otherwise.",
    "covered": "is not made: a slot published by hand is there.",
}


def conflicts(connection: Connection, schedule: Stored, now_ms: int) -> list[Conflict]:
    """The slots of a rota from now on that are booked or held, and are not what the rules of the Schedule offer."""
    rows = rotas.held(connection, schedule.id, now_ms)
    standing = {id_: json.load(body.encode()) for id_, body in rows}
    content = schedule.content() if standing and not schedule.deleted else {}
    wanted = {}
    if has_rules(content):
        rota = read_rota(content)[0]
        last = max(there.low for one in standing.values() if (there := agendas.span(one)) is not None)
        offered = {slot_id(schedule.id, one.start_ms): one for one in openings(rota, Interval(now_ms, last + 1))}
        wanted = {id_: slot(content, rota.zone, offered[id_]) for id_ in standing if id_ in offered}
    return [one for one in rota_plan.plan(standing, standing, wanted).conflicts if one.reason != "covered"]


def issues(connection: Connection, schedule: Stored, now_ms: int) -> list[Issue]:
    """A warning for each of `conflicts`."""
    return [_warning(conflict) for conflict in conflicts(connection, schedule, now_ms)]


def _warning(conflict: Conflict) -> Issue:
    text = f"Slot/{conflict.slot_id} at {conflict.start} {REASONS[conflict.reason]}"
    return Issue(Category.CONFLICT, text, f"Slot/{conflict.slot_id}", "warning")
