"""Feeds: the partners that speak HL7 v2, each one file of config/feeds. docs/feeds.md describes the file.

`CRENEAU_FEED_<NAME>_PORT` and `CRENEAU_FEED_<NAME>_SEND_PORT` (with `_HOST` likewise) override where a feed listens
and sends.
"""

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from adapters import lines
from adapters.hl7v2.definitions import DEFAULT_VERSION
from adapters.hl7v2.modes import ENHANCED, MODES, ORIGINAL
from adapters.lines import Line, Wire
from adapters.mapping import fixers as fixing
from adapters.mapping import tables as table_files
from adapters.mapping.feed import FeedMapping, Fixer
from adapters.mapping.plans import Tables
from fhir_server.kernel.audiences import AUDIENCES, EVERYONE, HOLDERS
from fhir_server.kernel.origins import ORIGINS
from fhir_server.registry.model import Route
from fhir_server.settings import Settings, SettingsError, config_folder

#: Versions that can be sent: those that know appointments.
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")


@dataclass(frozen=True, slots=True)
class Send:
    """What a feed wants to be told, and where."""

    host: str
    port: int
    #: MSH-5 and MSH-6 of what we send.
    application: str
    facility: str
    events: frozenset[str]
    #: MSH-18 of what we send.
    charset: str
    #: MSH-12 of what we send, and whether its times carry their offset.
    version: str
    with_offset: bool
    #: Told of referrals whoever sent them; otherwise only of those that came from here.
    has_all_referrals: bool
    wire: Wire


@dataclass(frozen=True, slots=True)
class Feed:
    """One partner's HL7 v2 interface."""

    name: str
    #: In whose name its messages act.
    owner: str
    #: Where what it sends comes from, for figures: one of `kernel.origins`.
    origin: str
    host: str
    port: int
    line: Line
    #: It may send over HTTP too, as the client that is its owner.
    has_http: bool
    #: Sending facilities (MSH-4) accepted; none: any.
    facilities: frozenset[str]
    #: IANA zone of times without an offset.
    zone: str
    #: HL7 table 0211 name of the character set when MSH-18 is empty.
    charset: str
    #: Folders of mappings/feeds whose rows replace ours, in order.
    overlays: tuple[str, ...]
    #: What puts its messages right before they are mapped, in order.
    fixers: tuple[Fixer, ...]
    #: Who we are to it: MSH-3 and MSH-4 of what we send and answer.
    application: str
    facility: str
    #: Assigning authority (HD.1 or HD.2) -> identifier system URI.
    namespaces: Mapping[str, str]
    #: Its ADT messages change what is known of patients; other feeds only fill gaps.
    is_identity_source: bool
    #: Codes of R314 whose slots its requests find and take, and holders in whose name they take those that are kept.
    audiences: frozenset[str]
    direct_access: frozenset[str]
    #: Types of message whose unknown events are taken without effect.
    accepts_unknown_events: frozenset[str]
    #: Types of message that it wants answered by a plain ACK.
    plain_answers: frozenset[str]
    #: How it wants to be answered: `adapters.hl7v2.modes.MODES`.
    ack_mode: str
    send: Send | None

    @property
    def channel(self) -> str:
        """Its name as origin of changes and destination of deliveries."""
        return f"feed:{self.name}"

    def mapping(self) -> FeedMapping:
        """What the mapping tables must know of it."""
        return FeedMapping(
            name=self.name,
            zone=self.zone,
            charset=self.send.charset if self.send else self.charset,
            application=self.application,
            facility=self.facility,
            namespaces=self.namespaces,
            is_identity_source=self.is_identity_source,
            accepts_unknown_events=self.accepts_unknown_events,
            plain_answers=self.plain_answers,
            receiving_application=self.send.application if self.send else "",
            receiving_facility=self.send.facility if self.send else "",
            version=self.send.version if self.send else "",
            with_offset=self.send.with_offset if self.send else False,
            fixers=self.fixers,
        )

    def route(self) -> Route | None:
        """The route of what it wants to be told; None when it wants nothing."""
        return Route(self.channel, self.send.events, self.send.has_all_referrals) if self.send else None


def load(settings: Settings, environment: Mapping[str, str] | None = None) -> tuple[Feed, ...]:
    """Every feed, by name. Raises SettingsError naming the file and what is wrong with it."""
    folder = config_folder(settings, "feeds")
    entries = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name
    )
    return tuple(_read(entry, os.environ if environment is None else environment) for entry in entries)


def tables(settings: Settings, overlays: Sequence[str]) -> Tables:
    """The mapping tables with these overlays, from the operator's `overlays/` or the package's."""
    own = settings.config_dir / "overlays" if settings.config_dir else None
    return table_files.load(overlays, own=own)


def _read(entry: Traversable, environment: Mapping[str, str]) -> Feed:
    name = entry.name.removesuffix(".toml")
    try:
        return _feed(name, tomllib.loads(entry.read_text("utf-8")), _Overrides(name, environment))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"feeds/{entry.name}: {error}") from None
    except KeyError as error:
        raise SettingsError(f"feeds/{entry.name}: {error.args[0]} is missing") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"feeds/{entry.name}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Overrides:
    """What the environment says instead of the file."""

    feed: str
    environment: Mapping[str, str]

    def get(self, suffix: str, value: Any) -> str:
        name = f"CRENEAU_FEED_{self.feed.upper().replace('-', '_')}_{suffix}"
        return str(self.environment.get(name, value))


def _feed(name: str, row: dict[str, Any], overrides: _Overrides) -> Feed:
    listen, identity = row["listen"], row["identity"]
    return Feed(
        name=name,
        owner=overrides.get("OWNER", row["owner"]),
        origin=_origin(row),
        host=overrides.get("HOST", listen["host"]),
        port=int(overrides.get("PORT", listen["port"])),
        line=lines.line(listen),
        has_http=bool(row.get("http", False)),
        facilities=frozenset(listen.get("facilities", ())),
        zone=row.get("zone", "Europe/Paris"),
        charset=row.get("charset", "8859/15"),
        overlays=tuple(row.get("overlays", ())),
        fixers=tuple(_fixer(one) for one in row.get("fixer", ())),
        application=identity["application"],
        facility=identity["facility"],
        namespaces=dict(row.get("namespaces", {})),
        is_identity_source=bool(row.get("is_identity_source", False)),
        audiences=_codes(row, "audiences", AUDIENCES, EVERYONE),
        direct_access=_codes(row, "direct_access", HOLDERS, ()),
        accepts_unknown_events=frozenset(row.get("accept_unknown_events", ())),
        plain_answers=frozenset(row.get("plain_answers", ())),
        ack_mode=_ack_mode(row),
        send=_send(row["send"], overrides) if "send" in row else None,
    )


def _origin(row: dict[str, Any]) -> str:
    origin = str(row.get("origin", "hospital"))
    if origin not in ORIGINS:
        raise ValueError(f"origin is one of {', '.join(ORIGINS)}")
    return origin


def _codes(row: dict[str, Any], member: str, known: Mapping[str, int], default: Iterable[str]) -> frozenset[str]:
    found = row.get(member, list(default))
    if not isinstance(found, list) or not all(isinstance(code, str) and code in known for code in found):
        raise ValueError(f"{member} is not a list of {', '.join(known)}")
    return frozenset(found)


def _ack_mode(row: dict[str, Any]) -> str:
    mode = str(row.get("ack_mode", ORIGINAL))
    if mode not in MODES:
        raise ValueError(f"ack_mode is one of {', '.join(sorted(MODES))}")
    if mode == ENHANCED and "send" not in row:
        raise ValueError("ack_mode `enhanced` needs a [send] section: application answers go there")
    return mode


def _fixer(row: dict[str, str]) -> Fixer:
    fixer = Fixer(**row)
    for problem in fixing.problems(fixer):
        raise ValueError(f"fixer at {fixer.at}: {problem}")
    return fixer


def _version(text: str) -> str:
    if text not in VERSIONS:
        raise ValueError(f"send.version is one of {', '.join(VERSIONS)}")
    return text


def _send(row: dict[str, Any], overrides: _Overrides) -> Send:
    return Send(
        host=overrides.get("SEND_HOST", row["host"]),
        port=int(overrides.get("SEND_PORT", row["port"])),
        application=row["application"],
        facility=row["facility"],
        events=frozenset(row["events"]),
        charset=row.get("charset", "UNICODE UTF-8"),
        version=_version(str(row.get("version", DEFAULT_VERSION))),
        with_offset=bool(row.get("with_offset", False)),
        has_all_referrals=bool(row.get("all_referrals", False)),
        wire=lines.wire(row),
    )
