"""What customers write back: each message applied once, understood or asked again once, then left to a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from callback.db import messages as rows
from callback.db import suppressions as suppression_rows
from callback.db import surveys as survey_rows
from callback.db.tables import Attempt, Customer, InboundMessage, Response
from callback.domain import optout
from callback.domain.identity import is_stranger
from callback.domain.optout import Meaning, Wish
from callback.domain.reply import Kind, Reply, is_courtesy, read
from callback.domain.survey import Question
from callback.domain.words import Channel, Disposition, InboundOutcome, SendKind, SuppressionScope
from callback.services import answering, renderings, surveys
from callback.services.sends.queue import queue_message
from callback.services.suppressions import OPT_OUT_SENTENCE, OPT_OUT_WORD, suppress, take_back
from callback.settings import Settings
from callback.texts import Language

LONGEST = 10_000
"""Characters that are kept of one message; the longest of the carriers has 1,600."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What one message came to. `text` is to be sent back, unless it is None or this is a `repeated` delivery."""

    outcome: InboundOutcome
    text: str | None
    repeated: bool = False
    kind: SendKind = SendKind.NOTICE
    """A `QUESTION` is not sent to somebody who has opted out meanwhile; a `NOTICE` is."""
    attempt: Attempt | None = None
    customer_id: int | None = None


def receive(
    session: Session,
    *,
    from_address: str,
    to_address: str,
    text: str,
    provider_id: str,
    now: datetime,
    settings: Settings,
) -> Received:
    """Take one message in. The same `provider_id` again changes nothing and gives the same reply, marked `repeated`.

    `from_address` in E.164. The words of the message are kept as they came.
    """
    message = InboundMessage(
        provider_id=provider_id,
        from_address=from_address,
        to_address=to_address,
        text=storable(text),
        received_at=now,
        outcome=InboundOutcome.NO_QUESTION,
    )
    try:
        with session.begin_nested():
            session.add(message)
    except IntegrityError:
        known = rows.by_provider_id(session, provider_id)
        if known is None:
            raise
        return Received(outcome=known.outcome, text=known.reply, repeated=True, customer_id=known.customer_id)
    return apply(session, message, settings=settings, now=now)


def apply(session: Session, message: InboundMessage, *, settings: Settings, now: datetime) -> Received:
    """Read a message that is kept already, with everything that follows; `say_back` is the caller's."""
    one = _Receiving(session, message, settings=settings, now=now)
    with session.no_autoflush:
        done = one.apply()
    # All at once and last: each flush on the way would write the row again.
    message.response_id = one.response.id if one.response is not None else None
    message.question = one.question.name if one.question is not None else None
    message.outcome, message.reply, message.customer_id = done.outcome, done.text, done.customer_id
    message.due_at = None
    session.flush()
    return done


def say_back(session: Session, received: Received, *, address: str, now: datetime) -> None:
    """What is answered goes through the ledger, like everything else that leaves; to a repeated delivery nothing is."""
    if received.text is None or received.repeated:
        return
    queue_message(
        session,
        body=received.text,
        address=address,
        kind=received.kind,
        attempt=received.attempt,
        customer_id=received.customer_id,
        now=now,
    )


class _Receiving:
    """One new message and the conversation that it belongs to."""

    def __init__(self, session: Session, message: InboundMessage, *, settings: Settings, now: datetime) -> None:
        self.session, self.message, self.settings, self.now = session, message, settings, now
        if optout.meaning(message.text, answers=False) is not None:
            _ = self.holders  # people are locked before their calls, as everywhere
        self.response = rows.conversation(session, message.from_address)
        self.attempt: Attempt | None = None
        self.question: Question | None = None
        if self.response is not None:
            self.attempt = answering.lock(session, self.response)
            self.response = survey_rows.locked(session, self.response.id)
        if self.response is not None:
            self.question = surveys.where(session, self.response).question
        self.customer_id = self._customer_id()
        self.language = self._language()

    @cached_property
    def holders(self) -> Sequence[int]:
        """Everybody who is reached at this address."""
        return suppression_rows.holders(self.session, self.message.from_address)

    def apply(self) -> Received:
        """Wishes to stop come first; then the answer; then what is left to a person."""
        asked = self.question
        reply = Reply(Kind.UNCLEAR) if asked is None else read(asked, self.message.text)
        closed = asked is not None and not asked.is_text
        meaning = optout.meaning(self.message.text, answers=closed and reply.kind is Kind.VALUE)
        if meaning is not None:
            return self._wish(meaning)
        if self._is_stranger() and self._wrong_person():
            return self._received(InboundOutcome.WRONG_PERSON, self._notice("wrong_person"))
        if asked is None or self.response is None:
            return self._nothing_asked()
        if reply.kind is Kind.COURTESY:
            return self._received(InboundOutcome.COURTESY, None)
        if reply.kind is Kind.UNCLEAR:
            return self._unclear(self.response, asked)
        return self._answer(self.response, asked, reply)

    # ── Somebody else ───────────────────────────────────────────────────────────────────────────────────────────

    def _is_stranger(self) -> bool:
        if self.response is None:
            return False
        customer = self.session.get_one(Customer, self.response.customer_id)
        return is_stranger(self.message.text, names=(customer.name, customer.salutation))

    def _wrong_person(self) -> bool:
        """The number is marked and the conversation is over. False: the person has been answering from it."""
        assert self.response is not None  # noqa: S101  `_is_stranger` has looked
        return answering.wrong_address(
            self.session, response=self.response, attempt=self.attempt, rule="wrong_person_wrote", now=self.now
        )

    # ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, response: Response, asked: Question, reply: Reply) -> Received:
        taken = answering.take_locked(
            self.session,
            response=response,
            attempt=self.attempt,
            channel=Channel.SMS,
            now=self.now,
            question=asked.name,
            value=reply.value,
            said=self.message.text,
        )
        if taken.step.invalid is not None:
            return self._unclear(response, asked)
        outcome = InboundOutcome.SKIPPED if reply.kind is Kind.SKIP else InboundOutcome.ANSWERED
        following = taken.step.question
        if following is None:
            return self._received(outcome, self._notice("closing_unhappy" if taken.unhappy else "closing"))
        text = renderings.sms_next(following, settings=self.settings, language=self.language)
        return self._received(outcome, text, kind=SendKind.QUESTION)

    def _unclear(self, response: Response, asked: Question) -> Received:
        """Asked once more; the second time somebody has to read it. The question stays open for a better reply."""
        earlier = rows.outcomes(self.session, response.id, asked.name)
        if InboundOutcome.ASKED_AGAIN not in earlier:
            text = renderings.sms_again(asked, settings=self.settings, language=self.language)
            return self._received(InboundOutcome.ASKED_AGAIN, text, kind=SendKind.QUESTION)
        self.message.needs_person = True
        told = InboundOutcome.LEFT_TO_PERSON in earlier
        return self._received(InboundOutcome.LEFT_TO_PERSON, None if told else self._notice("left_to_person"))

    def _nothing_asked(self) -> Received:
        """Thanks are thanks; anything else is for a person to read."""
        if is_courtesy(self.message.text):
            return self._received(InboundOutcome.COURTESY, None)
        expects_a_word = self._expects_a_word()
        self.message.needs_person = True
        return self._received(InboundOutcome.NO_QUESTION, self._notice("nothing_asked") if expects_a_word else None)

    def _expects_a_word(self) -> bool:
        """Somebody whom we have asked before and who has not ended it is told, once, that a person will read it."""
        address = self.message.from_address
        return (
            rows.was_asked(self.session, address)
            and not rows.waits_for_a_person(self.session, [address])
            and not suppression_rows.messages_ended(self.session, address=address, customer_ids=self.holders)
        )

    # ── Wishes ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _wish(self, meaning: Meaning) -> Received:
        if meaning.wish is Wish.HELP:
            return self._received(InboundOutcome.HELP, self._notice("help"))
        return self._start() if meaning.wish is Wish.START else self._stop(meaning)

    def _stop(self, meaning: Meaning) -> Received:
        """Kept with the customer's words; confirmed once and never again. What was answered, also here, is kept."""
        # Of a wrong number it is the number that gets no more, not the customer.
        stranger = self._is_stranger() and self._wrong_person()
        known = [self.response.customer_id] if self.response is not None else self.holders
        people = () if stranger else known
        told = suppression_rows.messages_ended(self.session, address=self.message.from_address, customer_ids=people)
        self._suppress(meaning, people)
        if self.response is not None and not stranger:
            if self.question is not None and meaning.rest:
                self._keep_answer(self.response, self.question, meaning.rest)
            self._end(self.response)
        return self._received(InboundOutcome.OPT_OUT, None if told else self._notice("opted_out"))

    def _suppress(self, meaning: Meaning, people: Sequence[int]) -> None:
        evidence = {
            "words": self.message.text,
            "provider_id": self.message.provider_id,
            "to": self.message.to_address,
            "rule": meaning.rule,
        }
        reason = OPT_OUT_WORD if meaning.rule == "word" else OPT_OUT_SENTENCE
        targets: list[tuple[SuppressionScope, str | None, int | None]] = []
        for scope in meaning.scopes:
            # Messages end for the telephone, surveys for the person; "nothing more" ends both.
            if scope is not SuppressionScope.SURVEY:
                targets.append((scope, self.message.from_address, None))
            if scope is not SuppressionScope.SMS:
                targets += [(scope, None, person) for person in people]
        for scope, address, person in targets:
            suppress(
                self.session,
                scope=scope,
                reason=reason,
                evidence=evidence,
                now=self.now,
                address=address,
                customer_id=person,
            )

    def _keep_answer(self, response: Response, asked: Question, rest: str) -> None:
        """Somebody who says beside the answer that they want no more: the answer counts all the same."""
        # Words of one's own are kept as they came, the wish among them.
        reply = read(asked, self.message.text if asked.is_text else rest)
        if reply.kind is not Kind.VALUE:
            return
        answering.take_locked(
            self.session,
            response=response,
            attempt=self.attempt,
            channel=Channel.SMS,
            now=self.now,
            question=asked.name,
            value=reply.value,
            said=self.message.text,
        )

    def _end(self, response: Response) -> None:
        answered = any(value is not None for value in surveys.answers_of(response).values())
        disposition = Disposition.PARTIAL if answered else Disposition.REFUSED
        answering.close(self.session, response=response, attempt=self.attempt, disposition=disposition, now=self.now)

    def _start(self) -> Received:
        evidence = {"words": self.message.text, "provider_id": self.message.provider_id}
        lifted: Sequence[object] = take_back(
            self.session,
            address=self.message.from_address,
            customer_ids=self.holders,
            evidence=evidence,
            now=self.now,
        )
        return self._received(InboundOutcome.OPT_IN, self._notice("opted_in") if lifted else None)

    # ── Small things ────────────────────────────────────────────────────────────────────────────────────────────

    def _received(self, outcome: InboundOutcome, text: str | None, *, kind: SendKind = SendKind.NOTICE) -> Received:
        return Received(outcome=outcome, text=text, kind=kind, attempt=self.attempt, customer_id=self.customer_id)

    def _notice(self, code: str) -> str:
        return renderings.sms_notice(code, settings=self.settings, language=self.language)

    def _customer_id(self) -> int | None:
        if self.response is not None:
            return self.response.customer_id
        return self.holders[0] if len(self.holders) == 1 else None

    def _language(self) -> Language:
        whose = self.customer_id if self.customer_id is not None else next(iter(self.holders), None)
        customer = self.session.get(Customer, whose) if whose is not None else None
        return renderings.spoken_language(customer.language) if customer else self.settings.language


def storable(text: str) -> str:
    """What every database can keep: no NUL, no half of a surrogate pair, no more than `LONGEST`."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:LONGEST]
