"""The table of behaviours in docs/fhir.md and the tests that bear their numbers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
#: Behaviours that the table says are not served yet.
LATER = {101, 102, 103}


def test_every_behaviour_is_documented_and_tested() -> None:
    documented = {
        int(number) for number in re.findall(r"^\| (\d+) \|", (ROOT / "docs/fhir.md").read_text(), re.MULTILINE)
    }
    tested = {int(test.name[5:8]) for test in numbered()}

    assert set(range(1, 104)) == documented
    assert documented - LATER == tested


def test_every_numbered_test_asks_a_live_server_of_each_kind() -> None:
    # `api` is there once over SQLite and once over PostgreSQL.
    assert [] == [test.name for test in numbered() if "api" not in {argument.arg for argument in test.args.args}]
    assert [] == [test.name for test in numbered() if not any(isinstance(node, ast.Assert) for node in ast.walk(test))]


def numbered() -> Iterator[ast.FunctionDef]:
    """The tests that bear a behaviour's number."""
    for path in Path(__file__).parent.glob("test_section_10_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and re.match(r"test_\d{3}_", node.name):
                yield node
