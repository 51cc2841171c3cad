"""What the audience of the day reads: each step, what was sent, answered and stored, and whether its promise held."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TextIO

#: Longest line of a message or an answer that is shown whole.
_WIDTH = 108


class StepCutShortError(Exception):
    """A step cannot go on: what it needs is not there. Its text says what."""


@dataclass(slots=True)
class Journal:
    """Writes the day down and counts the promises."""

    out: TextIO
    headings: int = 0
    kept: int = 0
    broken: int = 0

    def heading(self, title: str) -> None:
        """Begin a step."""
        self.headings += 1
        print(f"\n{self.headings}. {title}", file=self.out, flush=True)

    def sent(self, *lines: str) -> None:
        """What went out."""
        self._lines("sent", lines)

    def answered(self, *lines: str) -> None:
        """What came back."""
        self._lines("answered", lines)

    def stored(self, *lines: str) -> None:
        """What can be read back."""
        self._lines("stored", lines)

    def promise(self, text: str, expected: Any, actual: Any) -> None:
        """Check one promise of the step."""
        if expected == actual:
            self.kept += 1
            self._lines("kept", [text])
        else:
            self.fail(f"{text}: expected {expected!r}, found {actual!r}")

    def fail(self, text: str) -> None:
        """A promise that did not hold."""
        self.broken += 1
        self._lines("BROKEN", [text], width=10 * _WIDTH)

    def _lines(self, label: str, lines: Iterable[str], width: int = _WIDTH) -> None:
        for line in lines:
            shown = line if len(line) <= width else f"{line[: width - 1]}…"
            print(f"   {label:<9} {shown}", file=self.out, flush=True)
            label = ""


def summary(resource: dict[str, Any], *elements: str) -> str:
    """One line about a stored resource: its name, version and some of its elements."""
    shown = ", ".join(f"{element} {resource[element]}" for element in elements if element in resource)
    name = f"{resource['resourceType']}/{resource['id']} version {resource['meta']['versionId']}"
    return f"{name}: {shown}" if shown else name
