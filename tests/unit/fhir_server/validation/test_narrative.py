"""The XHTML let through and the XHTML refused, by table."""

import pytest

from fhir_server.validation import narrative


def div(content: str, attributes: str = "") -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"{attributes}>{content}</div>'


SAFE = [
    (div("texte"), "text"),
    (div("<p>a<br/>b</p>"), "formatting"),
    (div("a&nbsp;b &eacute;t&eacute; &amp; &#233;"), "entities of HTML and of XML"),
    (div("a", ' class="x" style="color: red" xml:lang="fr"'), "attributes"),
    (div('<a href="https://example.org">a</a>'), "link"),
    (div('<a href="ftp://example.org/a.xml">a</a>'), "link to a file"),
    (div('<a href="Patient/1#a">a</a>'), "relative link"),
    (div('<a href="#a:b">a</a>'), "fragment with a colon"),
    (div('<img src="data:image/png;base64,AAAA" alt="a"/>'), "image in place"),
    (div("<table><tbody><tr><td colspan='2'>a</td></tr></tbody></table>"), "table"),
    ('<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>a</h:p></h:div>', "prefix"),
    (div("<!-- a -->b"), "comment"),
]

UNSAFE = [
    ("texte", "no element"),
    ("", "nothing"),
    ("<div>a</div>", "no namespace"),
    ('<p xmlns="http://www.w3.org/1999/xhtml">a</p>', "no div"),
    (div("<p>a"), "not closed"),
    (div("a") + div("b"), "two elements"),
    (div("<script>a()</script>"), "script"),
    (div("<SCRIPT>a()</SCRIPT>"), "script in capitals"),
    (div("&LT;script&GT;a()&LT;/script&GT;"), "entities of markup"),
    (div('<svg xmlns="http://www.w3.org/2000/svg"/>'), "another namespace"),
    (div("<iframe src='https://example.org'/>"), "frame"),
    (div("<form><input/></form>"), "form"),
    (div("<style>p{}</style>"), "style sheet"),
    (div("<link rel='stylesheet' href='a'/>"), "linked style sheet"),
    (div("a", ' onload="a()"'), "handler"),
    (div("a", ' data-a="b"'), "attribute of HTML 5"),
    (div('<a href="javascript:a()">a</a>'), "script in a link"),
    (div('<a href=" JaVa&#9;script:a()">a</a>'), "script in a link, disguised"),
    (div('<a href="vbscript:a()">a</a>'), "script in a link"),
    (div('<a href="data:text/html,a">a</a>'), "page in a link"),
    (div('<img src="data:image/svg+xml;base64,AAAA"/>'), "image that may hold a script"),
    (div("a", ' style="background: url(https://example.org/a)"'), "style that fetches"),
    (div("a", ' style="width: expression(a())"'), "style that runs"),
    ('<!DOCTYPE div [<!ENTITY a "b">]>' + div("&a;"), "document type"),
    ("<?xml-stylesheet href='a'?>" + div("a"), "processing instruction"),
    (div("&unknown;"), "unknown entity"),
]


@pytest.mark.parametrize(("xhtml", "reason"), SAFE)
def test_safe(xhtml: str, reason: str) -> None:
    assert narrative.is_safe(xhtml), reason


@pytest.mark.parametrize(("xhtml", "reason"), UNSAFE)
def test_unsafe(xhtml: str, reason: str) -> None:
    assert not narrative.is_safe(xhtml), reason


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a", True),
        ("<p> </p>", False),
        ("&nbsp;", False),
        ("\u00a0", False),
        ("<img src='a'/>", True),
        ("<b>a</b>", True),
    ],
)
def test_has_content(content: str, expected: bool) -> None:
    assert expected == narrative.has_content(div(content))


def test_hostile_text_is_read_in_linear_time() -> None:
    assert not narrative.is_safe("<" * 1_000_000)
    assert narrative.has_content("<" * 1_000_000)
    assert narrative.is_safe(div("<b>" * 100_000 + "a" + "</b>" * 100_000))
