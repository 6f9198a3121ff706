"""At most once, and nothing lost: invariants of single rows and of rows that belong together.

Several repeat what a constraint guards: a constraint can be dropped by hand or by a restored dump.
"""

# ruff: noqa: S608  what is put into the queries is the constant LIVE

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from callback.db import migrate
from callback.db.engine import is_postgresql
from callback.services.doctor.invariant import Finding, Invariant, by_query

LIVE = "('waiting', 'assigned', 'in_progress', 'blocked')"


def _schema_at_head(session: Session, _now: datetime) -> Iterable[Finding]:
    there, meant = migrate.current(session.connection()), migrate.head()
    if there != meant:
        yield Finding(f"revision {there}", f"{meant}")


def _links(session: Session, _now: datetime) -> Iterable[Finding]:
    """Foreign keys hold on PostgreSQL by themselves; an SQLite file may have been written with them switched off."""
    if not is_postgresql(session):
        for row in session.execute(text("PRAGMA foreign_key_check")):
            yield Finding(f"{row[0]} {row[1]}", f"{row[2]}")


ROWS: tuple[Invariant, ...] = (
    Invariant("schema_at_head", _schema_at_head),
    Invariant("links", _links),
    by_query(
        "closed_with_cause",
        """SELECT 'dissatisfaction ' || id, coalesce(cause, '–') FROM dissatisfactions
        WHERE state = 'closed' AND (cause IS NULL OR sub_cause IS NULL OR closed_at IS NULL)""",
    ),
    by_query(
        "one_live_callback",
        f"""SELECT 'case ' || case_id, purpose || ' × ' || count(*) FROM callbacks
        WHERE state IN {LIVE} GROUP BY case_id, purpose HAVING count(*) > 1""",
    ),
    by_query(
        "one_open_attempt",
        """SELECT 'callback ' || callback_id, count(*) FROM attempts
        WHERE state <> 'ended' GROUP BY callback_id HAVING count(*) > 1""",
    ),
    by_query(
        "open_attempt_belongs_to_live_callback",
        f"""SELECT 'attempt ' || a.id, c.state FROM attempts a JOIN callbacks c ON c.id = a.callback_id
        WHERE a.state <> 'ended' AND c.state NOT IN {LIVE}""",
    ),
    by_query(
        "ended_attempt_has_disposition",
        """SELECT 'attempt ' || id, state || ' / ' || coalesce(disposition, '–') FROM attempts
        WHERE (state = 'ended') <> (disposition IS NOT NULL) OR (state = 'ended' AND ended_at IS NULL)""",
    ),
    by_query(
        "ended_callback_has_result",
        f"""SELECT 'callback ' || id, state FROM callbacks
        WHERE state NOT IN {LIVE} AND (result IS NULL OR finished_at IS NULL)""",
    ),
    by_query(
        "live_callback_has_no_end",
        f"SELECT 'callback ' || id, state FROM callbacks WHERE state IN {LIVE} AND finished_at IS NOT NULL",
    ),
    by_query(
        "assigned_has_agent",
        """SELECT 'callback ' || id, channel FROM callbacks
        WHERE state = 'assigned' AND channel = 'agent' AND (agent_id IS NULL OR planned_at IS NULL)""",
    ),
    by_query(
        "complete_response_has_answers",
        """SELECT 'response ' || r.id, 'callback ' || r.callback_id FROM responses r
        WHERE r.state IN ('complete', 'partial') AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.response_id = r.id)""",
    ),
    by_query(
        "one_live_dissatisfaction",
        """SELECT 'case ' || case_id, count(*) FROM dissatisfactions
        WHERE state IN ('open', 'escalated') GROUP BY case_id HAVING count(*) > 1""",
    ),
    by_query(
        # The planner turns an open flag into a second call at its next look; until then its case is due for that look.
        "dissatisfaction_has_second_call",
        f"""SELECT 'dissatisfaction ' || d.id, coalesce(k.plan_rule, '–')
        FROM dissatisfactions d JOIN cases k ON k.id = d.case_id
        WHERE d.state = 'open' AND k.plan_at IS NULL
          AND coalesce(k.plan_rule, 'second_call') IN ('second_call', 'nothing_owed')
          AND NOT EXISTS (SELECT 1 FROM callbacks c WHERE c.case_id = d.case_id AND c.purpose = 'second_call'
                          AND (c.state IN {LIVE} OR c.created_at >= d.raised_at))""",
    ),
    by_query(
        "told_case_has_no_answer_callback",
        f"""SELECT 'callback ' || c.id, 'case ' || k.id FROM callbacks c JOIN cases k ON k.id = c.case_id
        WHERE c.purpose IN ('answer', 'follow_up') AND c.state IN {LIVE} AND k.told_at IS NOT NULL
          AND k.plan_at IS NULL AND c.state <> 'in_progress'""",
    ),
    by_query(
        "callback_knows_team_of_case",
        """SELECT 'callback ' || c.id, 'case ' || k.id FROM callbacks c JOIN cases k ON k.id = c.case_id
        WHERE coalesce(c.case_team_id, 0) <> coalesce(k.team_id, 0)""",
    ),
    by_query(
        "fictional_number_never_dialled",
        """SELECT 'attempt ' || a.id, 'contact point ' || p.id
        FROM attempts a JOIN contact_points p ON p.id = a.contact_point_id
        WHERE p.fictional AND a.provider_id IS NOT NULL""",
    ),
)
