"""Extensions that are made of extensions: their parts by name, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One extension and where it stands: `Schedule.extension[2].extension[0]`."""

    content: Json
    path: str

    def parts(self, *names: str) -> Iterator["Part"]:
        """The extensions in it of these URLs, in order."""
        for number, one in enumerate(self.content.get("extension", ())):
            if one.get("url") in names:
                yield Part(one, f"{self.path}.extension[{number}]")

    def first(self, name: str) -> "Part | None":
        """The first extension in it of that URL."""
        return next(self.parts(name), None)

    @property
    def value(self) -> Any:
        """Its value, of whatever type; None when it has none."""
        return next((value for name, value in self.content.items() if name.startswith("value")), None)

    @property
    def code(self) -> str:
        """Its value as a code, whether it is written as one, as a text or as a Coding; empty when it is none."""
        value = self.value.get("code") if isinstance(self.value, dict) else self.value
        return value if isinstance(value, str) else ""
