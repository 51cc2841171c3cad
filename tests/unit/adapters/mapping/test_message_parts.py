"""Messages read part by part: where a part begins, what it holds, and what `check` says of plans that do so."""

from pathlib import Path
from shutil import copytree

import pytest

import mappings
from adapters.hl7v2.parse import parse
from adapters.mapping.check import check
from adapters.mapping.parts import cut
from adapters.mapping.tables import load

BASE = Path(mappings.__file__).parent


@pytest.mark.parametrize(
    ("names", "parts", "reason"),
    [
        ("PID ORC OBR NTE ORC OBR", ["ORC OBR NTE", "ORC OBR"], "an ORC with its OBR"),
        ("PID ORC OBR OBR", ["ORC OBR", "OBR"], "another OBR"),
        ("PID OBR OBR", ["OBR", "OBR"], "no ORC at all"),
        ("PID ORC ORC TQ1 OBR", ["ORC", "ORC TQ1 OBR"], "an ORC alone"),
        ("PID OBR ORC", ["OBR", "ORC"], "an OBR without ORC does not take the next one's"),
        ("PID NTE", [], "nothing of the kind"),
    ],
)
def test_where_parts_begin(names: str, parts: list[str], reason: str) -> None:
    message = parse("\r".join([r"MSH|^~\&|A", *(f"{name}|1" for name in names.split())]).encode())

    found = cut(message, ("ORC", "OBR"))

    assert [" ".join(one.name for one in part.own) for part in found] == parts, reason
    assert all(one.name in ("MSH", "PID") for part in found for one in part.head)


def test_a_part_is_read_before_the_head() -> None:
    message = parse(b"MSH|^~\\&|A\rNTE|1\rORC|1\rNTE|2\rORC|2\r")

    first, second = cut(message, ("ORC",))

    assert [one.get("1") for one in first.named("NTE")] == ["2"]
    assert [one.get("1") for one in second.named("NTE")] == ["1"]
    assert second.own_named("NTE") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("inbound/ORM.toml", 'within = ["ORC", "OBR"]', 'within = ["OXC"]', "order: there is no segment OXC in"),
        ("inbound/MFN_M15.toml", "[replacing]", "[unheard]", "device: `replaced` needs the plan's `replacing`"),
        ("inbound/MFN_M15.toml", 'file = "MFI-1.1"', 'file = "MFI-99"', "version 2.5 has no MFI-99"),
        ("inbound/MFN_M15.toml", 'status = "inactive"', 'state = "gone"', "device: Device has no element state"),
        (
            "inbound/REF.toml",
            "only_known = true",
            'only_known = true\nrefuse_unseen = ["REF^I12"]',
            "visit: `only_known` and `refuse_unseen` exclude each other",
        ),
        ("answers/ORR.toml", 'of = "order asked"', 'of = "order nobody"', "the plan of ORM^O01 has no resource nobody"),
    ],
)
def test_faulty_plan_is_named(tmp_path: Path, file: str, old: str, new: str, problem: str) -> None:
    copytree(BASE, tmp_path, dirs_exist_ok=True)
    plan = tmp_path / file
    text = plan.read_text(encoding="utf-8")
    assert old in text
    plan.write_text(text.replace(old, new), encoding="utf-8")

    assert any(problem in one for one in check(load([], tmp_path)))
