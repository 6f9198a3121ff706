"""Early warning kept for the board: looking ahead over a whole centre takes longer than a page may."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from callback.db import outlooks as rows
from callback.db.cases import teams_of
from callback.db.tables import Outlook
from callback.services import warnings

KEPT = timedelta(days=2)
NAMED = 50
"""Promises of each team that are named; the rest is counted."""
EVERYBODY = "all"


def keep(session: Session, outlook: Outlook) -> None:
    """For the board; earlier ones are thrown away after `KEPT`."""
    session.add(outlook)
    rows.forget(session, before=outlook.at - KEPT)
    session.flush()


def see(session: Session, *, now: datetime, zone: ZoneInfo) -> Outlook:
    """Look ahead. Reads only, because it takes its time: what was seen is kept in a transaction of its own."""
    report = warnings.look_ahead(session, now=now, zone=zone)
    teams = teams_of(session, {warning.case_id for warning in report.warnings})
    counts: Counter[str] = Counter({EVERYBODY: len(report.warnings)})
    promises = []
    for nth, warning in enumerate(report.warnings):
        team = teams.get(warning.case_id)
        counts[str(team)] += team is not None
        if nth < NAMED or (team is not None and counts[str(team)] <= NAMED):
            promises.append(
                {
                    "case_id": warning.case_id,
                    "callback": warning.callback,
                    "purpose": warning.purpose.value,
                    "due_at": warning.due_at.isoformat(),
                    "reason": warning.reason,
                    "skill": warning.skill,
                    "language": warning.language,
                    "team_id": team,
                }
            )
    return Outlook(
        at=now,
        until=report.until,
        calls=report.calls,
        agent_hours=report.agent_hours,
        counts={key: count for key, count in counts.items() if key != "None"},
        promises=promises,
        shortages=[
            {
                "day": lack.day.isoformat(),
                "language": lack.language,
                "skill": lack.skill,
                "calls": lack.calls,
                "agent_hours": lack.agent_hours,
            }
            for lack in report.shortages
        ],
    )
