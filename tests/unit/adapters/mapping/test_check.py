"""Every table proves itself, and what is wrong with one is told by file and row."""

from pathlib import Path
from shutil import copytree

import pytest

import mappings
from adapters.mapping.check import check
from adapters.mapping.tables import load

BASE = Path(mappings.__file__).parent
OVERLAYS = sorted(folder.name for folder in (BASE / "feeds").iterdir() if folder.is_dir())
HEADER = "row,from,to,cell,codes,when,note\n"


def overlaid(root: Path, lines: str, file: str = "SCH_Appointment.csv") -> list[str]:
    copytree(BASE, root, dirs_exist_ok=True)
    folder = root / "feeds" / "site"
    folder.mkdir(parents=True)
    (folder / file).write_text(HEADER + lines, encoding="utf-8")
    return check(load(["site"], root))


def test_base_tables_are_sound() -> None:
    assert check(load()) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_is_sound(overlay: str) -> None:
    assert check(load([overlay])) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sch99,SCH-6,comment,text,,,", "sch99: no base row has this key"),
        ("+start,SCH-6,comment,text,,,", "+start: a base row has this key"),
        ("start,SCH-11.4,strt,instant,,,", "start: Appointment has no element strt"),
        ("start,SCH-11.4,start[],instant,,,", "start: Appointment.start is no list"),
        ("start,SCH-11.44,start,instant,,,", "start: version 2.5 has no SCH-11.44"),
        ("start,SCH-11.4,start,clock,,,", "start: there is no cell clock"),
        ("start,SCH-11.4 SCH-9,start,instant,,,", "start: the cell takes one path"),
        ("reason,SCH-7,reasonCode[],concept,event_reason,,", "reason: the cell concept needs 2 code tables"),
        ("reason,SCH-7.1,reasonCode[],concept,event_reason coding_systems,,", "reason: the cell takes a whole field"),
        ("status,SCH-25,status,code,unheard,,", "status: there is no code table unheard"),
        ("start,SCH-11.4,start,instant,,if SCH-9,", "start: not a condition: 'if SCH-9'"),
        ("placer_order,@nobody,basedOn[],reference,,,", "placer_order: the plan has no resource nobody"),
        ("start,SCH-11.4,start,instant", "start: the number of columns differs from the header's"),
    ],
)
def test_faulty_row_is_named(tmp_path: Path, line: str, problem: str) -> None:
    assert f"feeds/site/SCH_Appointment.csv:{problem}" in overlaid(tmp_path, line + "\n")


def test_overlay_of_no_table_is_named(tmp_path: Path) -> None:
    assert overlaid(tmp_path, "", "SCH_Flag.csv") == ["feeds/site/SCH_Flag.csv: there is no base table of this name"]


def test_missing_overlay_is_named() -> None:
    assert check(load(["nowhere"])) == ["feeds/nowhere: there is no such overlay"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("start,Appointment.begin,SCH-11.4,dtm,,,", "start: Appointment has no element begin"),
        ("start,Appointment.start,AIS-4,dtm,,,", "start: AIS-4 is not in SCH"),
        ("placer,feed.owner,SCH-1,text,,,", "placer: there is no feed.owner"),
    ],
)
def test_faulty_outbound_row_is_named(tmp_path: Path, line: str, problem: str) -> None:
    problems = overlaid(tmp_path, line + "\n", "Appointment_SCH.csv")

    assert f"feeds/site/Appointment_SCH.csv:{problem}" in problems


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("by_element = true\n", "encounter: `everywhere` goes with `by_element`"),
        ('keys = ["VN", "AN"]\n', "encounter: VN in `distinct` is no key"),
    ],
)
def test_faulty_plan_is_named(tmp_path: Path, line: str, problem: str) -> None:
    copytree(BASE, tmp_path, dirs_exist_ok=True)
    plan = tmp_path / "inbound" / "ADT.toml"
    text = plan.read_text(encoding="utf-8")
    start = text.index('name = "encounter"')
    changed = text[start:].replace(line, "everywhere = true\n" if "by_element" in line else 'keys = ["AN"]\n')
    plan.write_text(text[:start] + changed, encoding="utf-8")

    assert check(load([], tmp_path)) == [f"inbound/ADT.toml:{problem}"]
