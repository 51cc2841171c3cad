"""What stands above and below: codes of the code systems that R4 defines with a hierarchy, and URLs.

`hierarchies.csv` holds the hierarchical code systems of R4's required bindings, and the part of v3 ActCode that R4 uses
for the class of an encounter: one row for each code under another. https://www.hl7.org/fhir/R4/search.html#modifiers
"""

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from fhir_server.search.folding import fold_code

Codes = Mapping[tuple[str, str], tuple[str, ...]]


def above(system: str, code: str, *, is_listed: bool) -> list[str] | None:
    """The code and what it falls under, folded; None for a system whose hierarchy is not known.

    `is_listed`: the system is that of a `code` element; when it is not in the table it has no hierarchy.
    """
    return _reached(_tables()[0], system, code, is_listed=is_listed)


def below(system: str, code: str, *, is_listed: bool) -> list[str] | None:
    """The code and what falls under it, folded; None as for `above`."""
    return _reached(_tables()[1], system, code, is_listed=is_listed)


def ancestors(url: str) -> list[str]:
    """The URL and what is above it, with and without a slash at the end.

    >>> ancestors("http://a.org/b/c")
    ['http://a.org/b/c', 'http://a.org/b/', 'http://a.org/b', 'http://a.org/', 'http://a.org']
    """
    scheme, mark, rest = url.partition("://")
    segments = rest.split("/")
    stems = [scheme + mark + "/".join(segments[:count]) for count in range(len(segments) - 1, 0, -1)]
    return list(dict.fromkeys([url, *(form for stem in stems for form in (f"{stem}/", stem))]))


def _reached(edges: Codes, system: str, code: str, *, is_listed: bool) -> list[str] | None:
    if not is_listed and system not in {known for known, _ in edges}:
        return None
    found = [code]
    for one in found:
        found += [other for other in edges.get((system, one), ()) if other not in found]
    return found


@cache
def _tables() -> tuple[Codes, Codes]:
    text = files(__package__).joinpath("hierarchies.csv").read_text(encoding="utf-8")
    rows = [(row["system"], fold_code(row["code"]), fold_code(row["parent"])) for row in csv.DictReader(text.split())]
    return (
        _edges((system, code, parent) for system, code, parent in rows),
        _edges((system, parent, code) for system, code, parent in rows),
    )


def _edges(rows: Iterable[tuple[str, str, str]]) -> Codes:
    found: dict[tuple[str, str], list[str]] = {}
    for system, start, end in rows:
        found.setdefault((system, start), []).append(end)
    return {key: tuple(codes) for key, codes in found.items()}
