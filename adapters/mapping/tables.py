"""Load the mapping tables and lay the overlays of a feed over them.

Base files: `inbound/*.{toml,csv}`, `outbound/*.{toml,csv}`, `answers/*.{toml,csv}`, `codes/*.csv` with
`codes/systems.toml`. An overlay is a folder `feeds/<overlay>/` holding CSV files of the same names, whose rows replace
base rows by key.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from adapters.mapping.codes import code_table
from adapters.mapping.plans import (
    AnswerPlan,
    CodeTable,
    Editing,
    Keep,
    MessagePlan,
    OutboundPlan,
    ReadAs,
    Refusal,
    Replacing,
    Request,
    Required,
    ResourcePlan,
    Row,
    RowTable,
    SegmentPlan,
    Tables,
)

Line = dict[str, str]


def load(overlays: Sequence[str] = (), root: Traversable | None = None, own: Traversable | None = None) -> Tables:
    """The tables with `overlays` laid over them, later ones on top; the operator's folder `own` is looked into first.

    Raises OSError, KeyError or ValueError for files that are no tables; `check.check` tells what else is wrong.
    """
    root = files("mappings") if root is None else root
    problems: list[str] = []
    sheets = dict(_base_sheets(root, problems))
    for overlay in overlays:
        is_own = own is not None and (own / overlay).is_dir()
        _lay((own if is_own and own else root / "feeds") / overlay, f"feeds/{overlay}", sheets, problems)
    systems = _toml(root / "codes" / "systems.toml")
    return Tables(
        inbound=tuple(_message_plan(name, text) for name, text in _plans(root, "inbound")),
        outbound=tuple(_outbound_plan(name, text) for name, text in _plans(root, "outbound")),
        answers=tuple(_answer_plan(name, text) for name, text in _plans(root, "answers")),
        rows={name: _row_table(name, lines) for name, (kind, lines) in sheets.items() if kind != "codes"},
        codes=_code_tables(sheets, systems),
        problems=tuple(problems),
    )


def _base_sheets(root: Traversable, problems: list[str]) -> Iterator[tuple[str, tuple[str, dict[str, Line]]]]:
    for kind in ("inbound", "outbound", "answers", "codes"):
        for file in _files(root / kind, ".csv"):
            name = file.name.removesuffix(".csv")
            yield name, (kind, _lines(file, f"{kind}/{file.name}", problems))


def _lines(file: Traversable, path: str, problems: list[str]) -> dict[str, Line]:
    """The lines of a CSV file by key, which is the first column; each gets its `origin`."""
    reader = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8")))
    key_column = (reader.fieldnames or [""])[0]
    lines: dict[str, Line] = {}
    for line in reader:
        key = line[key_column]
        if None in line or None in line.values():
            problems.append(f"{path}:{key}: the number of columns differs from the header's")
        if key in lines:
            problems.append(f"{path}:{key}: the key stands twice")
        lines[key] = {**{name: value or "" for name, value in line.items() if name}, "origin": f"{path}:{key}"}
    return lines


def _lay(folder: Traversable, path: str, sheets: dict[str, tuple[str, dict[str, Line]]], problems: list[str]) -> None:
    if not folder.is_dir():
        problems.append(f"{path}: there is no such overlay")
        return
    for file in _files(folder, ".csv"):
        name = file.name.removesuffix(".csv")
        over = _lines(file, f"{path}/{file.name}", problems)
        if name not in sheets:
            problems.append(f"{path}/{file.name}: there is no base table of this name")
            continue
        kind, base = sheets[name]
        sheets[name] = (kind, _merged(base, over, problems))


def _merged(base: Mapping[str, Line], over: Mapping[str, Line], problems: list[str]) -> dict[str, Line]:
    """Base lines with those of an overlay: replaced in place, removed (nothing in `to`), or added in front (`+key`)."""
    added = {key: line for key, line in over.items() if key.startswith("+")}
    replaced = {key: line for key, line in over.items() if key not in added}
    problems += [f"{line['origin']}: no base row has this key" for key, line in replaced.items() if key not in base]
    problems += [f"{line['origin']}: a base row has this key" for key, line in added.items() if key[1:] in base]
    merged = {key[1:]: line for key, line in added.items()} | {key: replaced.get(key, base[key]) for key in base}
    return {key: line for key, line in merged.items() if line.get("to", line.get("target")) or key not in replaced}


def _row_table(name: str, lines: Mapping[str, Line]) -> RowTable:
    rows = tuple(
        Row(
            key=key,
            source=line.get("from", ""),
            target=line.get("to", ""),
            cell=line.get("cell", ""),
            codes=tuple(line.get("codes", "").split()),
            when=line.get("when", ""),
            note=line.get("note", ""),
            origin=line["origin"],
        )
        for key, line in lines.items()
    )
    return RowTable(name, rows)


def _code_tables(sheets: Mapping[str, tuple[str, dict[str, Line]]], systems: Mapping[str, Any]) -> dict[str, CodeTable]:
    return {
        name: code_table(name, systems.get(name, {}), lines)
        for name, (kind, lines) in sheets.items()
        if kind == "codes"
    }


def _plans(root: Traversable, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in _files(root / kind, ".toml"):
        yield f"{kind}/{file.name}", _toml(file)


def _message_plan(origin: str, plan: Mapping[str, Any]) -> MessagePlan:
    return MessagePlan(
        origin=origin,
        triggers=frozenset(plan["triggers"]),
        version=plan.get("version", "2.5"),
        at=tuple(plan.get("at", ())),
        once=tuple(plan.get("once", ())),
        resources=tuple(_resource_plan(resource) for resource in plan["resource"]),
        groups=tuple(plan.get("groups", ())),
        read_as=tuple(
            ReadAs(frozenset(row["triggers"]), row["when"], row["trigger"]) for row in plan.get("read_as", ())
        ),
        replacing=Replacing(**plan["replacing"]) if "replacing" in plan else None,
        refuse=tuple(
            Refusal(
                frozenset(row.get("triggers", ())), row.get("several", ""), row.get("when", ""), row["at"], row["text"]
            )
            for row in plan.get("refuse", ())
        ),
    )


def _resource_plan(plan: Mapping[str, Any]) -> ResourcePlan:
    mode = plan["mode"]
    return ResourcePlan(
        name=plan["name"],
        type=plan["type"],
        tables=tuple(plan["tables"]),
        each=plan.get("each", ""),
        when=plan.get("when", ""),
        triggers=frozenset(plan.get("triggers", ())),
        keys=tuple(plan["keys"]),
        key_at=plan["key_at"],
        unkeyed=_by_trigger(plan["unkeyed"]),
        mode=mode,
        mode_elsewhere=plan.get("mode_elsewhere", mode),
        refuse_unseen=frozenset(plan.get("refuse_unseen", ())),
        defaults=plan.get("defaults", {}),
        initial=plan.get("initial", {}),
        required=tuple(
            Required(row["element"], row["at"], frozenset(row.get("triggers", ())), row.get("unless", ""))
            for row in plan.get("required", ())
        ),
        together=tuple(tuple(names) for names in plan.get("together", ())),
        keep=tuple(
            Keep(row["element"], row["when"], frozenset(row.get("triggers", ()))) for row in plan.get("keep", ())
        ),
        by_element=bool(plan.get("by_element", False)),
        distinct=tuple(plan.get("distinct", ())),
        everywhere=bool(plan.get("everywhere", False)),
        unless=plan.get("unless", ""),
        shell={trigger: tuple(names) for trigger, names in plan.get("shell", {}).items()},
        request=Request(**plan["request"]) if "request" in plan else None,
        within=tuple(plan.get("within", ())),
        only_known=bool(plan.get("only_known", False)),
        replaced=plan.get("replaced", {}),
        editing=tuple(
            Editing(row["element"], row["by"], frozenset(row.get("triggers", ()))) for row in plan.get("editing", ())
        ),
    )


def _by_trigger(value: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"*": value} if isinstance(value, str) else value


def _outbound_plan(origin: str, plan: Mapping[str, Any]) -> OutboundPlan:
    return OutboundPlan(
        origin=origin,
        events=plan["events"],
        structure=plan["structure"],
        version=plan.get("version", "2.5"),
        focus=plan["focus"],
        segments=tuple(_segment_plan(row) for row in plan["segment"]),
        follow=tuple(plan.get("follow", ())),
    )


def _answer_plan(origin: str, plan: Mapping[str, Any]) -> AnswerPlan:
    return AnswerPlan(
        origin=origin,
        triggers=frozenset(plan["triggers"]),
        type=plan["type"],
        event=plan.get("event", ""),
        structure=plan["structure"],
        version=plan.get("version", "2.5"),
        of=plan.get("of", ""),
        focus=plan.get("focus", ""),
        segments=tuple(_segment_plan(row) for row in plan.get("segment", ())),
    )


def _segment_plan(row: Mapping[str, Any]) -> SegmentPlan:
    return SegmentPlan(
        name=row["name"],
        table=row.get("table", ""),
        each=row.get("each", ""),
        reference=row.get("reference", ""),
        type=row.get("type", ""),
        when=row.get("when", ""),
        of=row.get("of", ""),
        request=row.get("request", ""),
        is_always=bool(row.get("always", False)),
    )


def _files(folder: Traversable, ending: str) -> list[Traversable]:
    return sorted((file for file in folder.iterdir() if file.name.endswith(ending)), key=lambda file: file.name)


def _toml(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))
