"""Loading: bases, overlays, code tables."""

from pathlib import Path
from shutil import copytree

import mappings
from adapters.mapping.plans import Tables
from adapters.mapping.tables import load

BASE = Path(mappings.__file__).parent


def with_overlay(root: Path, file: str, text: str) -> Tables:
    copytree(BASE, root, dirs_exist_ok=True)
    folder = root / "feeds" / "site"
    folder.mkdir(parents=True)
    (folder / file).write_text(text, encoding="utf-8")
    return load(["site"], root)


def test_overlay_replaces_removes_and_adds_in_front(tmp_path: Path) -> None:
    tables = with_overlay(
        tmp_path,
        "AIL_Location.csv",
        "row,from,to,cell,codes,when,note\n+alias,AIL-3.1,alias[],text,,,\nname,AIL-3.9,name,text,,,\nmode,,,,,,\n",
    )

    assert [(row.key, row.source) for row in tables.rows["AIL_Location"].rows] == [
        ("alias", "AIL-3.1"),
        ("identifier", "AIL-3"),
        ("name", "AIL-3.9"),
    ]
    assert tables.rows["AIL_Location"].rows[2].origin == "feeds/site/AIL_Location.csv:name"


def test_code_table_overlay(tmp_path: Path) -> None:
    tables = with_overlay(
        tmp_path, "appointment_status.csv", "source,target,direction,note\n+RESERVE,booked,in,\nArrived,,,\n"
    )

    table = tables.codes["appointment_status"]

    assert table.inward["reserve"].code == "booked"
    assert "arrived" not in table.inward


def test_code_table_reads_both_ways() -> None:
    table = load().codes["appointment_status"]

    assert table.inward["booked"].code == "booked"
    assert table.inward["overbook"].code == "booked"
    assert table.outward["booked"] == "Booked"
    assert table.target_system == "http://hl7.org/fhir/appointmentstatus"


def test_tables_know_their_triggers() -> None:
    tables = load()

    assert tables.plan("SIU^S12") is tables.plan("SIU^S26")
    assert tables.plan("ADT^A99") is None
    assert tables.outbound_plan("appointment-booked") is not None
    assert tables.outbound_plan("appointment-dreamt") is None
