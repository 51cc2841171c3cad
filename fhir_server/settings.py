"""Settings: defaults from config/default.toml, then the operator's creneau.toml, then CRENEAU_* variables."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

_AUDIT = ("required", "best-effort", "off")
#: Octets of the secret of the audit trail.
_SHORTEST_KEY = 32
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """A setting that cannot be used; its text says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose. docs/settings.md documents each."""

    database_url: str
    http_host: str
    http_port: int
    public_url: str
    trusted_proxies: str
    #: The header in which a trusted proxy hands on the client's certificate; empty for none.
    client_certificate_header: str
    #: Which of a partner's certificates count here: `production`, `preproduction`, `recette`.
    environment: str
    #: PEM files of TLS: our certificate and key; empty for plain HTTP.
    tls_certificate: str
    tls_key: str
    #: The port on which a client certificate is asked for, of these authorities and not on these lists; 0 for none.
    mutual_tls_port: int
    tls_client_authorities: str
    tls_client_revoked: str
    #: Requests a second of one partner in one process; 0 for any number.
    requests_per_second: int
    #: Longest statement of a request; 0 for any length.
    statement_seconds: int
    cors_origins: str
    workers: int
    threads: int
    listeners: int
    token_seconds: int
    #: The realm of Pro Santé Connect whose tokens are exchanged, and ourselves as its client; empty for none.
    psc_issuer: str
    psc_client_id: str
    psc_client_secret: str
    max_body_bytes: int
    max_message_bytes: int
    log_level: str
    request_log: bool
    slot_horizon_days: int
    sas_booking_url: str
    communes_file: str
    hold_seconds: int
    audit: str
    audit_folder: str
    audit_key_file: str
    #: A patient has no two bookings of one service at the same time.
    one_booking_at_a_time: bool
    #: How many days a partner's search for slots may span; 0 for any.
    slot_window_days: int
    #: After how many days received and delivered messages are emptied; 0 for never.
    keep_messages_days: int
    #: How long the answer to a request with an Idempotency-Key is kept.
    idempotency_hours: int
    demo: bool
    #: Folder with the operator's creneau.toml, feeds/ and partners/; None for what the package ships.
    config_dir: Path | None = None

    @property
    def issuer(self) -> str:
        """The server's own address without a path: issuer of its tokens."""
        return self.public_url.rstrip("/") or self.local_url

    @property
    def local_url(self) -> str:
        """Where this machine finds the web workers."""
        return f"{'https' if self.tls_certificate else 'http'}://{self.http_host}:{self.http_port}"

    @property
    def base_url(self) -> str:
        """The FHIR base."""
        return f"{self.issuer}/fhir"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def journal_folder(self) -> Path:
        """Where events of the audit trail wait that cost no transaction (`audit.journal`)."""
        if self.audit_folder:
            return Path(self.audit_folder)
        file = self.database_url.partition(":///")[2].partition("?")[0] if self.is_sqlite else ""
        return Path(f"{file}-audit") if file and file != ":memory:" else Path("creneau-audit")

    def audit_key(self) -> bytes:
        """The secret that the audit trail is chained with; empty without one. Raises SettingsError for a bad file."""
        if not self.audit_key_file:
            return b""
        try:
            key = Path(self.audit_key_file).read_bytes().strip()
        except OSError as error:
            raise SettingsError(f"audit_key_file: {error.strerror or type(error).__name__}") from None
        if len(key) < _SHORTEST_KEY:
            raise SettingsError(f"audit_key_file: a secret has at least {_SHORTEST_KEY} characters")
        return key

    @property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1

    @property
    def listener_count(self) -> int:
        """Processes that receive messages: on SQLite one, since it has a single writer anyway."""
        return self.listeners or (1 if self.is_sqlite else os.cpu_count() or 1)

    @property
    def thread_count(self) -> int:
        """Threads a worker: more than one only fight for the interpreter on SQLite, whose reads never wait."""
        return self.threads or (1 if self.is_sqlite else 2)


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings in force. Raises SettingsError for an unknown name or a value of the wrong kind."""
    environment = os.environ if environment is None else environment
    folder = environment.get("CRENEAU_CONFIG_DIR")
    config_dir = Path(folder) if folder else None
    values = tomllib.loads((files("config") / "default.toml").read_text())
    own = config_dir / "creneau.toml" if config_dir else None
    if own and own.exists():
        values |= tomllib.loads(own.read_text())
    values |= {
        name: environment[f"CRENEAU_{name.upper()}"]
        for name in list(values)
        if f"CRENEAU_{name.upper()}" in environment
    }
    values |= {name: value for name, value in overrides.items() if value is not None}
    kinds = {field.name: field.type for field in fields(Settings) if field.name != "config_dir"}
    unknown = sorted(set(values) - set(kinds))
    if unknown:
        raise SettingsError(f"creneau.toml: unknown setting {unknown[0]!r}")
    chosen = {name: _convert(name, value, kinds[name]) for name, value in values.items()}
    if not 1 <= chosen["slot_horizon_days"] <= 366:
        raise SettingsError("slot_horizon_days: a number from 1 to 366")
    if not 1 <= chosen["hold_seconds"] <= 86_400:
        raise SettingsError("hold_seconds: a number from 1 to 86400")
    if chosen["audit"] not in _AUDIT:
        raise SettingsError(f"audit: {chosen['audit']!r} is none of {', '.join(_AUDIT)}")
    if not 0 <= chosen["keep_messages_days"] <= 36_600:
        raise SettingsError("keep_messages_days: a number from 0 to 36600")
    if not 0 <= chosen["slot_window_days"] <= 366:
        raise SettingsError("slot_window_days: a number from 0 to 366")
    if not 1 <= chosen["idempotency_hours"] <= 8_784:
        raise SettingsError("idempotency_hours: a number from 1 to 8784")
    if problem := next(_tls_problems(chosen), None):
        raise SettingsError(problem)
    if chosen["log_level"] not in _LOG_LEVELS:
        raise SettingsError(f"log_level: {chosen['log_level']!r} is none of {', '.join(_LOG_LEVELS)}")
    return Settings(**chosen, config_dir=config_dir)


def _tls_problems(chosen: Mapping[str, Any]) -> Iterator[str]:
    if bool(chosen["tls_certificate"]) != bool(chosen["tls_key"]):
        yield "tls_certificate and tls_key go together"
    if chosen["mutual_tls_port"] and not (chosen["tls_certificate"] and chosen["tls_client_authorities"]):
        yield "mutual_tls_port needs tls_certificate, tls_key and tls_client_authorities"
    if not 0 <= chosen["requests_per_second"] <= 100_000 or not 0 <= chosen["statement_seconds"] <= 3_600:
        yield "requests_per_second is from 0 to 100000, statement_seconds from 0 to 3600"


def config_folder(settings: Settings, name: str) -> Traversable:
    """The folder `feeds`, `partners` or `territory` of the operator, or the package's when there is none."""
    if settings.config_dir and (settings.config_dir / name).is_dir():
        return settings.config_dir / name
    return files("config") / name


def _convert(name: str, value: Any, kind: Any) -> Any:
    if kind is bool and isinstance(value, str):
        if value.lower() not in ("1", "true", "yes", "0", "false", "no"):
            raise SettingsError(f"{name}: {value!r} is neither true nor false")
        return value.lower() in ("1", "true", "yes")
    if kind is int and isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise SettingsError(f"{name}: {value!r} is not a whole number") from None
    if not isinstance(value, kind):
        raise SettingsError(f"{name}: {value!r} is not of type {kind.__name__}")
    return value
