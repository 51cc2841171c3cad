"""XML as a tree of elements, read with expat. No DOCTYPE, hence no entities; few levels; UTF-8 only.

Narratives stay the text they are: cut out of the bytes received, so that nothing of them changes.
"""

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from fhir_server.formats.order import FHIR, XHTML
from fhir_server.kernel.errors import Category, FhirError, fault

#: Deepest nesting of elements, narratives included. FHIR documents stay under 30.
MAX_DEPTH = 64

_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_BLANKS = " \t\r\n"


@dataclass(slots=True)
class Node:
    """One element in FHIR's namespace, or a whole narrative."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    #: The text of a narrative's div, tags and all; None for any other element.
    narrative: str | None = None


def parse(data: bytes) -> Node:
    """The root element of an XML document.

    Raises FhirError: INVALID for what is not XML in UTF-8, has a DOCTYPE, or nests too deep; STRUCTURE for elements
    of a foreign namespace and for text outside a narrative.
    """
    return _Parser(data).parse()


def is_narrative(text: str) -> bool:
    """Whether `text` is one well-formed XHTML div that can stand in XML as it is, and be read back the same."""
    try:
        wrapped = f'<text xmlns="{FHIR}">{text}</text>'.encode()
        return parse(wrapped).children == [Node("div", narrative=text)]
    except (FhirError, UnicodeEncodeError):
        return False


class _Parser:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._root: Node | None = None
        self._open: list[Node] = []
        self._depth = 0
        #: Where the narrative being read begins, and its depth.
        self._div: tuple[int, int] | None = None
        # The byte parser must not guess an encoding: FHIR's XML is UTF-8.
        self._expat = expat.ParserCreate("UTF-8", " ")
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._characters
        self._expat.StartDoctypeDeclHandler = _refuse_doctype
        self._expat.XmlDeclHandler = _check_declaration

    def parse(self) -> Node:
        try:
            # Expat would read UTF-16, too, and narratives are cut out of the bytes.
            self._data.decode("utf-8")
            self._expat.Parse(self._data, True)
        except UnicodeDecodeError as error:
            raise fault(Category.INVALID, f"The body is not UTF-8: byte {error.start} cannot be read.") from None
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            place = f"line {error.lineno}, column {error.offset + 1}"
            raise fault(Category.INVALID, f"The body is not XML: {reason} at {place}.") from None
        if self._root is None:
            raise fault(Category.STRUCTURE, "The body holds no FHIR resource.")
        return self._root

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise fault(Category.INVALID, f"The body nests deeper than {MAX_DEPTH} levels.")
        if self._div is not None:
            return
        namespace, _, name = tag.rpartition(" ")
        if namespace == XHTML and name == "div" and self._open:
            self._div = (self._expat.CurrentByteIndex, self._depth)
        elif namespace == FHIR:
            self._enter(Node(name, {key: value for key, value in attributes.items() if not _is_schema_hint(key)}))
        else:
            raise fault(Category.STRUCTURE, f"Elements belong to the namespace {FHIR}.")

    def _enter(self, node: Node) -> None:
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node
        self._open.append(node)

    def _end(self, _tag: str) -> None:
        if self._div is None:
            self._open.pop()
        elif self._div[1] == self._depth:
            self._open[-1].children.append(Node("div", narrative=self._narrative(self._div[0])))
            self._div = None
        self._depth -= 1

    def _narrative(self, begin: int) -> str:
        """The narrative from its first byte to the > of its end tag; it must say its namespace by itself."""
        close = self._expat.CurrentByteIndex
        text = self._data[begin : self._data.index(b">", close) + 1].decode()
        opening = text.partition(">")[0]
        if close == begin or not text.startswith("<div") or f'"{XHTML}"' not in opening.replace("'", '"'):
            reason = f'A narrative is one div that holds something and says xmlns="{XHTML}" itself.'
            raise fault(Category.STRUCTURE, reason, "text.div")
        return text

    def _characters(self, text: str) -> None:
        if self._div is None and text.strip(_BLANKS):
            raise fault(Category.STRUCTURE, "Text stands outside of a narrative; values are attributes in FHIR's XML.")


def _is_schema_hint(key: str) -> bool:
    return key.startswith(f"{_SCHEMA_INSTANCE} ")


def _refuse_doctype(*_: object) -> NoReturn:
    raise fault(Category.INVALID, "The body has a DOCTYPE, which FHIR's XML must not have.")


def _check_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise fault(Category.INVALID, "FHIR's XML is encoded in UTF-8.")
