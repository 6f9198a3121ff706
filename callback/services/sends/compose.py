"""What a batch of contacts says: the response that each belongs to, and the text in the customer's language."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from callback.db import sends as rows
from callback.db import surveys as survey_rows
from callback.db.bulk import insert_missing
from callback.db.tables import Callback, Questionnaire, Response
from callback.domain.handle import new_handle
from callback.domain.rendering import FORM_OF, may_link
from callback.domain.rules import Contact
from callback.domain.sms import segments
from callback.domain.survey import Definition, SurveyState, current, start
from callback.domain.words import Channel, ResponseState
from callback.errors import NotFound
from callback.services import renderings
from callback.services.surveys import SATISFACTION, read_definition
from callback.settings import Settings
from callback.texts import language_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Of one message; a call has none."""

    body: str = ""
    subject: str | None = None
    segments: int = 1


def open_responses(
    session: Session, callbacks: Collection[Callback], *, channel: Channel, now: datetime, expires: timedelta
) -> Mapping[int, Response]:
    """The response of each callback, by its id: made once, gone on with at every later try."""
    ids = [callback.id for callback in callbacks]
    present = rows.responses(session, ids)
    new = [callback for callback in callbacks if callback.id not in present]
    if not new:
        return present
    questionnaire = survey_rows.published(session, SATISFACTION)
    if questionnaire is None:
        raise NotFound("questionnaire_not_published", key=SATISFACTION)
    insert_missing(
        session,
        Response.__table__,  # type: ignore[arg-type]
        [
            {
                "handle": new_handle(24),
                "callback_id": callback.id,
                "case_id": callback.case_id,
                "customer_id": callback.customer_id,
                "questionnaire_id": questionnaire.id,
                "channel": channel,
                "purpose": callback.purpose,
                "state": ResponseState.OPEN,
                "engine_state": start(FORM_OF[channel]).to_json(),
                "started_at": now,
                "expires_at": now + expires,
                "version": 1,
            }
            for callback in new
        ],
    )
    return rows.responses(session, ids)


Compose = Callable[[Session, Sequence[tuple[Callback, Contact]]], Mapping[int, Text]]
"""The texts of a batch of callbacks, by callback."""


def texts_of(settings: Settings) -> Compose:
    """How this house invites: by message with the first question, by letter with the link; a call speaks for itself."""

    def compose(session: Session, batch: Sequence[tuple[Callback, Contact]]) -> Mapping[int, Text]:
        ids = [callback.id for callback, _ in batch]
        responses, reached = rows.responses(session, ids), rows.reached_in_writing(session, ids)
        definitions: dict[int, Definition] = {}
        texts: dict[int, Text] = {}
        for callback, contact in batch:
            response = responses[callback.id]
            # The one text after the one that has (as far as the carrier knows) reached the customer. A call that nobody
            # took and a message that did not arrive remind of nothing, and "the only one" is said once.
            reminder = reached.get(callback.id, 0) == 1
            if callback.channel is Channel.SMS:
                if response.questionnaire_id not in definitions:
                    stored = session.get_one(Questionnaire, response.questionnaire_id)
                    definitions[stored.id] = read_definition(stored)
                definition = definitions[response.questionnaire_id]
                texts[callback.id] = _message(response, definition, contact, settings, reminder=reminder)
            elif callback.channel is Channel.EMAIL:
                texts[callback.id] = _letter(response, contact, settings, reminder=reminder)
            else:
                texts[callback.id] = Text()
        return texts

    return compose


def _message(
    response: Response, definition: Definition, contact: Contact, settings: Settings, *, reminder: bool
) -> Text:
    question = current(definition, SurveyState.from_json(response.engine_state))
    assert question is not None, response.id  # noqa: S101  a complete response has no callback that is still due
    link = renderings.survey_link(settings, response.handle) if may_link(contact.customer.country) else None
    language = language_of(contact.customer.language)
    write = renderings.sms_reminder if reminder else renderings.sms_invitation
    body = write(question, settings=settings, language=language, link=link)
    return Text(body=body, segments=max(1, segments(body).segments))


def _letter(response: Response, contact: Contact, settings: Settings, *, reminder: bool) -> Text:
    until = (response.expires_at or contact.at).astimezone(contact.customer.zone)
    link = renderings.survey_link(settings, response.handle)
    language = language_of(contact.customer.language)
    subject, body = renderings.mail(settings=settings, language=language, link=link, until=until, reminder=reminder)
    return Text(body=body, subject=subject)
