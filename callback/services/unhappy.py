"""Unhappy customers as a whole: what caused it, how many were won back, how old the rest is; and the list as a file."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from callback.db import board as board_rows
from callback.db import dissatisfactions as rows
from callback.db.dissatisfactions import Asked
from callback.domain.address import mask
from callback.domain.recovery import SUB_CAUSES
from callback.domain.words import Cause, DissatisfactionState, SubCause
from callback.services import audit
from callback.services.board import AGES, Share
from callback.services.imports.rejects import harmless
from callback.texts import Language, say

LOOKED_BACK = timedelta(days=90)
MOST_EXPORTED = 10_000
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Of everything that was raised within `LOOKED_BACK`."""

    raised: int
    causes: tuple[tuple[Cause, int, tuple[tuple[SubCause | None, int], ...]], ...]
    """Kind, how many, and its finer causes; None: only the kind is known."""
    unknown: int
    recovered: Share
    """Won back by the second call, of those that are settled or escalated."""
    ages: tuple[int, ...]
    """Those not settled yet, by the classes of age of the board."""


def overview(session: Session, *, now: datetime, team_id: int | None) -> Overview:
    counted: Counter[tuple[Cause | None, SubCause | None]] = Counter()
    states: Counter[DissatisfactionState] = Counter()
    for row in rows.outcomes(session, since=now - LOOKED_BACK, team_id=team_id):
        counted[row.cause, row.sub_cause] += row.number
        states[row.state] += row.number
    causes = []
    for cause, finer in SUB_CAUSES.items():
        each = tuple((sub, counted[cause, sub]) for sub in (*finer, None) if sub is not None or counted[cause, sub])
        causes.append((cause, sum(number for _, number in each), each))
    ages: Counter[int] = Counter()
    for row in board_rows.unhappy(session, now=now, ages=AGES, team_id=team_id):
        ages[row.age] += row.number
    settled = sum(states.values()) - states[DissatisfactionState.OPEN]
    return Overview(
        raised=sum(states.values()),
        causes=tuple(causes),
        unknown=counted[None, None],
        ages=tuple(ages[n] for n in range(len(AGES) + 1)),
        recovered=Share(count=states[DissatisfactionState.RECOVERED], of=settled),
    )


def aged(now: datetime, age: int | None) -> dict[str, Any]:
    """The n-th class of age of the board as bounds of when it was raised."""
    if age is None:
        return {}
    bounds = list(pairwise((None, *AGES, None)))
    younger, older = bounds[age][1], bounds[age][0]
    return {
        "raised_after": None if younger is None else now - younger,
        "raised_before": None if older is None else now - older,
    }


# ── The list as a file ──────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS = (
    "number",
    "case",
    "customer",
    "telephone",
    "subject",
    "team",
    "severity",
    "rule",
    "state",
    "raised_at",
    "age_hours",
    "second_call_by",
    "cause",
    "sub_cause",
    "validity",
    "nature",
    "content",
    "lesson",
    "closed_at",
)


def export(session: Session, asked: Asked, *, by: int, now: datetime, language: Language) -> bytes:
    """The list as CSV with a byte order mark, which Excel needs to read Chinese; numbers are masked. It is audited.

    At most `MOST_EXPORTED` lines.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([say(f"unhappy_desk.column_{name}", language) for name in COLUMNS])
    lines = 0
    for row, address in _all(session, asked):
        writer.writerow([harmless(str(cell)) for cell in _cells(row, address, now=now, language=language)])
        lines += 1
    audit.record(
        session, now=now, actor_id=by, action="dissatisfaction.export", subject_kind="dissatisfaction", lines=lines
    )
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def _all(session: Session, asked: Asked) -> Iterator[tuple[Row[Any], str]]:
    after: tuple[datetime, int] | None = None
    for _ in range(MOST_EXPORTED // AT_ONCE):
        page = rows.page(session, asked, after=after, limit=AT_ONCE)
        addresses = rows.first_addresses(session, {row.customer_id for row in page})
        for row in page:
            address = addresses.get(row.customer_id)
            yield row, mask(address) if address else ""
        if len(page) < AT_ONCE:
            return
        after = (page[-1].Dissatisfaction.raised_at, page[-1].Dissatisfaction.id)


def _cells(row: Row[Any], address: str, *, now: datetime, language: Language) -> Sequence[object]:
    flag = row.Dissatisfaction

    def told(code: str, value: Any) -> str:
        return "" if value is None else say(f"{code}.{value.value}", language)

    return (
        flag.id,
        flag.case_id,
        row.customer or "",
        address,
        row.subject,
        row.team or "",
        told("dissatisfaction.severity", flag.severity),
        told("dissatisfaction.rule", flag.rule),
        told("unhappy_state", flag.state),
        flag.raised_at.isoformat(timespec="minutes"),
        round(((flag.closed_at or now) - flag.raised_at) / timedelta(hours=1), 1),
        row.caller or "",
        told("cause", flag.cause),
        told("sub_cause", flag.sub_cause),
        told("validity", flag.validity),
        told("nature", flag.nature),
        told("content", flag.content),
        flag.lesson or "",
        "" if flag.closed_at is None else flag.closed_at.isoformat(timespec="minutes"),
    )
