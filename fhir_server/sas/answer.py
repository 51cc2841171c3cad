"""What one answer is made of, and who it is made for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhir_server.kernel.actor import Actor
from fhir_server.sas.memory import Memory
from fhir_server.sas.parts import Shown, Unfit
from fhir_server.storage.deadline import Hurried

#: Texts of stored resources by type and id.
Texts = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Desk:
    """Who asks, when, of which store, and what belongs to the server."""

    reader: Hurried
    actor: Actor
    now_ms: int
    #: Where a slot is booked that does not say so itself, `{id}` standing for its id; empty for nowhere.
    address: str
    #: What was shaped before.
    memory: Memory


@dataclass(slots=True)
class Answer:
    """What goes into a Bundle, in order: each resource once."""

    slots: list[Shown] = field(default_factory=list)
    #: What comes along, by type and id.
    others: dict[tuple[str, str], Shown] = field(default_factory=dict)
    #: What could be part of it but for its content, by `Type/id`.
    left_out: dict[str, Unfit] = field(default_factory=dict)

    def fit(self, type_name: str, id_: str, one: Shown | Unfit) -> Shown | None:
        """The resource if it can be shown; None, and a note of why not, if it cannot."""
        if isinstance(one, Shown):
            return one
        self.left_out[f"{type_name}/{id_}"] = one
        return None

    def add(self, type_name: str, one: Shown) -> None:
        """Take it along."""
        self.others[type_name, one.id] = one
