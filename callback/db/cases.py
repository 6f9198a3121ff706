"""Cases and their promises: how they are found."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Exists, Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from callback.db.among import among, plain
from callback.db.claims import callbacks_in_order
from callback.db.dissatisfactions import LIVE
from callback.db.tables import Agent, Callback, Case, CaseHandler, ContactPoint, Dissatisfaction, Promise
from callback.domain.words import CaseStatus, ContactState, PromiseState, Role


def by_id(session: Session, case_id: int) -> Case | None:
    return session.get(Case, case_id)


def by_external_id(session: Session, *, source: str, external_id: str) -> Case | None:
    return session.scalars(select(Case).where(Case.source == source, Case.external_id == external_id)).one_or_none()


def open_promise(session: Session, case_id: int) -> Promise | None:
    """The promise that is still to be kept; a case has one at the most."""
    return session.scalars(
        select(Promise).where(Promise.case_id == case_id, Promise.state == PromiseState.OPEN)
    ).one_or_none()


def handled_as(session: Session, *, case_id: int, agent_id: int, role: str) -> bool:
    """Whether it is on record already that the agent handled the case in this role."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    CaseHandler.case_id == case_id, CaseHandler.agent_id == agent_id, CaseHandler.role == role
                )
            )
        )
    )


def leader_of(session: Session, team_id: int | None) -> Agent | None:
    """The active leader of a team; of several, the one who has been there longest."""
    if team_id is None:
        return None
    return session.scalars(
        select(Agent).where(Agent.team_id == team_id, Agent.leads_team, Agent.active).order_by(Agent.id).limit(1)
    ).one_or_none()


def any_supervisor(session: Session) -> Agent | None:
    return session.scalars(
        select(Agent).where(Agent.role == Role.SUPERVISOR, Agent.active).order_by(Agent.id).limit(1)
    ).one_or_none()


def listed(
    *,
    status: CaseStatus | None = None,
    needs_data: bool = False,
    source: str | None = None,
    owner_id: int | None = None,
) -> Select[tuple[Case]]:
    """Cases that match. The edge adds order, cursor and limit."""
    query = select(Case)
    if status is not None:
        query = query.where(Case.status == status)
    if source is not None:
        query = query.where(Case.source == source)
    if owner_id is not None:
        query = query.where(Case.owner_id == owner_id)
    if needs_data:
        query = query.where(~has_contact())
    return query


def has_contact() -> Exists:
    """SQL condition: the customer of the case has a contact point that is not known to be wrong or dead."""
    return exists().where(ContactPoint.customer_id == Case.customer_id, ContactPoint.state == ContactState.GOOD)


def seen_by(query: Select[tuple[Case]], agent_id: int) -> Select[tuple[Case]]:
    """Agents see their own work alone: what they own, handled, or have to call about."""
    return query.where(
        or_(
            Case.owner_id == agent_id,
            exists().where(CaseHandler.case_id == Case.id, CaseHandler.agent_id == agent_id),
            exists().where(Callback.case_id == Case.id, Callback.agent_id == agent_id),
        )
    )


def count(session: Session, query: Select[tuple[Case]]) -> int:
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def children(session: Session, case_id: int) -> Sequence[Case]:
    return session.scalars(select(Case).where(Case.parent_id == case_id).order_by(Case.id)).all()


def teams_of(session: Session, case_ids: Iterable[int]) -> dict[int, int | None]:
    """The team of each of these cases."""
    query = select(Case.id, Case.team_id).where(among(session, Case.id, list(case_ids)))
    return {row.id: row.team_id for row in plain(session, query)}


def move_to_team(session: Session, case_id: int, team_id: int | None) -> None:
    """The case went to another team: all its callbacks follow it, and the flags that are not settled yet."""
    callbacks = update(Callback).where(callbacks_in_order(Callback.case_id == case_id)).values(case_team_id=team_id)
    flags = update(Dissatisfaction).where(Dissatisfaction.case_id == case_id, Dissatisfaction.state.in_(LIVE))
    for statement in (callbacks, flags.values(team_id=team_id)):
        session.execute(statement, execution_options={"synchronize_session": False})
