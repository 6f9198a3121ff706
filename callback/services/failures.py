"""Why something that was handed over did not arrive, in words, and what to do about it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import senders
from callback.domain.sending import FAILURES, failure_of
from callback.domain.words import Channel
from callback.texts import Language, catalogue, say

WITHDRAWN = ("campaign_cancelled", "attempt_over", "overtaken", "outside_window", "suppressed")
"""Rules by which what was queued never left (`services/sends/requeued.py`), beside why a survey is not owed."""


def reason(code: str | None) -> str:
    """The name of the reason: of a carrier's code, or of a rule of ours."""
    if code in WITHDRAWN:
        return code or ""
    if not code or code not in FAILURES:
        return "not_told" if not code else "refused_by_carrier"
    return failure_of(code).reason


def why(code: str | None, language: Language) -> str:
    """A sentence; the carrier's own code stands behind it where there is one."""
    sentence = say(f"failure.{reason(code)}", language)
    return f"{sentence} ({code})" if code and code not in WITHDRAWN else sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A sender from which nothing leaves until somebody has mended what is wrong with our side."""

    channel: Channel
    sender: str
    since: datetime
    why: str
    todo: str


def held(session: Session, language: Language) -> list[Held]:
    """Every one in use, in words."""
    return [
        Held(
            channel=row.channel,
            sender=row.sender,
            since=row.held_since,
            why=why(row.held_by, language),
            todo=what_to_do(row.held_by, language),
        )
        for row in senders.held(session)
        if row.held_since is not None
    ]


def what_to_do(code: str | None, language: Language) -> str:
    told = f"failure.todo.{reason(code)}"
    return say(told, language) if told in catalogue(language) else ""
