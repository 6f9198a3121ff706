"""The customer's own page: who it is confirmed first, then one question after the other, on whatever device.

The link is the key: unguessable, valid until `responses.expires_at`. It opens nothing about the case. Whoever opens it
says that they are the customer; the browser in which they said so gets a secret, and only that browser sees more.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import surveys as rows
from callback.db.tables import Attempt, Case, Customer, Response
from callback.domain.handle import new_handle
from callback.domain.survey import Question, SurveyState, Value, visible
from callback.domain.words import Channel, Disposition, ResponseState, SuppressionScope
from callback.errors import NotFound
from callback.services import answering, renderings, surveys
from callback.services.suppressions import OPT_OUT_PAGE, suppress
from callback.texts import Language


class Stage(StrEnum):
    """`gone`: no such link, or no longer. `closed`: over; what was answered is kept."""

    GONE = "gone"
    CONFIRM = "confirm"
    QUESTION = "question"
    THANKS = "thanks"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is to be shown."""

    stage: Stage
    language: Language
    masked_name: str | None = None
    """`王**`: enough to know oneself, too little to learn anything."""
    question: Question | None = None
    value: Value | None = None
    """What was answered before, when a question is looked at again."""
    previous: str | None = None
    done: int = 0
    total: int = 0
    subject: str | None = None
    opened_on: str | None = None
    unhappy: bool = False
    invalid: str | None = None
    """The code of the reason why the answer was not taken; the sentence is `web.invalid.<code>`."""


def look(
    session: Session, handle: str, *, secret: str | None, now: datetime, language: Language, question: str | None = None
) -> Page:
    """The page as it stands. `question` looks at an earlier one again."""
    response = _response(session, handle, now=now)
    if response is None:
        return Page(stage=Stage.GONE, language=language)
    return _page(session, response, secret=secret, language=language, question=question)


def own_language(session: Session, handle: str) -> Language | None:
    """The customer's, for a reader who has chosen none."""
    response = rows.by_handle(session, handle)
    if response is None:
        return None
    return renderings.spoken_language(session.get_one(Customer, response.customer_id).language)


def confirm(session: Session, handle: str, *, now: datetime) -> str | None:
    """Somebody says that they are the customer: the secret for their browser. None when the link is gone or closed."""
    response = _response(session, handle, now=now)
    if response is None or response.state is not ResponseState.OPEN:
        return None
    secret = new_handle()
    confirmed = update(Response).where(Response.id == response.id)
    session.execute(
        confirmed.values(visitor_hash=_hash(secret), confirmed_at=response.confirmed_at or now).execution_options(
            synchronize_session=False
        )
    )
    attempt = answering.lock(session, response)
    if attempt is not None and attempt.agent_id is None and attempt.identity_at is None:
        session.execute(
            update(Attempt)
            .where(Attempt.id == attempt.id)
            .values(identity_at=now, version=Attempt.version + 1)
            .execution_options(synchronize_session=False)
        )
    return secret


def not_me(session: Session, handle: str, *, now: datetime) -> None:
    """Somebody else has the link: nothing is shown, and the address it went to is not written to again."""
    response = _response(session, handle, now=now)
    if response is None or response.state is not ResponseState.OPEN:
        return
    attempt = answering.lock(session, response)
    session.refresh(response)
    answering.wrong_address(session, response=response, attempt=attempt, rule="page_not_the_person", now=now)


def answer(
    session: Session,
    handle: str,
    *,
    secret: str | None,
    question: str,
    given: str,
    now: datetime,
    language: Language,
) -> Page:
    """Keep one answer, in the transaction that acknowledges it, and say what comes next. `given` empty skips."""
    response = _response(session, handle, now=now)
    if response is None:
        return Page(stage=Stage.GONE, language=language)
    page = _page(session, response, secret=secret, language=language)
    if page.stage is not Stage.QUESTION:
        return page
    asked = surveys.definition_of(session, response).question(question)
    if asked is None:
        return page
    value = _value(asked, given)
    if value is None and given.strip():
        return _page(session, response, secret=secret, language=language, question=question, invalid="not_a_choice")
    taken = answering.take(
        session, response=response, channel=Channel.WEB, now=now, question=question, value=value, said=given
    )
    if taken.step.invalid is not None:
        invalid = taken.step.invalid.removeprefix("answer_")
        return _page(session, response, secret=secret, language=language, question=question, invalid=invalid)
    session.refresh(response)
    return _page(session, response, secret=secret, language=language)


def opt_out(session: Session, handle: str, *, now: datetime) -> bool:
    """No more surveys for this customer, on any channel. False when there never was such a link.

    Also when the link has expired: a wish is a wish however late, and keeping it shows nothing to anybody.
    """
    try:
        response = surveys.find_response(session, handle)
    except NotFound:
        return False
    suppress(
        session,
        scope=SuppressionScope.SURVEY,
        reason=OPT_OUT_PAGE,
        evidence={"page": "survey", "response": response.id},
        now=now,
        customer_id=response.customer_id,
    )
    if response.state is ResponseState.OPEN:
        answered = any(value is not None for value in surveys.answers_of(response).values())
        attempt = answering.lock(session, response)
        disposition = Disposition.PARTIAL if answered else Disposition.REFUSED
        answering.close(session, response=response, attempt=attempt, disposition=disposition, now=now)
    return True


def _response(session: Session, handle: str, *, now: datetime) -> Response | None:
    try:
        response = surveys.find_response(session, handle)
    except NotFound:
        return None
    return response if response.expires_at is not None and response.expires_at > now else None


def _page(
    session: Session,
    response: Response,
    *,
    secret: str | None,
    language: Language,
    question: str | None = None,
    invalid: str | None = None,
) -> Page:
    if response.state is not ResponseState.OPEN:
        stage = Stage.THANKS if response.state is ResponseState.COMPLETE else Stage.CLOSED
        unhappy = _knows(response, secret) and answering.is_unhappy(session, response)
        return Page(stage=stage, language=language, unhappy=unhappy)
    customer = session.get_one(Customer, response.customer_id)
    if not _knows(response, secret):
        return Page(stage=Stage.CONFIRM, language=language, masked_name=mask_name(customer.name))
    case = session.get_one(Case, response.case_id)
    definition = surveys.definition_of(session, response)
    state = SurveyState.from_json(response.engine_state)
    step = surveys.where(session, response)
    shown = visible(definition, state)
    asked = next((one for one in shown if one.name == question), None) or step.question
    if asked is None:
        return Page(stage=Stage.THANKS, language=language)
    place = shown.index(asked)
    return Page(
        stage=Stage.QUESTION,
        language=language,
        question=asked,
        value=state.answers.get(asked.name),
        previous=shown[place - 1].name if place else None,
        done=place,
        total=step.total,
        subject=case.subject,
        opened_on=f"{case.opened_at.astimezone(ZoneInfo(customer.time_zone)):%Y-%m-%d}",
        invalid=invalid,
    )


def _knows(response: Response, secret: str | None) -> bool:
    if secret is None or response.visitor_hash is None:
        return False
    return hmac.compare_digest(response.visitor_hash, _hash(secret))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _value(asked: Question, given: str) -> Value | None:
    """A form sends texts: the option whose value reads so, or the free text itself."""
    if asked.is_text:
        return given.strip() or None
    return next((option.value for option in asked.options if str(option.value).lower() == given.strip().lower()), None)


def mask_name(name: str | None) -> str | None:
    """The first letter and as many stars as say nothing about the rest: `王**`, `M**`."""
    plain = (name or "").strip()
    return f"{plain[0]}**" if plain else None
