"""Fields and what they hold: repetitions, components, subcomponents, each counted from 1 (HL7 2.5 section 2.7)."""

from typing import Final

from adapters.hl7v2.escape import Delimiters, Notation


class Null(str):
    """The explicit null of HL7 v2: the sender asks to delete the value."""

    __slots__ = ()


#: What a position holding `""` reads as; compare with `is NULL`.
NULL: Final = Null('""')


class Part:
    """A piece of a field: `raw` as sent, `text` unescaped with whatever structure it holds."""

    __slots__ = ("notation", "raw")

    def __init__(self, raw: str, notation: Notation) -> None:
        self.raw = raw
        self.notation = notation

    def __bool__(self) -> bool:
        return self.raw != ""

    def __repr__(self) -> str:
        # Without the value: a repr ends up in logs.
        return f"<{type(self).__name__} of {len(self.raw)} characters>"

    @property
    def text(self) -> str | None:
        """The whole text of this piece; None when empty, NULL for an explicit null."""
        return text_of(self.raw, self.notation)

    @property
    def is_null(self) -> bool:
        """Whether this piece is an explicit null."""
        return self.raw == '""'


class Component(Part):
    """A component; its subcomponents count from 1."""

    __slots__ = ()

    @property
    def subcomponents(self) -> list[Part]:
        return [Part(raw, self.notation) for raw in _split(self.raw, self.notation.delimiters.subcomponent)]

    def __getitem__(self, number: int) -> Part:
        return Part(nth(self.raw, self.notation.delimiters.subcomponent, number), self.notation)


class Repetition(Part):
    """One repetition of a field; its components count from 1."""

    __slots__ = ()

    @property
    def components(self) -> list[Component]:
        return [Component(raw, self.notation) for raw in _split(self.raw, self.notation.delimiters.component)]

    def __getitem__(self, number: int) -> Component:
        return Component(nth(self.raw, self.notation.delimiters.component, number), self.notation)

    def get(self, component: int = 1, subcomponent: int = 1) -> str | None:
        """Text of one leaf: None when absent or empty, NULL for an explicit null."""
        delimiters = self.notation.delimiters
        raw = nth(self.raw, delimiters.component, component)
        return text_of(nth(raw, delimiters.subcomponent, subcomponent), self.notation)


class Field(Part):
    """A field; its repetitions count from 1."""

    __slots__ = ()

    @property
    def repetitions(self) -> list[Repetition]:
        """Every repetition, empty ones too, so that numbers stay true; none for an empty field."""
        if not self.raw:
            return []
        return [Repetition(raw, self.notation) for raw in _split(self.raw, self.notation.delimiters.repetition)]

    def __getitem__(self, number: int) -> Repetition:
        return Repetition(nth(self.raw, self.notation.delimiters.repetition, number), self.notation)


class Delimiting(Field):
    """MSH-1 or MSH-2: the delimiters stand there for themselves."""

    __slots__ = ()

    @property
    def text(self) -> str:
        return self.raw

    @property
    def repetitions(self) -> list[Repetition]:
        return [Repetition(self.raw, Notation(Delimiters("", "", "", "", "")))]

    def __getitem__(self, number: int) -> Repetition:
        return self.repetitions[0]


def text_of(raw: str, notation: Notation) -> str | None:
    """The text of raw text: None when empty, NULL for an explicit null."""
    if not raw:
        return None
    return NULL if raw == '""' else notation.unescape(raw)


def _split(raw: str, delimiter: str) -> list[str]:
    return raw.split(delimiter) if delimiter else [raw]


def nth(raw: str, delimiter: str, number: int) -> str:
    """The piece at `number`, empty when absent; without the delimiter all of `raw` is the first piece."""
    if delimiter and delimiter in raw:
        parts = raw.split(delimiter, number)
        return parts[number - 1] if number <= len(parts) else ""
    return raw if number == 1 else ""
