"""What figures are counted by that no resource holds: whose requests come from where, and the territory's communes.

It stands in files, which change; each change is kept with its time, so that a past period is counted as it was.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from fhir_server.figures.facts import Territory
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.origins import OTHER
from fhir_server.settings import Settings, config_folder
from fhir_server.storage import basis as kept
from fhir_server.storage.unit_of_work import Store

_ORIGIN, _COMMUNES, _POSTAL_CODES = "origin", "communes", "postal-codes"
#: Owners that need no file.
_ALWAYS = {SYSTEM.owner: "cpts"}


@dataclass(frozen=True, slots=True)
class Basis:
    """What was so at a moment."""

    #: By owner of a resource.
    origins: Mapping[str, str] = field(default_factory=dict)
    territory: Territory = field(default_factory=Territory)

    def origin(self, owner: str) -> str:
        """Where what this owner made comes from."""
        return self.origins.get(owner) or _ALWAYS.get(owner, OTHER)


def record(store: Store, settings: Settings, origins: Mapping[str, str]) -> None:
    """Keep what the files say now; nothing is written when it is what was kept last."""
    territory = read_territory(settings)
    rows = {(_ORIGIN, owner): origin for owner, origin in origins.items()}
    rows[_COMMUNES, ""] = " ".join(sorted(territory.communes))
    rows[_POSTAL_CODES, ""] = " ".join(sorted(territory.postal_codes))
    store.transact(SYSTEM, lambda uow: kept.record(uow, rows))


def load(connection: Connection, as_of_ms: int) -> Basis:
    """What was so at that moment: the first thing ever kept counts for the time before it too."""
    found = kept.at(connection, as_of_ms)
    origins = {name: value for (kind, name), value in found.items() if kind == _ORIGIN}
    communes, postal_codes = (found.get((kind, ""), "").split() for kind in (_COMMUNES, _POSTAL_CODES))
    return Basis(origins, Territory(frozenset(communes), frozenset(postal_codes)))


def read_territory(settings: Settings) -> Territory:
    """The communes of territory/communes.csv: `code`, and `postal_codes` separated by spaces where it has them."""
    file = config_folder(settings, "territory") / "communes.csv"
    if not file.is_file():
        return Territory()
    rows: Iterable[dict[str, str]] = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    codes = frozenset(row["code"] for row in rows if row.get("code"))
    return Territory(codes, frozenset(code for row in rows for code in (row.get("postal_codes") or "").split()))
