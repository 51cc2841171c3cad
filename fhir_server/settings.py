"""Settings: defaults from config/default.toml, then the operator's creneau.toml, then CRENEAU_* variables."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

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
    cors_origins: str
    workers: int
    threads: int
    listeners: int
    token_seconds: int
    max_body_bytes: int
    max_message_bytes: int
    log_level: str
    request_log: bool
    slot_horizon_days: int
    demo: bool
    #: Folder with the operator's creneau.toml, feeds/ and partners/; None for what the package ships.
    config_dir: Path | None = None

    @property
    def issuer(self) -> str:
        """The server's own address without a path: issuer of its tokens."""
        return self.public_url.rstrip("/") or f"http://{self.http_host}:{self.http_port}"

    @property
    def base_url(self) -> str:
        """The FHIR base."""
        return f"{self.issuer}/fhir"

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

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
    if chosen["log_level"] not in _LOG_LEVELS:
        raise SettingsError(f"log_level: {chosen['log_level']!r} is none of {', '.join(_LOG_LEVELS)}")
    return Settings(**chosen, config_dir=config_dir)


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
