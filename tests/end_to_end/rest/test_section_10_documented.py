"""The table of behaviours in docs/fhir.md and the tests that bear their numbers."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
#: Behaviours that the table says are not served yet.
LATER = {101, 102, 103}


def test_every_behaviour_is_documented_and_tested() -> None:
    documented = {
        int(number) for number in re.findall(r"^\| (\d+) \|", (ROOT / "docs/fhir.md").read_text(), re.MULTILINE)
    }
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_section_10_*.py"))
    tested = {int(number) for number in re.findall(r"^def test_(\d{3})_", tests, re.MULTILINE)}

    assert set(range(1, 104)) == documented
    assert documented - LATER == tested
