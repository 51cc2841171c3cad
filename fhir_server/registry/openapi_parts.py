"""The pieces that the OpenAPI document is put together from: parameters, bodies, answers, components."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

FHIR_JSON, FHIR_XML = "application/fhir+json", "application/fhir+xml"
JSON_PATCH, FORM = "application/json-patch+json", "application/x-www-form-urlencoded"

#: What any call may be answered with besides success; each carries an OperationOutcome.
FAILURES: Mapping[int, str] = {
    400: "The request cannot be read, or breaks the R4 definitions.",
    401: "No valid token.",
    403: "The scopes do not allow it, or the resource is another partner's.",
    404: "There is none, or it is not yours to see.",
    405: "The method is not open here.",
    406: "The form of answer asked for is not served.",
    409: "Another change came first, or the slot is taken.",
    410: "It was deleted.",
    412: "A precondition does not hold.",
    413: "The body is too large.",
    415: "The form of the body is not served.",
    422: "Well-formed, but against a rule.",
    429: "Too many requests.",
    500: "The server failed.",
    503: "The store cannot be reached.",
}
_SUCCESSES: Mapping[int, str] = {
    200: "Done.",
    201: "Created.",
    204: "Done; there is nothing to show.",
    304: "Nothing newer.",
}
#: Successes without a body.
_EMPTY = frozenset({204, 304})

_HEADERS: Mapping[str, str] = {
    "Idempotency-Key": "A name of your own for this request: asked again under it, it is done once.",
    "If-Match": 'The version to replace: W/"3".',
    "If-None-Match": 'On a read, the version already known: W/"3"; on an update, `*`: only create.',
    "If-Modified-Since": "When the version already known was made.",
    "If-None-Exist": "A search: create only when it finds nothing.",
    "Prefer": "return=minimal, representation or OperationOutcome; handling=strict or lenient.",
}
#: Result parameters of every search. https://www.hl7.org/fhir/R4/search.html#result
_RESULT: Mapping[str, str] = {
    "_count": "Matches a page.",
    "_sort": "Keys of the order, `-` before a descending one.",
    "_include": "What the matches refer to comes along.",
    "_revinclude": "What refers to the matches comes along.",
    "_summary": "count, data, text, true or false.",
    "_elements": "The elements to show.",
    "_total": "none, estimate or accurate.",
}
#: The form of any answer. https://www.hl7.org/fhir/R4/http.html#parameters
_FORM: Mapping[str, str] = {
    "_format": "json or xml, or a MIME type: overrides Accept.",
    "_pretty": "true: for people to read.",
}
_HISTORY: Mapping[str, str] = {
    "_since": "Only versions made after this instant.",
    "_at": "Only versions that were current at this time.",
    "_count": "Versions a page.",
}
#: Parameters that stand among the components.
_NAMED = frozenset({"id", "version", *_HEADERS, *_FORM})


@dataclass(frozen=True, slots=True)
class Call:
    """One way to call the server, of one type or of all."""

    path: str
    method: str
    interaction: str
    summary: str
    #: What it takes: `search`, `form`, `history`, `query`, `id`, `version`, `body`, `patch`, or the name of a header.
    takes: tuple[str, ...]
    #: Statuses of success.
    answers: tuple[int, ...]
    #: Type of what is answered; empty for the type called.
    answer: str = ""
    #: Type of the body; empty for what is answered.
    body: str = ""


def call(one: Call, tag: str, codes: Sequence[tuple[str, str]], answer: str) -> Json:
    """The Operation Object of a call."""
    described: Json = {
        "tags": [tag],
        "operationId": f"{tag}.{one.method}{one.path}".replace("{type}/", "").replace("{type}", ""),
        "summary": one.summary,
        "parameters": [_parameter(name) for name in (*one.takes, *_FORM) if name in _NAMED],
        "responses": _answers(one, answer),
    }
    for take, queries in (("search", (*codes, *_RESULT.items())), ("history", _HISTORY.items()), ("query", codes)):
        if take in one.takes:
            described["parameters"] += [_query(name, text) for name, text in queries]
    body = _body(one, [name for name, _ in (*codes, *_RESULT.items())], one.body or answer)
    return described | ({"requestBody": body} if body else {})


def components(definitions: Mapping[str, Any], token_url: str, type_names: Sequence[str]) -> Json:
    """The Components Object: the shapes of R4, the parameters and answers named by calls, and how to get a token."""
    # Inside an OpenAPI document the definitions have another address.
    text = json.dumps(definitions).replace("#/$defs/", "#/components/schemas/")
    scopes = {f"system/{name}.cruds": f"Everything with {name}" for name in ("*", *type_names)}
    return {
        "schemas": json.loads(text),
        "parameters": {
            "id": {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/id"}},
            "version": {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}},
            **{name: _header(name, text) for name, text in _HEADERS.items()},
            **{name: _query(name, text) for name, text in _FORM.items()},
        },
        "responses": {
            str(status): {"description": text, "content": _content("OperationOutcome")}
            for status, text in FAILURES.items()
        },
        "securitySchemes": {
            "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": token_url, "scopes": scopes}}}
        },
    }


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _header(name: str, text: str) -> Json:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


def _query(name: str, text: str) -> Json:
    return {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}


def _answers(one: Call, answer: str) -> Json:
    found: Json = {}
    for status in one.answers:
        found[str(status)] = {"description": _SUCCESSES[status]}
        if status not in _EMPTY:
            # A delete tells of itself; a write may be asked to (`Prefer: return`).
            shown = "OperationOutcome" if one.interaction == "delete" else answer
            found[str(status)]["content"] = _content(shown, "OperationOutcome" if _is_write(one) else None)
    return found | {str(status): {"$ref": f"#/components/responses/{status}"} for status in FAILURES}


def _is_write(one: Call) -> bool:
    return one.interaction in ("create", "update", "patch")


def _content(type_name: str, or_else: str | None = None) -> Json:
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in (type_name, or_else) if name]
    return {FHIR_JSON: {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}, FHIR_XML: {}}


def _body(one: Call, names: Sequence[str], type_name: str) -> Json | None:
    if "form" in one.takes:
        form = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        return {"content": {FORM: {"schema": form}}}
    if "patch" in one.takes:
        steps = {"type": "array", "items": {"type": "object", "required": ["op", "path"]}}
        return {"required": True, "content": {JSON_PATCH: {"schema": steps}, **_content("Parameters")}}
    if "body" in one.takes:
        return {"required": True, "content": _content(type_name)}
    return None
