"""Assigning authorities of HL7 v2 (HD) to identifier systems of FHIR (URI), and back.

A feed names the authorities it uses; ISO object identifiers and UUIDs need no name; anything else gets a system of our
own below the feed, so that equal numbers of two senders never meet.
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from adapters.mapping.feed import FeedMapping

#: System of this server's own ids, when a partner sends one back: the value is the logical id of the resource.
OWN_IDS = "urn:creneau:id"

_OID = re.compile(r"[0-2](\.\d+)+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


#: Authorities as long as a message are read, never remembered.
_LONGEST_KEPT = 512


def system(
    feed: FeedMapping, name: str | None, universal: str | None, kind: str | None, identifier_type: str = ""
) -> str:
    """The identifier system of an assigning authority: HD.1 `name`, HD.2 `universal`, HD.3 `kind`.

    The first of: the feed's namespace for the authority and `identifier_type`, for the authority, `urn:oid:` or
    `urn:uuid:` of the universal id, our own namespace below the feed. The feed's namespace for the empty authority
    is for identifiers that name none.
    """
    length = len(name or "") + len(universal or "") + len(kind or "") + len(identifier_type)
    find = _system if length < _LONGEST_KEPT else _system.__wrapped__
    return find(feed, name, universal, kind, identifier_type)


@lru_cache(maxsize=4096)
def _system(feed: FeedMapping, name: str | None, universal: str | None, kind: str | None, identifier_type: str) -> str:
    for named in [part for part in (name, universal) if part] or [""]:
        found = feed.namespaces.get(f"{named}^{identifier_type}") or feed.namespaces.get(named)
        if found:
            return found
    if universal and kind in ("ISO", None) and _OID.fullmatch(universal):
        return f"urn:oid:{universal}"
    if universal and kind == "UUID" and _UUID.fullmatch(universal):
        return f"urn:uuid:{universal.lower()}"
    if name and name == feed.application:
        return OWN_IDS
    if name or universal:
        return _below(feed, quote(name or universal or "", safe=""))
    # Without authority the type keeps placer and filler numbers of two systems apart.
    return _below(feed, f":{quote(identifier_type, safe='')}" if identifier_type else "")


def master_file(feed: FeedMapping, name: str) -> str:
    """The identifier system of the keys (MFE-4) in a feed's master file of that name (MFI-1)."""
    return f"urn:creneau:master:{quote(feed.name, safe='')}:{quote(name, safe='')}"


def _below(feed: FeedMapping, rest: str) -> str:
    return f"urn:creneau:feed:{quote(feed.name, safe='')}:{rest}".rstrip(":")


def authority(feed: FeedMapping, system_uri: str) -> tuple[str, str, str] | None:
    """HD.1, HD.2 and HD.3 for an identifier system, all empty for numbers sent without authority.

    None when the partner has no name for the system: such a number would be taken for one of its own.
    """
    for key, uri in feed.namespaces.items():
        if uri == system_uri:
            name = key.partition("^")[0]
            return ("", name, "ISO") if _OID.fullmatch(name) else (name, "", "")
    if system_uri == OWN_IDS:
        return feed.application, "", ""
    if system_uri.startswith("urn:oid:"):
        return "", system_uri.removeprefix("urn:oid:"), "ISO"
    own = _below(feed, "")
    if system_uri == own or system_uri.startswith(f"{own}::"):
        return "", "", ""
    return (unquote(system_uri[len(own) + 1 :]), "", "") if system_uri.startswith(f"{own}:") else None
