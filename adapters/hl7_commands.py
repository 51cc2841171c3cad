"""`creneau hl7 …`: look at HL7 v2 messages without sending or storing them."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

import click

from adapters import feeds as feed_files
from adapters.feeds import Feed
from adapters.hl7_map import mapped, told
from adapters.hl7v2.batch import split_messages
from adapters.hl7v2.diagnose import explain
from adapters.hl7v2.parse import parse, scan_header
from adapters.letters import check_header
from adapters.mapping.fixers import fixed
from adapters.mapping.to_fhir import translate
from fhir_server.kernel.errors import FhirError
from fhir_server.settings import Settings, SettingsError


@click.group()
def hl7() -> None:
    """HL7 v2 messages: say what is wrong with one, and what becomes of it."""


@hl7.command("explain")
@click.argument("file", type=click.File("rb"))
@click.option("--feed", "name", help="Read it as this feed would, and say what the feed's mapping makes of it.")
@click.option("--values", is_flag=True, help="Show the values the findings are about: patient data.")
@click.pass_obj
def explain_file(settings: Settings, file: BinaryIO, name: str | None, values: bool) -> None:
    """Say in words, segment by segment, what is wrong with the messages of FILE (- for standard input).

    Ends with 1 if there are errors: something required is missing, or a value is not of its type.
    """
    octets = file.read()
    feed = _feed(settings, name) if name else None
    explanation = explain(octets, **({"charset": feed.charset} if feed else {}), values=values)
    click.echo(explanation.text, nl=False)
    if feed is not None:
        click.echo("\n".join(_verdicts(settings, feed, octets)))
    sys.exit(1 if explanation.errors else 0)


@hl7.command("map")
@click.argument("file", type=click.File("rb"))
@click.option("--feed", "name", required=True, help="Read it as this feed would.")
@click.option("--values", is_flag=True, help="Show the values of the elements: patient data.")
@click.pass_obj
def map_file(settings: Settings, file: BinaryIO, name: str, values: bool) -> None:
    """Print the Bundle of what the messages of FILE would write (- for standard input), and each element's origin.

    Row by row: the element, the segment and path it was read from, the cell, the table's row. Nothing is stored, and
    the store is not asked. Ends with 1 if a message is refused.
    """
    feed, octets = _feed(settings, name), file.read()
    tables = feed_files.tables(settings, feed.overlays)
    failures = 0
    for number, message in enumerate(split_messages(octets) or [octets], 1):
        result = mapped(message, feed, tables, base=settings.base_url, values=values)
        click.echo("\n".join((f"Message {number}", *result.lines)))
        failures += not result.is_understood
    sys.exit(1 if failures else 0)


def _feed(settings: Settings, name: str) -> Feed:
    feeds = {feed.name: feed for feed in feed_files.load(settings)}
    if name not in feeds:
        raise SettingsError(f"there is no feed {name}; there are {', '.join(sorted(feeds))}")
    return feeds[name]


def _verdicts(settings: Settings, feed: Feed, octets: bytes) -> Iterator[str]:
    """What the feed's mapping makes of each message. What the store would say to it is not asked."""
    tables, mapping = feed_files.tables(settings, feed.overlays), feed.mapping()
    for number, message in enumerate(split_messages(octets) or [octets], 1):
        try:
            check_header(scan_header(message), feed)
            translation = translate(fixed(parse(message, feed.charset), mapping), tables, mapping)
        except FhirError as error:
            yield f"Feed {feed.name} refuses message {number} with {error.category.ack_code}:"
            yield from map(told, error.issues)
            continue
        made = ", ".join(dict.fromkeys(upsert.type for upsert in translation.upserts)) or "nothing"
        yield f"Feed {feed.name} understands message {number}: {made}."
        yield from map(told, translation.warnings)
