"""One question as each channel has it."""

from dataclasses import dataclass
from typing import Any

from callback.domain.rendering import FORM_OF, keys
from callback.domain.survey import Definition, Question, QuestionRole, QuestionType
from callback.domain.survey import Form as SurveyForm
from callback.domain.words import Channel
from callback.services import renderings
from callback.texts import Language
from callback.web.desk import Desk

CHANNELS = (Channel.AGENT, Channel.SMS, Channel.VOICE, Channel.WEB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One question as each channel has it, in one language; None where the channel leaves it out."""

    question: Question
    title: str
    options: tuple[tuple[str, str], ...]
    """Key and text."""
    low: str
    high: str
    asked_by: frozenset[Channel]
    message: str
    segments: int
    price: str | None
    spoken: str
    seconds: float


def shown(desk: Desk, definition: Definition, language: Language) -> tuple[Shown, ...]:
    price = desk.house.settings.sms_segment_price
    measured = {
        one.question: one for one in renderings.measure(definition, SurveyForm.FULL) if one.language == language
    }
    found = []
    for question in definition.questions:
        sms = measured.get(question.name)
        cost = sms.price(price) if sms else None
        found.append(
            Shown(
                question=question,
                title=question.title.said_in(language),
                options=tuple((key.key, key.option.wording.said_in(language)) for key in keys(question)),
                low=question.low_label.said_in(language) if question.low_label else "",
                high=question.high_label.said_in(language) if question.high_label else "",
                asked_by=frozenset(channel for channel in CHANNELS if FORM_OF[channel] in question.forms),
                message=renderings.sms_question(question, language),
                segments=sms.sms.segments if sms else 0,
                price=f"{cost} {desk.house.settings.sms_currency}" if cost is not None else None,
                spoken=renderings.spoken_question(question, language),
                seconds=sms.seconds if sms else 0.0,
            )
        )
    return tuple(found)


def words() -> dict[str, Any]:
    """What templates choose from."""
    return {"types": list(QuestionType), "roles": list(QuestionRole), "forms": list(SurveyForm), "channels": CHANNELS}
