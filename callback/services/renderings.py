"""One questionnaire as messages and as speech: what is said, in the customer's language, with the centre's name.

Nothing here reads or writes the database: `services/replies.py` and `services/automatic_calls.py` hold the
conversations. Nothing says what a case is about: a telephone may lie on a table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from twilio.twiml.voice_response import Gather, VoiceResponse

from callback.domain import rendering
from callback.domain.document import Problem
from callback.domain.rendering import FORM_OF, INPUT_SECONDS, keys
from callback.domain.sms import Segments, segments
from callback.domain.survey import Definition, Form, Question, QuestionType
from callback.domain.words import Channel
from callback.services.links import has_link
from callback.settings import Settings
from callback.texts import LANGUAGES, Language, language_of, say

SPOKEN: dict[Language, str] = {"zh": "zh-CN", "en": "en-US"}
"""`language` of `<Say>` and `<Gather>`."""


def survey_link(settings: Settings, handle: str) -> str:
    """The address of the customer's own page."""
    return f"{settings.public_url.rstrip('/')}/s/{handle}"


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def sms_question(question: Question, language: Language) -> str:
    """The question with its answers, each with the number to write back."""
    title = question.title.said_in(language)
    if question.is_text:
        return title if question.required else f"{title} {say('sms.may_skip', language)}"
    found = keys(question)
    if _labels_are_numbers(question):
        return f"{title} ({found[0].key}-{found[-1].key})"
    return "\n".join([title, *(f"{key.key} {key.option.wording.said_in(language)}" for key in found)])


def sms_invitation(question: Question, *, settings: Settings, language: Language, link: str | None = None) -> str:
    """The first message, with the first question. `link` where the country allows links (`rendering.may_link`)."""
    code = "sms.invitation_text" if question.is_text else "sms.invitation"
    return _message(code, settings, language, question=_with_link(question, language, link))


def sms_reminder(question: Question, *, settings: Settings, language: Language, link: str | None = None) -> str:
    """The one reminder, with the question at which the customer stopped."""
    return _message("sms.reminder", settings, language, question=_with_link(question, language, link))


def sms_next(question: Question, *, settings: Settings, language: Language) -> str:
    return _message("sms.question", settings, language, question=sms_question(question, language))


def sms_as_sent(definition: Definition, question: Question, *, settings: Settings, language: Language) -> str:
    """With the centre's name, and where it opens the conversation with how to opt out; a link is not counted."""
    first = definition.of_form(FORM_OF[Channel.SMS])[:1]
    if question in first:
        return sms_invitation(question, settings=settings, language=language)
    return sms_next(question, settings=settings, language=language)


def sms_again(question: Question, *, settings: Settings, language: Language) -> str:
    """Asked once more, because the reply was not understood."""
    how = say("sms.how_text" if question.is_text else "sms.how_number", language)
    return _message("sms.again", settings, language, question=sms_question(question, language), how=how)


def sms_notice(code: str, *, settings: Settings, language: Language) -> str:
    """`closing`, `closing_unhappy`, `left_to_person`, `opted_out`, `opted_in`, `help`, `nothing_asked`,
    `wrong_person`."""
    return _message(f"sms.{code}", settings, language)


def mail(
    *, settings: Settings, language: Language, link: str, until: datetime, reminder: bool = False
) -> tuple[str, str]:
    """Subject and body of the invitation by e-mail. `until` in the customer's own time."""
    names = settings.house_names(language)
    subject = say("mail.reminder_subject" if reminder else "mail.subject", language, company=names["company"])
    return subject, _message("mail.body", settings, language, link=link, until=f"{until:%Y-%m-%d}")


def _message(code: str, settings: Settings, language: Language, **params: object) -> str:
    names = settings.house_names(language)
    return say(code, language, company=names["company"], department=names["department"], **params)


def _with_link(question: Question, language: Language, link: str | None) -> str:
    text = sms_question(question, language)
    return text if link is None else f"{text}{say('sms.link', language, link=link)}"


def _labels_are_numbers(question: Question) -> bool:
    return question.type is QuestionType.RATING and all(
        option.wording.en == str(option.value) for option in question.options
    )


# ── Speech ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def spoken_question(question: Question, language: Language) -> str:
    """The question as it is read out, with the key for each answer."""
    title = question.title.said_in(language)
    if question.is_text:
        return f"{title} {say('voice.speak', language)}"
    found = keys(question)
    if _labels_are_numbers(question):
        return f"{title} {say('voice.scale', language, low=found[0].key, high=found[-1].key)}"
    pressed = (say("voice.press", language, text=key.option.wording.said_in(language), key=key.key) for key in found)
    return f"{title} {' '.join(pressed)}"


def ask(
    text: str,
    *,
    action: str,
    language: Language,
    hints: str | None = None,
    free_text: bool = False,
    record: bool = False,
) -> VoiceResponse:
    """TwiML that says `text` and waits for a key or a word; silence comes to `action` too, with nothing in it.

    `record`: from here on the call is recorded, to its end.
    """
    response = VoiceResponse()
    if record:
        response.start().recording(channels="dual")
    gather = Gather(
        input="dtmf speech",
        action=action,
        method="POST",
        timeout=INPUT_SECONDS,
        speech_timeout="auto",
        max_speech_time=rendering.speech_seconds(free_text=free_text),
        num_digits=1,
        # The hash key skips a free text, so there it is an answer and not the end of one.
        finish_on_key="" if free_text else "#",
        language=SPOKEN[language],
        hints=hints,
        action_on_empty_result=True,
        profanity_filter=False,
        barge_in=True,
    )
    gather.say(text, language=SPOKEN[language])
    response.append(gather)
    return response


def hang_up(text: str | None, language: Language) -> VoiceResponse:
    """TwiML that says goodbye, if anything, and ends the call."""
    response = VoiceResponse()
    if text:
        response.say(text, language=SPOKEN[language])
    response.hangup()
    return response


def hints(question: Question, language: Language) -> str | None:
    """What the carrier's ear should expect."""
    said = [key.option.wording.said_in(language) for key in keys(question)] + [key.key for key in keys(question)]
    return ",".join(dict.fromkeys(word.replace(",", " ") for word in said))[:1000] or None


def greeting(*, settings: Settings, language: Language, name: str | None) -> str:
    """Who calls, that it is recorded if it is, and whether the person is the customer."""
    recorded = say("voice.recorded", language) if settings.record_calls else ""
    code = "voice.greeting" if name else "voice.greeting_no_name"
    return say(code, language, company=settings.house_names(language)["company"], recorded=recorded, name=name or "")


# ── The lint: what is checked when a questionnaire is saved ─────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Measured:
    """One question in one language: what it takes as a message and as speech."""

    question: str
    language: Language
    message: str
    sms: Segments
    seconds: float
    free_text: bool = False

    def price(self, per_segment: Decimal | None) -> Decimal | None:
        return None if per_segment is None else self.sms.price(per_segment)


def measure(definition: Definition, form: Form, *, settings: Settings | None = None) -> tuple[Measured, ...]:
    """Every question of a form in both languages: as it leaves with `settings`, without them the bare question."""
    found = []
    for language in LANGUAGES:
        for question in definition.of_form(form):
            message = sms_question(question, language)
            if settings is not None:
                message = sms_as_sent(definition, question, settings=settings, language=language)
            spoken = rendering.seconds_to_say(spoken_question(question, language), language)
            found.append(Measured(question.name, language, message, segments(message), spoken, question.is_text))
    return tuple(found)


def lint(definition: Definition) -> tuple[Problem, ...]:
    """What one of the channels could not carry; empty when every rendering is sound."""
    return (*_keypad(definition), *_messages(definition), *_speech(definition))


def _keypad(definition: Definition) -> Iterator[Problem]:
    for question in definition.of_form(FORM_OF[Channel.VOICE]):
        if question.is_text or rendering.fits_a_keypad(question):
            continue
        count = len(keys(question))
        if count > rendering.MOST_KEYS:
            yield Problem(question.name, "too_many_keys", {"limit": rendering.MOST_KEYS, "count": count})
        else:
            yield Problem(question.name, "key_taken")


def _messages(definition: Definition) -> Iterator[Problem]:
    for question in definition.questions:
        texts = [question.title, *(option.wording for option in question.options)]
        if any(has_link(wording.en) or has_link(wording.zh) for wording in texts):
            yield Problem(question.name, "link_in_question")
    limit = rendering.MOST_SEGMENTS
    for measured in measure(definition, FORM_OF[Channel.SMS]):
        if measured.sms.segments > limit:
            told: dict[str, Any] = {"language": measured.language, "segments": measured.sms.segments, "limit": limit}
            yield Problem(measured.question, "too_many_segments", told)


def _speech(definition: Definition) -> Iterator[Problem]:
    found = measure(definition, FORM_OF[Channel.VOICE])
    for measured in found:
        if measured.seconds > rendering.QUESTION_SECONDS:
            told: dict[str, Any] = {
                "language": measured.language,
                "seconds": round(measured.seconds),
                "limit": rendering.QUESTION_SECONDS,
            }
            yield Problem(measured.question, "too_long_to_say", told)
    for language in LANGUAGES:
        whole = around_seconds(language) + sum(
            rendering.worst_seconds(measured.seconds, free_text=measured.free_text)
            for measured in found
            if measured.language == language
        )
        if whole > rendering.CALL_SECONDS:
            told = {"language": language, "seconds": round(whole), "limit": rendering.CALL_SECONDS}
            yield Problem("", "call_too_long", told)


def around_seconds(language: Language) -> float:
    """The greeting, twice, and the words before and after the questions."""
    spoken = rendering.seconds_to_say
    first = spoken(say("voice.greeting", language, company="x" * 12, name="x" * 6, recorded=""), language)
    first += spoken(say("voice.recorded", language), language)
    return rendering.worst_seconds(first) + sum(
        spoken(say(code, language), language) for code in ("voice.intro", "voice.closing_unhappy")
    )


def spoken_language(tag: str) -> Language:
    """The language we speak to a customer whose language is `tag`."""
    return language_of(tag)
