"""Where the SAS platform is told of appointments: one file of config/notices each. docs/sas.md describes the file.

`CRENEAU_NOTICE_<NAME>_URL` overrides the address.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import urlsplit

from adapters.lines import MAX_TIMEOUT, Tls
from fhir_server.registry.model import Route
from fhir_server.scheduling.events import RULES
from fhir_server.settings import Settings, SettingsError, config_folder

_MEMBERS = frozenset({"url", "identifier_system", "timeout_seconds", "tls"})
#: Where plain HTTP is allowed: nothing leaves the machine.
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Notices:
    """One platform that is told."""

    name: str
    #: Its FHIR base: `https://sas.example/fhir`.
    url: str
    #: System of the identifier under which it knows our appointments: the vendor's OID or URL. Never changes.
    identifier_system: str
    timeout_seconds: float = _TIMEOUT
    tls: Tls | None = None

    @property
    def channel(self) -> str:
        """Its name as destination of deliveries."""
        return f"sas:{self.name}"

    def route(self) -> Route:
        """The route of what it is told: all that happens to appointments taken through SAS."""
        events = (rule.event for series in RULES["Appointment"] for rule in series)
        return Route(self.channel, frozenset(one for one in events if one.startswith("appointment-")), is_of_sas=True)


def load(settings: Settings, environment: Mapping[str, str] | None = None) -> tuple[Notices, ...]:
    """Every platform that is told, by name. Raises SettingsError naming the file and what is wrong with it."""
    folder = config_folder(settings, "notices")
    if not folder.is_dir():
        return ()
    entries = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return tuple(_read(entry, os.environ if environment is None else environment) for entry in entries)


def _read(entry: Traversable, environment: Mapping[str, str]) -> Notices:
    name = entry.name.removesuffix(".toml")
    try:
        row = tomllib.loads(entry.read_text("utf-8"))
        url = environment.get(f"CRENEAU_NOTICE_{name.upper().replace('-', '_')}_URL", row.get("url", ""))
        return notices(name, row | {"url": url})
    except (tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"notices/{entry.name}: {error}") from None


def notices(name: str, row: Mapping[str, Any]) -> Notices:
    """The platform of a file's members. Raises ValueError for a member that cannot be."""
    unknown = sorted(set(row) - _MEMBERS)
    if unknown:
        raise ValueError(f"unknown member {unknown[0]}")
    missing = [one for one in ("url", "identifier_system") if not row.get(one)]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    address = urlsplit(row["url"])
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _HERE):
        raise ValueError("url: https, or http on this machine")
    seconds = float(row.get("timeout_seconds", _TIMEOUT))
    if not 0 < seconds <= MAX_TIMEOUT:
        raise ValueError(f"timeout_seconds is at most {MAX_TIMEOUT:g}")
    tls = Tls(**row["tls"]) if "tls" in row else None
    return Notices(name, row["url"].rstrip("/"), row["identifier_system"], seconds, tls)
