"""How one question is put on each channel: its keys, how long it takes to say, and what no channel can carry.

On a keypad a question has at most nine keys, because 0 calls for a person and `*` repeats. A scale from 0 to 10 is
therefore left out of the form of the automatic call.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from callback.domain.survey import Form, Option, Question, QuestionType
from callback.domain.words import Channel

MOST_KEYS = 9
TO_A_PERSON = "0"
REPEAT = "*"
QUESTION_SECONDS = 45
"""The longest that one question may take to be said once."""
CALL_SECONDS = 300
"""The whole automatic call, every question said twice and answered at length. Whatever is said in it, no answer is cut
off: a question to which there is no time left to listen is not asked any more."""
INPUT_SECONDS = 6
"""For which a key or a word is waited."""
SPEECH_SECONDS = 10
"""So long somebody may speak who chooses an answer, and …"""
FREE_SPEECH_SECONDS = 30
"""… who was asked for words of their own."""
TRIES = 2
"""How often a question is asked in one call: once, and once again."""
MOST_SEGMENTS = 4
"""Of one question as a message."""

FORM_OF: Mapping[Channel, Form] = MappingProxyType(
    {
        Channel.AGENT: Form.FULL,
        Channel.SMS: Form.SHORT,
        Channel.VOICE: Form.CALL,
        Channel.EMAIL: Form.FULL,
        Channel.WEB: Form.FULL,
    }
)
"""Which questions a channel asks when it opens the response."""

WITHOUT_LINKS = frozenset({"CN"})
"""Countries whose carriers block messages with a link from senders that are not registered for them."""

_ZH_PER_SECOND = 4.0
_EN_WORDS_PER_SECOND = 2.4
"""Slow, clear speech: 240 characters or about 145 words a minute."""


@dataclass(frozen=True, slots=True)
class Key:
    """What to press or to write, and what it means."""

    key: str
    option: Option


def keys(question: Question) -> tuple[Key, ...]:
    """One key for each option: a rating's is its number, any other's its place counted from 1. A free text has none."""
    if question.type is QuestionType.RATING:
        return tuple(Key(str(option.value), option) for option in question.options)
    return tuple(Key(str(place), option) for place, option in enumerate(question.options, start=1))


def fits_a_keypad(question: Question) -> bool:
    found = keys(question)
    return len(found) <= MOST_KEYS and all(len(key.key) == 1 and key.key != TO_A_PERSON for key in found)


def may_link(country: str) -> bool:
    """Whether a message to this country may have a link."""
    return country not in WITHOUT_LINKS


def seconds_to_say(text: str, language: str) -> float:
    """About how long a clear voice takes, pauses at the ends of sentences included."""
    pauses = 0.4 * len(re.findall(r"[。！？；，.!?;,:：]", text))
    if language == "zh":
        return len(re.sub(r"\s|[。！？；，.!?;,:：]", "", text)) / _ZH_PER_SECOND + pauses
    return len(text.split()) / _EN_WORDS_PER_SECOND + pauses


def speech_seconds(*, free_text: bool) -> int:
    """How long an answer may be spoken before the carrier stops listening."""
    return FREE_SPEECH_SECONDS if free_text else SPEECH_SECONDS


def worst_seconds(spoken: float, *, free_text: bool = False) -> float:
    """A question to which nothing is said the first time, and the second time as much as may be."""
    return (TRIES - 1) * (spoken + INPUT_SECONDS) + spoken + speech_seconds(free_text=free_text)
