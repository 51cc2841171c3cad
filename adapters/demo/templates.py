"""The HL7 v2 messages of the day: templates in `messages/`, one segment a line, filled in and ready to send.

Messages declare `UNICODE UTF-8` in MSH-18 and are encoded so.
"""

from importlib.resources import files
from string import Template


def render(template: str, **values: str) -> bytes:
    """A message from its template. Raises KeyError for a value the template wants and is not given."""
    text = (files("adapters.demo") / "messages" / f"{template}.hl7").read_text(encoding="utf-8")
    return Template(text).substitute(values).replace("\n", "\r").encode()


def lines(message: bytes) -> list[str]:
    """The segments of a message as text, for showing."""
    return [line for line in message.decode("utf-8", errors="replace").split("\r") if line]
