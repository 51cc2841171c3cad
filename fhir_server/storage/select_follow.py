"""What comes along with a page: includes followed step by step, each resource once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sqlalchemy import Connection

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search import restriction
from fhir_server.search.model import Include, Query
from fhir_server.storage.select_includes import Step, applies, include_statement
from fhir_server.storage.select_rows import BODY_COLUMNS, Row
from fhir_server.storage.select_scope import binds

#: Included resources a page may carry, and steps from a match to one of them.
MAX_INCLUDED, MAX_STEPS = 1000, 8


@dataclass
class Followed:
    """What was found along the way."""

    rows: list[Row] = field(default_factory=list)
    #: More would have come along than the limits allow.
    is_cut: bool = False
    #: A directive that is repeated led back to where it had been.
    is_circular: bool = False


def follow(connection: Connection, queries: Sequence[Query], actor: Actor, matches: Sequence[Any]) -> Followed:
    """The resources that the includes of the queries lead to from the matches, of what the actor may see."""
    followed = Followed()
    includes = _directives(queries)
    if not includes:
        return followed
    seen = {row[BODY_COLUMNS] for row in matches}
    front, types = sorted(seen), frozenset(query.type for query in queries)
    for number in range(MAX_STEPS + 1):
        wanted = tuple(it for it in includes if (it.is_iterated or number == 0) and applies(it, types))
        if not wanted or not front:
            break
        room = MAX_INCLUDED - len(followed.rows)
        statement = include_statement(Step(wanted, actor.is_territory), connection.dialect)
        values = {"pks": front, **binds(actor, queries[0].asked_ms), "limit": room + len(seen) + 1}
        rows = [row for row in statement.run(connection, values).all() if _is_shown(actor, row)]
        fresh = [row for row in rows if row[BODY_COLUMNS] not in seen]
        followed.is_circular |= len(fresh) < len(rows) and _is_circular(wanted)
        followed.is_cut = (number == MAX_STEPS and bool(fresh)) or len(fresh) > room
        followed.rows += [Row(*row[:BODY_COLUMNS]) for row in fresh[:room]]
        if followed.is_cut:
            break
        front = [row[BODY_COLUMNS] for row in fresh]
        types = frozenset(row[0] for row in fresh)
        seen.update(front)
    return followed


def _directives(queries: Sequence[Query]) -> list[Include]:
    """The includes of all queries. What one of them follows from its matches alone is not followed from includes."""
    found: dict[Include, bool] = {}
    for query in queries:
        # Asked for both ways, a directive is repeated.
        asked = sorted(query.includes, key=lambda include: include.is_iterated)
        for once, is_iterated in {replace(it, is_iterated=False): it.is_iterated for it in asked}.items():
            found[once] = found.get(once, True) and is_iterated
    return [replace(once, is_iterated=is_iterated) for once, is_iterated in found.items()]


def _is_circular(includes: Sequence[Include]) -> bool:
    """Whether the repeated ones can lead from a type back to itself."""
    edges: dict[str, set[str]] = {}
    for include in includes:
        if include.is_iterated:
            targets = [include.target] if include.target else parameters(include.source)[include.code].targets
            for target in targets or RESOURCES:
                start, end = (target, include.source) if include.is_reverse else (include.source, target)
                edges.setdefault(start, set()).add(end)
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        return True
    return False


def _is_shown(actor: Actor, row: Any) -> bool:
    """Whether no scope keeps the row from the actor: asked of the text, since the statements know only of owners."""
    return not actor.restrictions or restriction.shows(actor, row.type, json.load(row.body.encode()))
