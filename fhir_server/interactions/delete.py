"""FHIR delete. https://www.hl7.org/fhir/R4/http.html#delete"""

from fhir_server.interactions import write
from fhir_server.interactions.update import check_version
from fhir_server.interactions.visibility import absent, is_visible, require_own
from fhir_server.kernel.actor import Actor
from fhir_server.search import restriction
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import Store, UnitOfWork


def delete(store: Store, actor: Actor, type_name: str, id_: str, if_match: int | None) -> None:
    """Delete the resource; deleting what is gone already, or never was, succeeds too.

    Raises FhirError: NOT_FOUND when it is not the actor's to see, FORBIDDEN when another's, VERSION_CONFLICT when
    `if_match` is not the current version, and whatever a rule refuses.
    """
    store.transact(actor, lambda uow: remove(uow, type_name, id_, if_match))


def remove(uow: UnitOfWork, type_name: str, id_: str, if_match: int | None = None) -> None:
    """As `delete`, inside a unit of work."""
    before = resources.lock(uow, type_name, id_)
    if before is None or before.deleted:
        return
    if not is_visible(uow.actor, before, uow.now_ms):
        raise absent(type_name, id_)
    require_own(uow.actor, before)
    if if_match is not None:
        check_version(before, if_match)
    if uow.actor.restrictions:
        restriction.require(uow.actor, type_name, before.content(), "d")
    write.remove(uow, before)
