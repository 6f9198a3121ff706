"""One question as each channel has it."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from callback.domain.rendering import FORM_OF, keys
from callback.domain.survey import Definition, Question, QuestionRole, QuestionType
from callback.domain.survey import Form as SurveyForm
from callback.domain.words import Channel
from callback.services import renderings
from callback.texts import Language
from callback.web.desk import Desk

CHANNELS = (Channel.AGENT, Channel.SMS, Channel.VOICE, Channel.WEB)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one question as a message in one language."""

    language: Language
    segments: int
    price: str | None


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
    """As it leaves, with the centre's name around it."""
    costs: tuple[Cost, ...]
    """In the reader's language, then in the other."""
    spoken: str
    seconds: float


def shown(desk: Desk, definition: Definition, language: Language) -> tuple[Shown, ...]:
    price, currency = desk.house.settings.sms_segment_price, desk.house.settings.sms_currency
    measured: dict[str, list[renderings.Measured]] = defaultdict(list)
    for one in renderings.measure(definition, SurveyForm.FULL, settings=desk.house.settings):
        measured[one.question].append(one)
    found = []
    for question in definition.questions:
        both = sorted(measured[question.name], key=lambda one: one.language != language)
        found.append(
            Shown(
                question=question,
                title=question.title.said_in(language),
                options=tuple((key.key, key.option.wording.said_in(language)) for key in keys(question)),
                low=question.low_label.said_in(language) if question.low_label else "",
                high=question.high_label.said_in(language) if question.high_label else "",
                asked_by=frozenset(channel for channel in CHANNELS if FORM_OF[channel] in question.forms),
                message=both[0].message if both else "",
                costs=tuple(Cost(one.language, one.sms.segments, _price(one.price(price), currency)) for one in both),
                spoken=renderings.spoken_question(question, language),
                seconds=both[0].seconds if both else 0.0,
            )
        )
    return tuple(found)


def _price(price: Decimal | None, currency: str) -> str | None:
    return None if price is None else f"{price} {currency}"


def words() -> dict[str, Any]:
    """What templates choose from."""
    return {"types": list(QuestionType), "roles": list(QuestionRole), "forms": list(SurveyForm), "channels": CHANNELS}
