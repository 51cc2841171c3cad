"""FHIR primitive types as JSON Schema, and what each asks for in words.

Expressions of dates, oid and uuid are those of the definitions; a row here stands where they are too lax or too strict.
https://www.hl7.org/fhir/R4/datatypes.html#primitive
"""

from collections.abc import Mapping
from typing import Any

#: A definition's name with this ending also allows null, as arrays of primitives do: `{"given": ["A", null]}`.
OR_NULL = ".or-null"

_MAX_INTEGER = 2_147_483_647
# Characters under U+0020 other than tab, line feed and carriage return are not FHIR text. The definitions' expression
# would also refuse a no-break space, which French text is full of: its \s is ASCII, that of our engine is Unicode.
_TEXT = r"[^\x00-\x08\x0B\x0C\x0E-\x1F]*"
_WORD = r"[^\s\x00-\x1F]+"
_FOUR = r"([0-9A-Za-z+/]\s*){4}"
_PADDED = r"([0-9A-Za-z+/]\s*){2}([0-9A-Za-z+/]|=)\s*=\s*"

#: Rows that replace the expression of the definitions.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": {"type": "integer", "minimum": -_MAX_INTEGER - 1, "maximum": _MAX_INTEGER},
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": _MAX_INTEGER},
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": _MAX_INTEGER},
    "string": {"type": "string", "pattern": rf"^{_TEXT}[^\s\x00-\x1F]{_TEXT}$", "maxLength": 1_048_576},
    "markdown": {"type": "string", "pattern": rf"^{_TEXT}[^\s\x00-\x1F]{_TEXT}$", "maxLength": 1_048_576},
    "code": {"type": "string", "pattern": rf"^{_WORD}(\s{_WORD})*$"},
    "uri": {"type": "string", "pattern": rf"^{_WORD}$"},
    "url": {"type": "string", "pattern": rf"^{_WORD}$"},
    "canonical": {"type": "string", "pattern": rf"^{_WORD}$"},
    # The length stands apart so that an id too long is told as too long.
    "id": {"type": "string", "pattern": r"^[A-Za-z0-9\-.]+$", "maxLength": 64},
    "base64Binary": {"type": "string", "pattern": rf"^\s*(({_FOUR})+({_PADDED})?|{_PADDED})$"},
    "xhtml": {"type": "string", "minLength": 1},
}

#: What a value of the type is, to end the sentence "… is not".
DESCRIPTIONS: Mapping[str, str] = {
    "boolean": "true or false",
    "decimal": "a JSON number",
    "integer": "a whole JSON number of 32 bits",
    "positiveInt": "a whole JSON number from 1 to 2147483647",
    "unsignedInt": "a whole JSON number from 0 to 2147483647",
    "string": "text: it is blank or holds a control character",
    "markdown": "text: it is blank or holds a control character",
    "code": "a code: no space at either end, single spaces inside",
    "uri": "a URI: it holds a space or a control character",
    "url": "a URL: it holds a space or a control character",
    "canonical": "a canonical URL: it holds a space or a control character",
    "id": "an id: 1 to 64 letters, digits, `-` and `.`",
    "base64Binary": "base64",
    "date": "a date: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "a dateTime: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz",
    "instant": "an instant: YYYY-MM-DDThh:mm:ss+zz:zz",
    "time": "a time: hh:mm:ss",
    "oid": "an OID: urn:oid:1.2.3",
    "uuid": "a UUID: urn:uuid: and 36 lower-case characters",
    "xhtml": "XHTML",
}


def schema_of(name: str, expression: str | None) -> dict[str, Any]:
    """JSON Schema of the primitive type `name`, whose definition gives `expression` (or none)."""
    if name in SCHEMAS:
        return dict(SCHEMAS[name])
    # Nine digits of a second are what date search can hold; ten would be accepted here and be lost there.
    return {"type": "string", "pattern": f"^(?:{expression})$".replace(r"(\.[0-9]+)", r"(\.[0-9]{1,9})")}


def or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The same schema, allowing null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}
