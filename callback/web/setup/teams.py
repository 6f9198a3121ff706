"""`/setup/teams`: teams, who leads them and who is in them."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.domain.words import SetupKind
from callback.errors import NotFound
from callback.services import agents as service
from callback.services.setups.record import Act
from callback.web.desk import Desk, at_desk
from callback.web.setup.forms import Fields, Form, PathId
from callback.web.setup.history import history_of

router = APIRouter()
Reader = Annotated[Desk, Depends(at_desk(Scope.AGENTS_READ))]
Writer = Annotated[Desk, Depends(at_desk(Scope.AGENTS_WRITE))]
MOST = 500
"""Members that the page of a team shows, and people who may be added at once."""


@router.get("/setup/teams")
def teams(desk: Reader) -> Response:
    with desk.reading() as session:
        of_teams = select(Agent.team_id, func.count()).where(Agent.active).group_by(Agent.team_id)
        counts = Counter(dict(session.execute(of_teams).tuples().all()))
        leading = session.execute(
            select(Agent.team_id, Agent.name).where(Agent.active, Agent.leads_team).order_by(Agent.name)
        )
        leaders: dict[int | None, list[str]] = {}
        for team_id, name in leading:
            leaders.setdefault(team_id, []).append(name)
        return desk.page(
            "setup/teams/page.html",
            teams=rows.team_names(session),
            counts=counts,
            leaders=leaders,
            fields=Fields(desk),
            may=Scope.AGENTS_WRITE in desk.me.scopes,
        )


@router.post("/setup/teams")
def create(desk: Writer, form: Form) -> Response:
    fields = Fields(desk, form)
    name = fields.text("name", most=120)
    if not fields.faults:
        with fields.telling({"team_name_taken": "name"}), desk.begin() as session:
            team_id = service.create_team(session, name, now=desk.now, actor_id=desk.me.agent_id).id
    if fields.faults:
        return desk.fragment("setup/teams/new.html", status=422, fields=fields)
    return desk.go(f"/setup/teams/{team_id}", said="setup_desk.team_made", name=name)


@router.get("/setup/teams/{team_id}")
def one(desk: Reader, team_id: PathId) -> Response:
    with desk.reading() as session:
        team = service.get_team(session, team_id)
        return desk.page(
            "setup/teams/one.html",
            **_members(session, team_id),
            team=team,
            fields=Fields(desk, name=team.name),
            may=Scope.AGENTS_WRITE in desk.me.scopes,
            history=history_of(desk, session, SetupKind.TEAM, team_id),
        )


def _members(session: Session, team_id: int) -> dict[str, Any]:
    query = select(Agent).where(Agent.active)
    members = session.scalars(
        query.where(Agent.team_id == team_id).order_by(Agent.leads_team.desc(), Agent.name).limit(MOST)
    ).all()
    free = query.where(Agent.team_id.is_(None)).order_by(Agent.name).limit(MOST)
    return {"members": members, "free": session.scalars(free).all()}


@router.post("/setup/teams/{team_id}")
def rename(desk: Writer, team_id: PathId, form: Form) -> Response:
    fields = Fields(desk, form)
    name = fields.text("name", most=120)
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    if not fields.faults:
        with fields.telling({"team_name_taken": "name"}), desk.begin() as session:
            service.rename_team(session, team_id, name, now=desk.now, actor_id=desk.me.agent_id, act=act)
    if fields.faults:
        with desk.reading() as session:
            team = service.get_team(session, team_id)
            return desk.fragment("setup/teams/rename.html", status=422, fields=fields, team=team)
    return desk.go(f"/setup/teams/{team_id}", said="setup_desk.saved", undo=f"/setup/undo/{act.handle}")


@router.post("/setup/teams/{team_id}/leader")
def lead(desk: Writer, team_id: PathId, form: Form) -> Response:
    """One of the members leads the team, and nobody else of it; new needs heard in calls go to them."""
    leader = Fields(desk, form).identity("leader")
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        members = {agent.id for agent in session.scalars(select(Agent).where(Agent.team_id == team_id))}
        if leader is not None and leader not in members:
            raise NotFound("agent_not_found")
        count = service.change_many(session, members, lambda agent: {"leads_team": agent.id == leader}, act=act)
    undo = f"/setup/undo/{act.handle}" if count else None
    return desk.go(f"/setup/teams/{team_id}", said="setup_desk.saved", undo=undo)


@router.post("/setup/teams/{team_id}/members")
def add(desk: Writer, team_id: PathId, form: Form) -> Response:
    ids = Fields(desk, form).ids("agent", most=MOST)
    return _move(desk, team_id, ids, to=team_id)


@router.post("/setup/teams/{team_id}/members/{agent_id}/out")
def take_out(desk: Writer, team_id: PathId, agent_id: PathId) -> Response:
    return _move(desk, team_id, [agent_id], to=None)


def _move(desk: Desk, team_id: int, ids: list[int], *, to: int | None) -> Response:
    act = Act.of(now=desk.now, actor_id=desk.me.agent_id)
    with desk.begin() as session:
        service.get_team(session, team_id)
        count = service.change_many(session, ids, lambda _agent: {"team_id": to, "leads_team": False}, act=act)
    undo = f"/setup/undo/{act.handle}" if count else None
    return desk.go(f"/setup/teams/{team_id}", said="setup_desk.many_changed", undo=undo, count=count)
