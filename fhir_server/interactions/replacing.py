"""What a file says of those it does not name: they are no longer in use."""

from collections.abc import Iterator, Sequence

from fhir_server.kernel.upsert import Replaced, Upsert
from fhir_server.storage import identified
from fhir_server.storage.unit_of_work import UnitOfWork


def withdrawals(uow: UnitOfWork, replaced: Replaced, upserts: Sequence[Upsert]) -> Iterator[Upsert]:
    """An upsert for each resource of the file, and of the same owner, that none of `upserts` names."""
    named = {value for upsert in upserts if upsert.type == replaced.type for system, value in upsert.keys}
    known = identified.numbers(uow.connection, replaced.type, replaced.system, uow.actor.owner)
    for number in sorted(one for one in known - named if one.startswith(replaced.beginning)):
        key = replaced.system, number
        yield Upsert(
            label=f"urn:creneau:replaced:{replaced.type}:{number}",
            type=replaced.type,
            keys=(key,),
            resource=dict(replaced.resource),
            on_missing="pass",
            at_ms=replaced.at_ms,
            by_element=True,
        )
