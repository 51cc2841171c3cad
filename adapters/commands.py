"""What an operator asks of a server by command: its schema, its configuration, its messages, its partners."""

from collections.abc import Iterator, Sequence

from adapters import feeds as feed_files
from adapters import notices as notice_files
from adapters.feeds import Feed
from adapters.hl7v2.acknowledge import answers, read_acknowledgement
from adapters.hl7v2.batch import split_messages
from adapters.hl7v2.diagnose import explain
from adapters.lines import Tls
from adapters.mapping.check import check as check_tables
from adapters.mllp.client import Client
from adapters.provenance import messages_of
from adapters.service import House, bring_up_to_date, build_house
from fhir_server.auth.partner import PartnerError
from fhir_server.bootstrap import build
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import FhirError
from fhir_server.scheduling.events import EVENTS
from fhir_server.search import restriction
from fhir_server.settings import Settings, SettingsError
from fhir_server.storage import inbox, outbox
from fhir_server.storage import migrate as schema
from fhir_server.storage.database import Database
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.reindex import reindex as reindex_all
from fhir_server.storage.unit_of_work import Store


def migrate(settings: Settings, revision: str) -> str:
    """Go to a version of the schema; says where it is now."""
    database = Database(settings.database_url)
    if revision == "head":
        bring_up_to_date(settings, database)
    else:
        schema.downgrade(database, revision)
    database.close()
    return f"The schema is at {revision}."


def reindex(settings: Settings) -> str:
    """Index every resource again; says how many."""
    return f"{reindex_all(_store(settings))} resources indexed."


def check(settings: Settings) -> list[str]:
    """Everything wrong with feeds, partners, communes and mapping tables, each with its file."""
    problems: list[str] = []
    overlays: set[tuple[str, ...]] = {()}
    try:
        feeds = feed_files.load(settings)
        overlays |= {feed.overlays for feed in feeds}
        for feed in feeds:
            unknown = sorted((feed.send.events if feed.send else frozenset()) - EVENTS)
            problems += [f"feeds/{feed.name}.toml: send.events: there is no event {event!r}" for event in unknown]
            problems += [f"feeds/{feed.name}.toml: {problem}" for problem in _tls_problems(feed)]
    except SettingsError as error:
        problems.append(str(error))
    try:
        for partner in build(settings).partners.registered():
            wrong = restriction.problem(partner.scopes.restrictions + partner.user_scopes.restrictions)
            problems += [f"partners/{partner.client_id}.toml: scopes: {wrong}"] if wrong else []
    except (PartnerError, SettingsError) as error:
        problems += str(error).splitlines()
    problems += [*_notice_problems(settings), *_key_problems(settings), *_server_tls_problems(settings)]
    for chosen in sorted(overlays):
        problems += [line for line in check_tables(feed_files.tables(settings, chosen)) if line not in problems]
    return problems


def _notice_problems(settings: Settings) -> list[str]:
    try:
        platforms = notice_files.load(settings)
    except SettingsError as error:
        return [str(error)]
    problems = []
    for one in platforms:
        try:
            if one.tls:
                one.tls.client_context()
        except OSError as error:
            problems.append(f"notices/{one.name}.toml: tls: {error}")
    return problems


def _key_problems(settings: Settings) -> Iterator[str]:
    try:
        settings.audit_key()
    except SettingsError as error:
        yield str(error)


def _server_tls_problems(settings: Settings) -> Iterator[str]:
    """What is wrong with the files of the server's own TLS."""
    if not settings.tls_certificate:
        return
    clients = (settings.tls_client_authorities, settings.tls_client_revoked)
    try:
        Tls(settings.tls_certificate, settings.tls_key, *clients).server_context()
    except OSError as error:
        yield f"creneau.toml: the files of its TLS cannot be used: {error.strerror or error}"


def _tls_problems(feed: Feed) -> Iterator[str]:
    try:
        if feed.line.tls:
            feed.line.tls.server_context()
        if feed.send and feed.send.wire.tls:
            feed.send.wire.tls.client_context()
    except OSError as error:
        yield f"the files of its TLS cannot be used: {error}"


def send(data: bytes, host: str, port: int, timeout: float) -> Iterator[tuple[str, bool]]:
    """Send each message of a file; yields its acknowledgement as lines, and whether it was accepted."""
    with Client(host, port, timeout, answers=answers) as client:
        for message in split_messages(data):
            answer = client.send(message)
            yield answer.decode("utf-8", "replace").replace("\r", "\n").strip(), _is_accepted(answer)


def _is_accepted(answer: bytes) -> bool:
    try:
        return read_acknowledgement(answer).is_accepted
    except FhirError:
        # An answer without a control id, to a message that had none.
        return False


def inbox_lines(settings: Settings, state: str | None, count: int) -> list[str]:
    """The newest messages, one a line."""
    receipts = _store(settings).transact(SYSTEM, lambda uow: inbox.list_receipts(uow, state=state, count=count))
    return [_inbox_line(receipt) for receipt in receipts]


def inbox_show(settings: Settings, number: int) -> str:
    """One message, its answer and what it wrote; of one that was refused, what is wrong with it."""
    receipt = _receipt(_store(settings), number)
    message, answer = (part.decode("utf-8", "replace").replace("\r", "\n") for part in (receipt.raw, receipt.answer))
    shown = f"{_inbox_line(receipt)}\n\n{message}\n{answer}\n{receipt.effects or '(nothing written)'}"
    if receipt.state == inbox.APPLIED:
        return shown
    charset = next((feed.charset for feed in feed_files.load(settings) if feed.name == receipt.feed), "8859/15")
    return f"{shown}\n\n{explain(receipt.raw, charset=charset).text}".rstrip()


def inbox_find(settings: Settings, reference: str) -> list[str]:
    """The messages that made the versions of a resource, or the one version named, one a line."""
    try:
        return _store(settings).transact(SYSTEM, lambda uow: [_inbox_line(one) for one in messages_of(uow, reference)])
    except ValueError as error:
        raise SettingsError(str(error)) from None


def inbox_replay(settings: Settings, numbers: Sequence[int]) -> Iterator[str]:
    """Receive kept messages again; yields what became of each."""
    house = build_house(settings)
    for number in numbers:
        yield f"{number} {_replay(house, number)}"


def outbox_lines(settings: Settings, state: str | None, count: int) -> list[str]:
    """The newest deliveries, one a line."""
    deliveries = _store(settings).transact(SYSTEM, lambda uow: outbox.list_deliveries(uow, state=state, count=count))
    return [
        f"{one.pk:>8} {to_instant(one.created_ms)} {one.state:<9} {one.destination:<16} {one.event:<22} "
        f"{one.stream}/_history/{one.version} tries {one.attempts} {one.error or ''}".rstrip()
        for one in deliveries
    ]


def outbox_resolve(settings: Settings, numbers: Sequence[int], state: str) -> int:
    """Send deliveries now, or give them up; how many were dead or waiting."""
    return _store(settings).transact(SYSTEM, lambda uow: outbox.resolve(uow, numbers, state))


def _store(settings: Settings) -> Store:
    return build(settings).store


def _receipt(store: Store, number: int) -> Receipt:
    receipt = store.transact(SYSTEM, lambda uow: inbox.find(uow, number))
    if receipt is None:
        raise SettingsError(f"there is no message {number} in the inbox")
    return receipt


def _replay(house: House, number: int) -> str:
    receipt = _receipt(house.services.store, number)
    if receipt.feed not in house.feeds:
        raise SettingsError(f"message {number} came by the feed {receipt.feed}, which is not configured any more")
    octets = house.receiver(receipt.feed).receive(receipt.raw)
    if not octets:
        return "taken; its sender wants no answer"
    answer = read_acknowledgement(octets)
    return f"{answer.code} {answer.text or ''}".rstrip()


def _inbox_line(receipt: Receipt) -> str:
    return (
        f"{receipt.pk:>8} {to_instant(receipt.received_ms)} {receipt.state:<8} {receipt.feed:<12} "
        f"{receipt.message_type:<8} {receipt.control_id} {receipt.error or ''}".rstrip()
    )
