"""Narrative rules txt-1 and txt-2: the XHTML of a resource is formatted text, and nothing that acts.

Only the elements and attributes that R4 names are let through, so that a page showing a narrative runs nobody's script.
https://www.hl7.org/fhir/R4/narrative.html#xhtml
"""

import re
from html.entities import html5
from xml.etree import ElementTree

_NAMESPACE = "{http://www.w3.org/1999/xhtml}"
_XML = "{http://www.w3.org/XML/1998/namespace}"

_TAG = re.compile(
    "a|abbr|acronym|address|area|b|bdo|big|blockquote|br|caption|cite|code|col|colgroup|dd|dfn|div|dl|dt|em|h[1-6]|hr|i"
    "|img|kbd|li|map|ol|p|pre|q|samp|small|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|ul|var"
)
_ATTRIBUTE = re.compile(
    "abbr|accesskey|align|alt|axis|bgcolor|border|cellpadding|cellspacing|char|charoff|class|colspan|coords|dir|frame"
    "|headers|height|hspace|id|lang|name|nohref|nowrap|rel|rev|rowspan|rules|scope|shape|size|span|start|summary"
    "|tabindex|title|type|valign|value|vspace|width"
)
_LINKS = frozenset(["href", "src", "cite", "longdesc", "usemap"])
_SAFE_LINK = re.compile(
    r"(?:https?:|ftp:|mailto:|tel:|urn:|data:image/(?:png|gif|jpeg);|[^:]*$|[^:/?#]*[/?#])", re.IGNORECASE
)
_UNSAFE_STYLE = re.compile(r"expression\s*\(|javascript:|@import|behavior\s*:|-moz-binding|url\s*\(|\\", re.IGNORECASE)
_MARKUP = re.compile(r"<[^<>]*>|&nbsp;|&#160;|&#xA0;", re.IGNORECASE)
_ENTITY = re.compile(r"&(\w+);", re.ASCII)


def is_safe(xhtml: str) -> bool:
    """txt-1: whether `xhtml` is one well-formed XHTML `div` of the elements, attributes and links allowed."""
    root = _parse(xhtml)
    return root is not None and root.tag == f"{_NAMESPACE}div" and all(_is_allowed(element) for element in root.iter())


def has_content(xhtml: str) -> bool:
    """txt-2: whether there is something to see between the tags: text or an image."""
    return _MARKUP.sub("", xhtml).strip() != "" or "<img" in xhtml


def _parse(xhtml: str) -> ElementTree.Element | None:
    # A document type would let entities grow without end, or read files; a processing instruction has no place either.
    if "<!DOCTYPE" in xhtml or "<!ENTITY" in xhtml or "<?" in xhtml:
        return None
    try:
        return ElementTree.fromstring(_ENTITY.sub(_character, xhtml))
    except ElementTree.ParseError:
        return None


def _character(match: re.Match[str]) -> str:
    """The character an HTML entity such as `&nbsp;` stands for; XML's own, all ASCII, are left to the parser."""
    character = html5.get(f"{match[1]};", "")
    return match[0] if character.isascii() else character


def _is_allowed(element: ElementTree.Element) -> bool:
    return (
        element.tag.startswith(_NAMESPACE)
        and _TAG.fullmatch(element.tag.removeprefix(_NAMESPACE)) is not None
        and all(_is_allowed_attribute(name, value) for name, value in element.attrib.items())
    )


def _is_allowed_attribute(name: str, value: str) -> bool:
    if name in _LINKS:
        # Browsers pass over blanks and control characters inside a scheme: `java&#9;script:`.
        return _SAFE_LINK.match(re.sub(r"[\x00-\x20]", "", value)) is not None
    if name == "style":
        return _UNSAFE_STYLE.search(value) is None
    return _ATTRIBUTE.fullmatch(name) is not None or name.startswith(_XML)
