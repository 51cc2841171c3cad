"""From the bytes of one message to the bytes of its answer.

An AA leaves only after the message, its effects and this very answer are committed together (promise 3). What fails
is kept with its error in a commit of its own and answered AE or AR. A message that comes again gets its stored answer
and changes nothing; one that was refused before is tried again, since what it lacked may have come meanwhile.
"""

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from adapters import fragments, letters
from adapters.answering import Answering
from adapters.feeds import Feed
from adapters.hl7v2 import batch, continuation, modes
from adapters.hl7v2.acknowledge import Reply, answer_code
from adapters.hl7v2.datetime import to_dtm
from adapters.letters import Letter
from adapters.mapping.feed import FeedMapping
from adapters.mapping.fixers import fixed
from adapters.mapping.plans import Tables
from adapters.mapping.to_fhir import Translation, translate
from adapters.mllp.connection import Answer
from adapters.mllp.framing import FaultKind, FramingFault
from fhir_server.interactions import upsert
from fhir_server.kernel import log
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, Issue
from fhir_server.kernel.ids import new_id
from fhir_server.storage import inbox, outbox
from fhir_server.storage.inbox import Receipt
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_log = logging.getLogger(__name__)

#: A connection waits for its answer until all messages of a frame are applied.
_MOST_MESSAGES = 5_000


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message translated and ready to be applied."""

    letter: Letter
    translation: Translation
    draft: Receipt
    #: What is locked while it is applied.
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Receives the messages of one feed."""

    store: Store
    feed: Feed
    mapping: FeedMapping
    tables: Tables

    def receive(self, data: bytes) -> bytes:
        """As `take`, for those who only want the answer."""
        return self.take(data).octets

    def take(self, data: bytes, codec: str | None = None) -> Answer:
        """Apply what a frame holds and return what the connection gets back; empty for a sender that wants nothing.

        `codec` is the Python codec that the transport says the message is in, whatever MSH-18 says.

        Of a batch, or of several messages in a row, each is applied and answered for itself, in one answer of the same
        form. Raises nothing: every failure is an answer.
        """
        if not batch.holds_several(data):
            return self._take(data, codec)
        messages = batch.split_messages(data)
        if len(messages) > _MOST_MESSAGES:
            text = f"One frame holds {len(messages)} messages, {_MOST_MESSAGES} are the most."
            return self._refuse(letters.unread(data), (Issue(Category.TOO_LARGE, text),))
        taken = [self._take(message, codec) for message in messages]
        numbers = (new_id()[:20] for _ in itertools.count())
        octets = batch.answer(data, [one.octets for one in taken], to_dtm(datetime.now(UTC)), numbers)
        return Answer(octets, all(one.is_kept for one in taken))

    def take_all(self, messages: Sequence[bytes]) -> list[Answer]:
        """As `take` for each of several frames, in any order: what shares nothing is applied in one transaction.

        When that fails each is taken for itself, so that none suffers from another.
        """
        if len(messages) == 1:
            return [self.take(messages[0])]
        ready = {n: one for n, data in enumerate(messages) if (one := self._ready_for_company(data))}
        answers: dict[int, Answer] = {}
        for group in _apart(ready):
            answers |= zip(group, self._apply_all([ready[n] for n in group]), strict=False)
        return [answers[n] if n in answers else self.take(data) for n, data in enumerate(messages)]

    def refuse(self, fault: FramingFault) -> Answer | None:
        """The answer to what is no whole frame; what there is of it is kept. Noise between frames is neither."""
        letter = letters.unread(fault.octets)
        if fault.kind is FaultKind.OUTSIDE and not letter.header.is_readable:
            return None
        category = Category.TOO_LARGE if fault.kind is FaultKind.TOO_LONG else Category.MALFORMED
        return self._refuse(letter, (Issue(category, f"Received {fault.kind.value}."),))

    def _take(self, data: bytes, codec: str | None) -> Answer:
        letter = letters.unread(data)
        try:
            letter = letters.read(letter, self.feed, codec)
            work = self._take_fragment if letter.is_fragment else self._take_whole
            return Answer(self.store.transact(self._crowd, work(letter)))
        except FhirError as error:
            return self._refuse(letter, error.issues)
        except Exception as error:
            # The edge: whatever breaks inside, the sender gets a real answer and the message is kept.
            _log.error("message %s of feed %s: %s", letter.header.control_id, self.feed.name, log.describe(error))
            issue = Issue(Category.EXCEPTION, "The receiver failed; the message was kept for its operator.")
            return self._refuse(letter, (issue,))

    def _take_whole(self, letter: Letter) -> Callable[[UnitOfWork], bytes]:
        ready = self._ready(letter)
        return lambda uow: self._apply(uow, [ready])[0]

    def _take_fragment(self, letter: Letter) -> Callable[[UnitOfWork], bytes]:
        """Keep a fragment, or apply the message that it is the last of."""
        assert letter.message is not None
        draft, pointer = self._draft(letter), continuation.goes_on(letter.message)

        def work(uow: UnitOfWork) -> bytes:
            assert letter.message is not None
            uow.lock(f"fragments|{draft.feed}|{draft.sender}")
            if known := inbox.answers_given(uow, [draft]):
                self._own(uow, letter).tell()
                return known[draft.key]
            if pointer:
                answer = self._answering.kept(letter.header)
                receipt = replace(draft, state=inbox.WAITING, answer=answer, effects=pointer)
                inbox.keep(uow, (receipt, self._own(uow, letter).event()))
                return answer
            whole, waited = fragments.earlier(uow, draft, letter.message, self.feed.charset)
            (answer,) = self._apply(uow, [self._ready(replace(letter, message=whole))])
            inbox.settle(uow, [receipt.pk for receipt in waited], "")
            return answer

        return work

    def _ready_for_company(self, data: bytes) -> _Ready | None:
        """The message ready to be applied with others; None when it has to be taken for itself."""
        if batch.holds_several(data):
            return None
        try:
            letter = letters.read(letters.unread(data), self.feed)
            return None if letter.is_fragment else self._ready(letter)
        except Exception:
            # What is wrong with it is told when it is taken for itself.
            return None

    def _apply_all(self, group: Sequence[_Ready]) -> list[Answer]:
        """The answers of messages applied in one transaction; none when that failed."""
        try:
            answers = self.store.transact(self._crowd, lambda uow: self._apply(uow, group))
        except Exception as error:
            _log.info("%d messages of feed %s go one by one: %s", len(group), self.feed.name, log.describe(error))
            return []
        return [Answer(octets) for octets in answers]

    def _ready(self, letter: Letter) -> _Ready:
        assert letter.message is not None
        message = fixed(letter.message, self.mapping)
        translation, draft = translate(message, self.tables, self.mapping), self._draft(letter)
        name = f"inbox|{draft.feed}|{draft.sender}|{draft.control_id}"
        names = frozenset({name, *upsert.names(translation.upserts)})
        return _Ready(replace(letter, message=message), translation, draft, names)

    def _apply(self, uow: UnitOfWork, group: Sequence[_Ready]) -> list[bytes]:
        """Apply messages that share no name and keep them with their answers; what came before is answered as then."""
        uow.lock(*(name for one in group for name in one.names))
        answers = inbox.answers_given(uow, [one.draft for one in group])
        fresh = [one for one in group if one.draft.key not in answers]
        found = upsert.find(uow, [each for one in fresh for each in one.translation.upserts])
        kept = [self._apply_one(self._own(uow, one.letter), one, found) for one in fresh]
        inbox.keep(uow, *kept)
        for one in group:
            if one.draft.key in answers:
                self._own(uow, one.letter).tell()
        answers |= {receipt.key: receipt.answer for receipt, _ in kept}
        return [answers[one.draft.key] for one in group]

    def _apply_one(self, uow: UnitOfWork, ready: _Ready, found: Mapping[upsert.Key, Stored]) -> inbox.Kept:
        letter, translation = ready.letter, ready.translation
        applied = upsert.apply(uow, translation.upserts, translation.replaced, found)
        reply = self._answering.accepted(uow, letter.header, letter.message, translation, applied)
        issues = (*translation.warnings, *applied.late)
        return self._answered(uow, letter, ready.draft, issues, reply, "\n".join(applied.written)), uow.event()

    def _own(self, uow: UnitOfWork, letter: Letter, code: str = "AA") -> UnitOfWork:
        """The transaction in the name of one message of several."""
        return uow.acting_as(letters.actor(self.feed, letter, code))

    def _answered(
        self,
        uow: UnitOfWork,
        letter: Letter,
        draft: Receipt,
        issues: Sequence[Issue],
        reply: Reply,
        effects: str = "",
    ) -> Receipt:
        """The message with its answer for the connection; one for later is owed."""
        answers = self._answering.answers(letter.header, issues, reply)
        if answers.later is not None:
            outbox.add_answer(uow, self.feed.channel, letter.control_id, answers.later)
        return letters.outcome(draft, issues, answers.now, effects)

    def _refuse(self, letter: Letter, issues: Sequence[Issue]) -> Answer:
        header, name = letter.header, self.feed.name
        reply = self._answering.refused(header, letter.message, issues)

        def keep(uow: UnitOfWork) -> Receipt:
            receipt = self._answered(uow, letter, self._draft(letter), issues, reply)
            inbox.keep(uow, (receipt, self._own(uow, letter, answer_code(issues)).event()))
            return receipt

        try:
            receipt = self.store.transact(self._crowd, keep)
        except Exception as error:
            # Nothing could be kept, so the sender must keep it. AR says that the same may be sent again.
            _log.error("message %s of feed %s is not kept: %s", header.control_id, name, log.describe(error))
            unkept = (Issue(Category.UNAVAILABLE, "The store cannot take it now."),)
            return Answer(self._answering.answers(header, unkept).now, is_kept=False)
        _log.warning("message %s of feed %s: %s, %s", header.control_id, name, answer_code(issues), receipt.error)
        return Answer(receipt.answer)

    @property
    def _answering(self) -> Answering:
        # Application answers of enhanced mode need somewhere to go.
        return Answering(self.tables, self.mapping, self.feed.ack_mode if self.feed.send else modes.ORIGINAL)

    @property
    def _crowd(self) -> Actor:
        """In whose name messages are applied before each is itself."""
        return Actor(self.feed.owner, is_territory=True, origin=self.feed.channel)

    def _draft(self, letter: Letter) -> Receipt:
        return letters.receipt(self.feed, letter, self.store.database.clock())


def _apart(ready: Mapping[int, _Ready]) -> Iterator[list[int]]:
    """Groups of messages that share no name. One that shares some with a group comes in a later one."""
    left = dict(ready)
    while left:
        names: set[str] = set()
        group = []
        for n, one in left.items():
            if names.isdisjoint(one.names):
                group.append(n)
                names |= one.names
        yield group
        left = {n: one for n, one in left.items() if n not in group}
