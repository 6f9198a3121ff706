"""The ledger of what was not sent, and why: one line for each channel that was refused or put off."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from callback.db import unsent as rows
from callback.db.tables import Decision
from callback.services.imports.rejects import harmless
from callback.texts import Language, catalogue, say

CHUNK = 2_000
COLUMNS = ("at", "case_id", "case_number", "callback_id", "channel", "rule", "why", "what_to_do", "not_before")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one channel was not used. `channel` empty: nothing was to be sent at all."""

    channel: str
    rule: str
    """The sentence is `unsent.<rule>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """One decision that kept something from being sent."""

    id: int
    at: datetime
    case_id: int
    callback_id: int | None
    reasons: tuple[Reason, ...]
    not_before: str | None
    """When it may be sent, if time alone heals it."""


def entry_of(decision: Decision) -> Unsent:
    inputs = decision.inputs
    refused = inputs.get("refused_channels")
    if decision.about == "purpose" and isinstance(refused, dict):
        reasons = tuple(Reason(str(channel), str(rule)) for channel, rule in refused.items())
    else:
        reasons = (Reason(str(inputs.get("channel") or ""), decision.rule),)
    return Unsent(
        id=decision.id,
        at=decision.at,
        case_id=decision.case_id,
        callback_id=decision.callback_id,
        reasons=reasons,
        not_before=inputs.get("not_before") if decision.about == "channel" else None,
    )


def why(rule: str, language: Language) -> str:
    """The reason in words; a rule without words of its own is named."""
    code = _told("", rule, language)
    return say("unsent.other", language, rule=rule) if code is None else say(code, language)


def what_to_do(rule: str, language: Language) -> str:
    """What a supervisor can do about it; most heals by itself, and that is said too."""
    return say(_told("todo.", rule, language) or "unsent.todo.nothing", language)


def _told(what: str, rule: str, language: Language) -> str | None:
    """A rule of ours has its words here, a carrier's refusal has those of the send that failed."""
    codes = (f"unsent.{what}{rule}", f"failure.{what}{rule}")
    return next((code for code in codes if code in catalogue(language)), None)


def export(
    session: Session,
    *,
    language: Language,
    rule: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[str]:
    """CSV, oldest first, read in chunks: one line for each channel of each decision.

    No names and no addresses are in it, and no cell begins like a formula.
    """
    yield _line(COLUMNS)
    last = 0
    while True:
        query = rows.listed(rule=rule, since=since, until=until).where(Decision.id > last)
        found = session.scalars(query.order_by(Decision.id).limit(CHUNK)).all()
        cases = rows.whose(session, {decision.case_id for decision in found})
        for decision in found:
            entry = entry_of(decision)
            for reason in entry.reasons:
                yield _line(
                    (
                        entry.at.isoformat(),
                        entry.case_id,
                        cases[entry.case_id][0].external_id,
                        entry.callback_id or "",
                        reason.channel,
                        reason.rule,
                        why(reason.rule, language),
                        what_to_do(reason.rule, language),
                        entry.not_before or "",
                    )
                )
        if len(found) < CHUNK:
            return
        last = found[-1].id
        session.expunge_all()


def _line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([harmless(str(cell)) for cell in cells])
    return out.getvalue()
