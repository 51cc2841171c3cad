"""Blocks of a document that can be pasted into a shell, and what it promises that they print."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Between the outputs of two blocks.
MARK = "=== end of block ==="


@dataclass(frozen=True)
class Block:
    """What is pasted, and what is promised to be printed; `…` stands for anything."""

    title: str
    commands: str
    promised: str

    def keeps_its_promise(self, printed: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.promised.split("…"))
        return re.fullmatch(pattern, printed) is not None


def blocks(document: str, heading: str) -> list[Block]:
    """The blocks of a section, each with a bold title before it and its output behind it."""
    section = (ROOT / document).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"\*\*(.+?)\*\*(?:(?!```).)*?```sh\n(.*?)```\n\n```text\n(.*?)```", section, re.DOTALL)
    assert len(re.findall("^```sh$", section, re.MULTILINE)) == len(found)
    return [Block(*parts) for parts in found]


def script(pasted: list[Block]) -> str:
    """One shell script of all blocks, which stops at the first command that fails."""
    return "set -euo pipefail\n" + "".join(f"{block.commands}\necho '{MARK}'\n" for block in pasted)
