"""The shapes of the registry's rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One FHIR resource type the server serves."""

    name: str
    #: FHIR interactions served: read, vread, create, update, patch, delete, history-instance, history-type,
    #: search-type.
    interactions: frozenset[str]
    #: Seen by every partner whose scope allows the type (`catalogue`), or only by its owner and the territory (`own`).
    audience: str
    #: `versioned-update`: an update must carry If-Match; `versioned`: it may.
    #: https://www.hl7.org/fhir/R4/http.html#update
    versioning: str
    #: PUT may create a resource with an id the client chose.
    is_created_by_update: bool
    #: Search parameter by which results are ordered when `_sort` is not given; empty for the order of creation.
    default_sort: str = ""
    #: Owner whose rows of this type only itself may know of: accounts that share a type with a catalogue.
    kept_apart: str = ""
    #: Kept in the audit trail rather than among the resources: made by the server alone, seen by auditors alone.
    is_ledger: bool = False


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter of one type (or of every type, `Resource`)."""

    code: str
    #: Resource type, or `Resource` for the parameters every type has (`_id`, `_lastUpdated`, …).
    base: str
    #: date, number, quantity, reference, string, token, uri, composite, or special: a place on Earth.
    kind: str
    #: Paths of `kernel.paths` whose values it searches, or a function of `search.extract`, written `name()`.
    paths: tuple[str, ...]
    #: Types a reference may point to; empty for any. Of a composite: the codes of its components, which search what is
    #: below its one path.
    targets: tuple[str, ...] = ()
    #: Where its values are indexed: `slot_index.start_ms`, or the generic table of its kind when empty.
    column: str = ""
    #: Few rows share a value (identifiers, references): SQL may start from the index rather than from the resource.
    is_selective: bool = False
    #: Code system of a `code` element, which the element itself does not carry.
    system: str = ""
    #: Tokens compare with their case: identifiers. Codes do not.
    is_case_sensitive: bool = False
    #: Strings compare by their sound.
    is_phonetic: bool = False
    #: Canonical URL of its definition.
    url: str = ""
    documentation: str = ""
    #: Not one of R4's: ours, or one that a French guide defines. The server declares it (`registry.declared`).
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class OperationParameter:
    """What goes into an operation, or comes out of it."""

    name: str
    #: `in` or `out`.
    use: str
    #: Empty for one that has parts.
    type: str
    documentation: str
    is_required: bool = False
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One `$operation`. https://www.hl7.org/fhir/R4/operations.html"""

    name: str
    #: Where it may be called: `system`, `type`, `instance`.
    levels: frozenset[str]
    #: Resource types it is served on; empty for all.
    types: frozenset[str]
    #: Name of the function that does it, in the table of `web`.
    handler: str
    #: Canonical URL of the definition it follows.
    definition: str
    documentation: str
    #: It changes something, so only POST calls it.
    affects_state: bool
    parameters: tuple[OperationParameter, ...]
    #: Only POST calls it, and what is asked stands in the body: it is no matter for a URL.
    is_posted: bool = False
    #: Parameters that stand in the URL none the less, and what they say.
    url_parameters: tuple[tuple[str, str], ...] = ()
    #: It may answer 201, with the address of what it made.
    is_creating: bool = False

    def is_on(self, type_name: str) -> bool:
        """Whether it is served on a type or its instances."""
        return not self.types or type_name in self.types


@dataclass(frozen=True, slots=True)
class Route:
    """Where changes of some kinds must be told: read from configuration, met by every change before its commit."""

    #: Destination as the dispatcher knows it: `feed:hospital`.
    destination: str
    #: Events asked for: `appointment-booked`; `scheduling.events` has them all.
    events: frozenset[str]
    #: Told of referrals whoever sent them; otherwise only of those that came from there.
    has_all_referrals: bool = False
    #: Told of appointments that a SAS regulator took, and of no others (`scheduling.regulation`).
    is_of_sas: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What the territory has chosen of the rules of scheduling."""

    #: A patient has no two bookings of one service at the same time.
    one_booking_at_a_time: bool = False
    #: Patients may carry the INS of invented persons: in a demonstration, never in production.
    takes_invented_identities: bool = True
    #: How many days a partner's search for slots may span; 0 for any.
    slot_window_days: int = 0
