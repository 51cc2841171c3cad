"""The habits of the house, checked like any other promise."""

import subprocess
import sys
from pathlib import Path

import pytest

from fhir_server.kernel.errors import Category
from fhir_server.settings import Settings

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("fhir_server", "adapters") for path in (ROOT / folder).rglob("*.py"))
TOOLS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy --strict": ["mypy"],
    "import floors": ["importlinter.cli"],
}
#: HL7 tables 0008 and 0357; HTTP statuses and issue codes of FHIR R4.
ACK_CODES = {"AE", "AR"}
ERROR_CODES = {"100", "101", "102", "103", "104", "198", "199", *map(str, range(200, 208))}


@pytest.mark.parametrize("name", TOOLS)
def test_the_tools_have_nothing_to_say(name: str) -> None:
    module, *arguments = TOOLS[name]
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    if module != "importlinter.cli":
        command = [sys.executable, "-m", module, *arguments]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_small_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()

    assert len(text.splitlines()) <= 300
    assert not text.strip() or text.lstrip().startswith('"""')


@pytest.mark.parametrize("name", ["utils", "common", "helpers", "data", "info", "manager", "misc"])
def test_no_room_has_a_name_that_says_nothing(name: str) -> None:
    assert [path for path in MODULES if name in (path.stem, path.parent.name)] == []


@pytest.mark.parametrize("category", Category, ids=lambda category: category.name)
def test_every_error_can_be_told_in_every_protocol(category: Category) -> None:
    assert 400 <= category.http_status <= 599
    assert category.ack_code in ACK_CODES
    assert category.hl7_code in ERROR_CODES


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()

    names = [name for name in Settings.__dataclass_fields__ if name != "config_dir"]
    assert [name for name in names if f"`{name}`" not in documented] == []


def test_every_decision_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("0*.md")]

    assert sorted(numbers) == [f"{number:04d}" for number in range(1, len(numbers) + 1)]
