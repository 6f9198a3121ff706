"""What a supervisor may ask for: the figures of the board, and the lists behind them, by one and the same condition.

Each kind of work has a partial index of its own (`db/tables/callbacks.py`); its condition stands here word for word,
because SQLite uses such an index for nothing less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, exists, func, not_, or_, select, text
from sqlalchemy.orm import Session, aliased

from callback.db import board
from callback.db.keyset import after_key
from callback.db.tables import Agent, Attempt, Callback, Case, Customer, Promise, Response, Team
from callback.db.tables.callbacks import OWED_BY_A_PERSON, UNDECIDED
from callback.db.tables.cases import WITHOUT_ADDRESS
from callback.domain.plan import ASKED_FOR
from callback.domain.words import AttemptState, BlockedBy, CallbackState, Channel, Disposition, Purpose

MOST = 999
"""More than so many are not counted: nobody needs to know whether it is 4,000 or 5,000, and counting takes time."""
SOON = timedelta(hours=2)
_ASKED_FOR = and_(Callback.purpose == Purpose.VISIT, Callback.priority_floor >= ASKED_FOR)
PROMISED: dict[bool, ColumnElement[bool]] = {
    True: or_(
        Callback.purpose.in_((Purpose.ANSWER, Purpose.HOLDING, Purpose.FOLLOW_UP, Purpose.SECOND_CALL)), _ASKED_FOR
    ),
    False: and_(Callback.purpose.in_((Purpose.SURVEY, Purpose.VISIT)), not_(_ASKED_FOR)),
}
"""Whether it is owed by a time that somebody was told, or that the house promises by rule; so is a visit that the
customer has asked for."""


class Kind(StrEnum):
    """What the list is about. `owed`: every live callback of people."""

    OWED = "owed"
    OVERDUE = "overdue"
    SOON = "soon"
    WAITING = "waiting"
    ASSIGNED = "assigned"
    CALLING = "calling"
    NOBODY_QUALIFIES = "nobody_qualifies"
    NO_LEGAL_MOMENT = "no_legal_moment"
    NEEDS_DATA = "needs_data"
    SUPERVISOR_ONLY = "supervisor_only"
    EXHAUSTED = "exhausted"
    DONE_TODAY = "done_today"
    REACHED_TODAY = "reached_today"
    UNREACHED_TODAY = "unreached_today"
    CONTENT_TODAY = "content_today"
    DISCONTENT_TODAY = "discontent_today"
    RECOMMENDING_TODAY = "recommending_today"


DIALLED_TODAY: dict[Kind, tuple[Disposition, ...]] = {
    Kind.REACHED_TODAY: board.REACHED,
    Kind.UNREACHED_TODAY: tuple(found for found in board.DIALLED if found not in board.REACHED),
}
ANSWERED_TODAY: dict[Kind, ColumnElement[bool]] = {
    Kind.CONTENT_TODAY: Response.csat >= board.CONTENT,
    Kind.DISCONTENT_TODAY: Response.csat < board.CONTENT,
    Kind.RECOMMENDING_TODAY: Response.nps.is_not(None),
}
TODAY = frozenset({*DIALLED_TODAY, *ANSWERED_TODAY})
"""Behind the board's shares of today: what was called, and what was answered."""
BLOCKED: dict[Kind, BlockedBy] = {Kind(reason.value): reason for reason in BlockedBy}
_OWED = text(OWED_BY_A_PERSON.replace("state", "callbacks.state").replace("channel", "callbacks.channel"))
_CALLING = (text("callbacks.state = 'in_progress'"), text("callbacks.channel = 'agent'"))
_UNDECIDED = text(UNDECIDED.replace("state", "callbacks.state").replace("decided_at", "callbacks.decided_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A list of callbacks. Empty fields are no condition."""

    kind: Kind
    purposes: tuple[Purpose, ...] = ()
    promised: bool | None = None
    """As `PROMISED`; None: both."""
    team_id: int | None = None
    agent_id: int | None = None
    planned_before: datetime | None = None

    @property
    def newest_first(self) -> bool:
        """What has ended is listed from its end backwards; what is owed by its due time."""
        return self.kind in (Kind.EXHAUSTED, Kind.DONE_TODAY)


def matching(query: Select[Any], wanted: Wanted, *, now: datetime, day_starts: datetime) -> Select[Any]:
    """`query` over callbacks, narrowed to what is wanted."""
    if wanted.kind in TODAY:
        query = query.where(Callback.id.in_(_of_today(wanted.kind, wanted.team_id, now=now, day_starts=day_starts)))
    else:
        query = query.where(*_of_kind(wanted.kind, now=now, day_starts=day_starts))
    if wanted.purposes:
        query = query.where(Callback.purpose.in_(wanted.purposes))
    if wanted.promised is not None:
        query = query.where(PROMISED[wanted.promised])
    if wanted.agent_id is not None:
        query = query.where(Callback.agent_id == wanted.agent_id)
    if wanted.planned_before is not None:
        query = query.where(Callback.planned_at < wanted.planned_before)
    if wanted.team_id is None or wanted.kind in TODAY:
        return query
    return query.where(of_team(wanted.team_id))


def _of_kind(kind: Kind, *, now: datetime, day_starts: datetime) -> Sequence[ColumnElement[bool] | Any]:
    if kind in BLOCKED:
        return text("callbacks.state = 'blocked'"), Callback.blocked_by == BLOCKED[kind]
    conditions: dict[Kind, Sequence[Any]] = {
        Kind.OWED: (_OWED,),
        Kind.OVERDUE: (_OWED, Callback.due_at < now),
        Kind.SOON: (_OWED, Callback.due_at >= now, Callback.due_at < now + SOON),
        Kind.WAITING: (_OWED, text("callbacks.state = 'waiting'")),
        Kind.ASSIGNED: (_OWED, Callback.state == CallbackState.ASSIGNED),
        Kind.CALLING: _CALLING,
        Kind.EXHAUSTED: (_UNDECIDED,),
        Kind.DONE_TODAY: (Callback.finished_at >= day_starts, Callback.state == CallbackState.DONE),
    }
    return conditions[kind]


def _of_today(kind: Kind, team_id: int | None, *, now: datetime, day_starts: datetime) -> Select[tuple[int]]:
    """Callbacks behind a figure of today, by the figure's own condition (`db/board.py`). Calls are of the agent's team,
    answers of the team of the case."""
    if kind in DIALLED_TODAY:
        among_agents = select(Agent.id).where(Agent.team_id == team_id)
        calls = select(Attempt.callback_id).where(
            Attempt.ended_at >= day_starts,
            Attempt.ended_at <= now,
            Attempt.channel == Channel.AGENT,
            Attempt.disposition.in_(DIALLED_TODAY[kind]),
        )
        return calls if team_id is None else calls.where(Attempt.agent_id.in_(among_agents))
    answers = select(Response.callback_id).where(Response.completed_at >= day_starts, ANSWERED_TODAY[kind])
    if team_id is not None:
        answers = answers.join(Case, Case.id == Response.case_id).where(Case.team_id == team_id)
    return answers


def of_team(team_id: int) -> ColumnElement[bool]:
    """The work of a team: what its people have, and its cases' calls that nobody has."""
    people = select(Agent.id).where(Agent.team_id == team_id)
    return or_(Callback.agent_id.in_(people), and_(Callback.agent_id.is_(None), Callback.case_team_id == team_id))


def up_to_most(query: Select[Any]) -> ScalarSelect[int]:
    """How many there are, but no more than `MOST + 1`: as a part of another statement."""
    return select(func.count()).select_from(query.limit(MOST + 1).subquery()).scalar_subquery()


def counts(
    session: Session, wanted: dict[str, Wanted], *, now: datetime, day_starts: datetime, **others: ScalarSelect[int]
) -> dict[str, int]:
    """How many of each, up to `MOST + 1`, in one statement; `others` are counted along."""
    columns = [
        up_to_most(matching(select(Callback.id), one, now=now, day_starts=day_starts)).label(name)
        for name, one in wanted.items()
    ]
    columns += [query.label(name) for name, query in others.items()]
    return dict(session.execute(select(*columns)).one()._mapping)


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(
    session: Session,
    wanted: Wanted,
    *,
    now: datetime,
    day_starts: datetime,
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """One page, by due time, or by the end of what has ended. The page is found first, and only then joined."""
    moment = Callback.finished_at if wanted.newest_first else Callback.due_at
    found = matching(select(Callback.id, moment.label("moment")), wanted, now=now, day_starts=day_starts)
    found = after_key(found, (moment, Callback.id), after, descending=wanted.newest_first)
    return _lines(session, found.limit(limit), newest_first=wanted.newest_first)


def _lines(session: Session, found: Select[Any], *, newest_first: bool) -> Sequence[Row[Any]]:
    chosen = found.subquery()
    place = (chosen.c.moment, chosen.c.id)
    query = (
        select(*LINE, chosen.c.moment)
        .join(chosen, chosen.c.id == Callback.id)
        .join(Case, Case.id == Callback.case_id)
        .join(Customer, Customer.id == Callback.customer_id)
        .outerjoin(Agent, Agent.id == Callback.agent_id)
        .outerjoin(Team, Team.id == Case.team_id)
    )
    return session.execute(query.order_by(*(column.desc() if newest_first else column for column in place))).all()


LINE = (
    Callback.id,
    Callback.handle,
    Callback.purpose,
    Callback.channel,
    Callback.state,
    Callback.blocked_by,
    Callback.due_at,
    Callback.planned_at,
    Callback.finished_at,
    Callback.result,
    Callback.attempts_made,
    Callback.version,
    Callback.case_id,
    Case.subject,
    Case.promised_at,
    Customer.name.label("customer"),
    Customer.time_zone,
    Customer.special,
    Agent.name.label("agent"),
    Team.name.label("team"),
)


# ── Cases behind a figure ───────────────────────────────────────────────────────────────────────────────────────────

_WITHOUT_ADDRESS = text(WITHOUT_ADDRESS.replace("plan_rule", "cases.plan_rule"))


def cases_without_address(*, team_id: int | None) -> Select[Any]:
    """Cases whose customer nobody can reach: no callback is made before somebody has found a number."""
    query = select(Case.id, Case.opened_at.label("moment")).where(_WITHOUT_ADDRESS)
    return query if team_id is None else query.where(Case.team_id == team_id)


def broken_promises(*, since: datetime, team_id: int | None) -> Select[Any]:
    """Promises that were broken since then."""
    query = select(Promise.id, Promise.case_id, Promise.settled_at.label("moment")).where(
        text("promises.state = 'broken'"), Promise.settled_at >= since
    )
    if team_id is not None:
        query = query.where(exists().where(Case.id == Promise.case_id, Case.team_id == team_id))
    return query


def page_of_cases(
    session: Session, *, team_id: int | None, after: tuple[datetime, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Cases without an address, the oldest first."""
    found = after_key(cases_without_address(team_id=team_id), (Case.opened_at, Case.id), after)
    chosen = found.limit(limit).subquery()
    query = (
        select(
            Case.id,
            Case.subject,
            Case.promised_at,
            Case.opened_at,
            Case.customer_id,
            Customer.name.label("customer"),
            Team.name.label("team"),
            chosen.c.moment,
        )
        .join(chosen, chosen.c.id == Case.id)
        .join(Customer, Customer.id == Case.customer_id)
        .outerjoin(Team, Team.id == Case.team_id)
    )
    return session.execute(query.order_by(chosen.c.moment, Case.id)).all()


def page_of_promises(
    session: Session, *, since: datetime, team_id: int | None, after: tuple[datetime, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """Promises that were broken since then, the last first, each with the live callback of its case."""
    found = broken_promises(since=since, team_id=team_id)
    found = after_key(found, (Promise.settled_at, Promise.id), after, descending=True)
    chosen = found.limit(limit).subquery()
    live = aliased(Callback)
    newest = (
        select(live.handle)
        .where(live.case_id == chosen.c.case_id, live.state.in_([state for state in CallbackState if state.is_live]))
        .order_by(live.id.desc())
        .limit(1)
        .correlate(chosen)
        .scalar_subquery()
    )
    query = (
        select(
            chosen.c.id,
            Case.id.label("case_id"),
            Case.subject,
            Case.told_at,
            Case.promised_at,
            Customer.name.label("customer"),
            Team.name.label("team"),
            Promise.due_at,
            chosen.c.moment,
            newest.label("handle"),
        )
        .join(Promise, Promise.id == chosen.c.id)
        .join(Case, Case.id == chosen.c.case_id)
        .join(Customer, Customer.id == Case.customer_id)
        .outerjoin(Team, Team.id == Case.team_id)
    )
    return session.execute(query.order_by(chosen.c.moment.desc(), chosen.c.id.desc())).all()


# ── Calls under way ─────────────────────────────────────────────────────────────────────────────────────────────────


def calls_under_way(session: Session, *, team_id: int | None, limit: int) -> Sequence[Row[Any]]:
    """Who is calling whom, the longest call first."""
    attempt = aliased(Attempt)
    query = (
        select(
            Callback.handle,
            Callback.purpose,
            Callback.lease_until,
            Agent.name.label("agent"),
            Customer.name.label("customer"),
            attempt.started_at,
            attempt.identity_at,
        )
        .join(attempt, and_(attempt.callback_id == Callback.id, attempt.state != AttemptState.ENDED))
        .join(Agent, Agent.id == Callback.claimed_by_id)
        .join(Customer, Customer.id == Callback.customer_id)
        .where(*_CALLING)
        .order_by(attempt.started_at, attempt.id)
        .limit(limit)
    )
    return session.execute(query if team_id is None else query.where(Agent.team_id == team_id)).all()


def teams(session: Session) -> Sequence[tuple[int, str]]:
    return [(row.id, row.name) for row in session.execute(select(Team.id, Team.name).order_by(Team.name))]


def agents(session: Session, *, team_id: int | None) -> Sequence[tuple[int, str]]:
    query = select(Agent.id, Agent.name).where(Agent.active).order_by(Agent.name, Agent.id)
    return [
        (row.id, row.name)
        for row in session.execute(query if team_id is None else query.where(Agent.team_id == team_id))
    ]
