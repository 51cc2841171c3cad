"""Partners: the OAuth clients of the territory, each one file of TOML or one row of the table `partner`.

docs/api.md describes the file. The client `example` has the file `example.toml`, which comes before a row of that id.
"""

import json
import logging
import tomllib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Protocol

from fhir_server.auth.cache import ExpiringCache
from fhir_server.auth.partner import CLIENT_ID, Partner, PartnerError, parse
from fhir_server.auth.peer import PeerCertificate
from fhir_server.kernel.clock import Clock, system_clock
from fhir_server.settings import Settings, config_folder

__all__ = ["LOOKUP_MS", "Partner", "PartnerError", "PartnerRows", "Partners", "folders", "parse"]

#: How long it is remembered whom a certificate belongs to; whether it is let in is asked anew.
_CERTIFICATE_MS = 10_000
#: How long a partner looked up is taken as unchanged: a file changed by hand is obeyed after that at the latest. What
#: commands change is obeyed at once.
LOOKUP_MS = 1_000

_log = logging.getLogger("fhir_server.partners")


class PartnerRows(Protocol):
    """Where partners registered by command are kept, and which partners are suspended by command."""

    def find(self, client_id: str) -> str | None:
        """The row's JSON body (members as in the file), or None."""

    def is_suspended(self, client_id: str) -> bool:
        """Whether a partner, of a row or a file, is let in no more."""

    def load(self) -> Sequence[str]:
        """Every partner's row as JSON."""


class Partners:
    """Every partner of this server, by client id."""

    def __init__(
        self, folders: Sequence[Traversable], rows: PartnerRows, *, is_demo: bool = False, clock: Clock = system_clock
    ) -> None:
        self._folders = folders
        self._rows = rows
        self._is_demo = is_demo
        self._clock = clock
        self._owners: ExpiringCache[tuple[str, str], tuple[str | None]] = ExpiringCache(256)
        self._found: ExpiringCache[str, tuple[Partner | None]] = ExpiringCache(1024)

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

    def coming_with(self, certificate: PeerCertificate, environment: str) -> Partner | None:
        """The partner who must come with this certificate in an environment (`certificates` of its file).

        None for one that is nobody's, of several partners, or of one that `lookup` does not know. A row added by
        command counts within ten seconds.
        """
        now, key = self._clock(), (certificate.thumbprint, environment)
        entry = self._owners.get(key, now)
        if entry is None:
            found = {one.client_id for one in self._known() if one.comes_with(certificate, environment)}
            entry = (found.pop() if len(found) == 1 else None,)
            self._owners.put(key, entry, now + _CERTIFICATE_MS)
        partner = None if entry[0] is None else self.lookup(entry[0])
        return partner if partner is not None and partner.comes_with(certificate, environment) else None

    def _known(self) -> Iterator[Partner]:
        """Every partner with a file or row that can be used."""
        names = (file.name for folder in self._folders if folder.is_dir() for file in folder.iterdir())
        ids = [name.removesuffix(".toml") for name in names if name.endswith(".toml")]
        ids += [json.loads(body)["client_id"] for body in self._rows.load()]
        found = (self.lookup(client_id) for client_id in dict.fromkeys(ids))
        return (partner for partner in found if partner is not None and partner.subjects)

    def forget(self, client_id: str) -> None:
        """Look the partner up anew when it is asked for next."""
        self._found.drop(client_id)

    def is_of_file(self, client_id: str) -> bool:
        """Whether a file says who that is, which no command changes."""
        return self._file(client_id) is not None

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
        return None if self._rows.is_suspended(client_id) else partner

    def _load(self, client_id: str) -> Partner | None:
        # The shape is checked first: the id becomes a file name.
        if CLIENT_ID.fullmatch(client_id) is None:
            return None
        file = self._file(client_id)
        if file is not None:
            return _read(file, client_id)
        body = self._rows.find(client_id)
        return None if body is None else parse(json.loads(body), f"partner {client_id}")

    def _file(self, client_id: str) -> Traversable | None:
        found = (folder.joinpath(f"{client_id}.toml") for folder in self._folders)
        return next((file for file in found if file.is_file()), None)


def folders(settings: Settings) -> tuple[Traversable, ...]:
    """Where this server's partner files are: the operator's, and in a demonstration the demo's too."""
    own = config_folder(settings, "partners")
    return (own, files("config") / "demo" / "partners") if settings.demo else (own,)


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
