"""Partners: the OAuth clients of the territory, each one file of TOML or one row of the table `partner`.

docs/api.md describes the file. The client `example` has the file `example.toml`, which comes before a row of that id.
"""

import json
import logging
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from fhir_server.auth.cache import ExpiringCache
from fhir_server.auth.scopes import ScopeError, Scopes
from fhir_server.auth.secrets import SecretCheck, is_secret_hash
from fhir_server.kernel.audiences import AUDIENCES, EVERYONE, HOLDERS
from fhir_server.kernel.clock import Clock, system_clock
from fhir_server.settings import Settings, config_folder

#: How long a partner looked up is taken as unchanged: a suspension is obeyed after that at the latest.
LOOKUP_MS = 1_000

_log = logging.getLogger("fhir_server.partners")

_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: The name under which the server itself owns rows.
_RESERVED = frozenset({"system"})
_KINDS: Mapping[str, type] = {
    "client_id": str,
    "name": str,
    "secret_hash": str,
    "scopes": list,
    "reads": str,
    "demo": bool,
    "suspended": bool,
    "audiences": list,
    "direct_access": list,
}
#: Members that are lists of codes, and the codes there are.
_CODES: Mapping[str, Mapping[str, int]] = {"audiences": AUDIENCES, "direct_access": HOLDERS}
_REQUIRED = ("client_id", "name", "secret_hash", "scopes")


class PartnerError(ValueError):
    """A partner's file or row that cannot be used; the text says which and why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Partner:
    """One OAuth client."""

    client_id: str
    name: str
    #: Salted scrypt hash of the secret, as `secrets.hash_secret` makes it.
    secret_hash: str
    scopes: Scopes
    #: Reads and writes the rows of every partner, not only its own and what is shared.
    is_territory: bool = False
    #: Has a published secret: refused unless the server runs as a demonstration.
    is_demo: bool = False
    is_suspended: bool = False
    #: Codes of R314 whose slots it sees and takes.
    audiences: frozenset[str] = EVERYONE
    #: Holders in whose name it takes slots that are kept for them.
    direct_access: frozenset[str] = frozenset()


class PartnerRows(Protocol):
    """Where partners registered by command are kept."""

    def find(self, client_id: str) -> str | None:
        """The row's JSON body (members as in the file), or None."""


class Partners:
    """Every partner of this server, by client id."""

    def __init__(
        self, folders: Sequence[Traversable], rows: PartnerRows, *, is_demo: bool = False, clock: Clock = system_clock
    ) -> None:
        self._folders = folders
        self._rows = rows
        self._is_demo = is_demo
        self._clock = clock
        self._found: ExpiringCache[str, tuple[Partner | None]] = ExpiringCache(1024)
        self._secrets = SecretCheck(clock)

    def lookup(self, client_id: str) -> Partner | None:
        """The partner of that id, as it was at most LOOKUP_MS ago; None for one unknown, suspended, or out of its demo.

        One whose file or row cannot be used is unknown, and the log says why.
        """
        now = self._clock()
        entry = self._found.get(client_id, now)
        if entry is None:
            entry = (self._usable(client_id),)
            self._found.put(client_id, entry, now + LOOKUP_MS)
        return entry[0]

    def authenticate(self, client_id: str, secret: str) -> Partner | None:
        """The partner if that is its secret, else None."""
        partner = self.lookup(client_id)
        return partner if partner and self._secrets.matches(client_id, secret, partner.secret_hash) else None

    def registered(self) -> Iterator[Partner]:
        """Every partner that has a file, usable or not. Raises PartnerError at the first bad file."""
        for folder in self._folders:
            if folder.is_dir():
                for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
                    if file.name.endswith(".toml"):
                        yield _read(file, file.name.removesuffix(".toml"))

    def _usable(self, client_id: str) -> Partner | None:
        try:
            partner = self._load(client_id)
        except PartnerError as error:
            _log.error("%s", error)
            return None
        if partner is None or partner.is_suspended or (partner.is_demo and not self._is_demo):
            return None
        return partner

    def _load(self, client_id: str) -> Partner | None:
        # The shape is checked first: the id becomes a file name.
        if _CLIENT_ID.fullmatch(client_id) is None:
            return None
        for folder in self._folders:
            file = folder.joinpath(f"{client_id}.toml")
            if file.is_file():
                return _read(file, client_id)
        body = self._rows.find(client_id)
        return None if body is None else parse(json.loads(body), f"partner {client_id}")


def folders(settings: Settings) -> tuple[Traversable, ...]:
    """Where this server's partner files are: the operator's, and in a demonstration the demo's too."""
    own = config_folder(settings, "partners")
    return (own, files("config") / "demo" / "partners") if settings.demo else (own,)


def parse(members: Any, source: str) -> Partner:
    """A partner from a file's or a row's members; `source` names it in errors. Raises PartnerError."""
    if not isinstance(members, dict):
        raise PartnerError(f"{source}: not a table")
    problem = next(_problems(members), None)
    if problem:
        raise PartnerError(f"{source}: {problem}")
    try:
        scopes = Scopes.parse(" ".join(members["scopes"]))
    except ScopeError as error:
        raise PartnerError(f"{source}: scopes: {error}") from None
    return Partner(
        client_id=members["client_id"],
        name=members["name"],
        secret_hash=members["secret_hash"],
        scopes=scopes,
        is_territory=members.get("reads", "own") == "territory",
        is_demo=members.get("demo", False),
        is_suspended=members.get("suspended", False),
        audiences=frozenset(members.get("audiences", EVERYONE)),
        direct_access=frozenset(members.get("direct_access", ())),
    )


def _read(file: Traversable, client_id: str) -> Partner:
    source = f"partners/{file.name}"
    try:
        members = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PartnerError(f"{source}: {error}") from None
    partner = parse(members, source)
    if partner.client_id != client_id:
        raise PartnerError(f"{source}: the file of client {partner.client_id} must be named {partner.client_id}.toml")
    return partner


def _problems(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        if name not in _KINDS:
            yield f"unknown member {name}"
        elif not isinstance(value, _KINDS[name]):
            yield f"{name} is not of type {_KINDS[name].__name__}"
    yield from (f"{name} is missing" for name in _REQUIRED if name not in members)
    if _CLIENT_ID.fullmatch(members["client_id"]) is None or members["client_id"] in _RESERVED:
        yield "client_id: letters, digits, '.', '_' and '-', at most 64, and not a reserved name"
    if not is_secret_hash(members["secret_hash"]):
        yield "secret_hash is not a hash made by this server"
    if not members["scopes"] or not all(isinstance(scope, str) for scope in members["scopes"]):
        yield "scopes is not a list of scopes"
    if members.get("reads", "own") not in ("own", "territory"):
        yield "reads is neither own nor territory"
    for name, codes in _CODES.items():
        if not all(isinstance(code, str) and code in codes for code in members.get(name, ())):
            yield f"{name} is not a list of {', '.join(codes)}"
