"""Teams."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select

from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, Name, Out, PathId
from callback.db.engine import reading
from callback.db.tables import Team
from callback.domain.account import Scope
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import agents

router = APIRouter(tags=["teams"])

TeamsReader = Annotated[Principal, Depends(caller(Scope.AGENTS_READ))]
TeamsWriter = Annotated[Principal, Depends(caller(Scope.AGENTS_WRITE))]


class TeamOut(Out):
    id: int
    name: str
    created_at: datetime


class TeamBody(Body):
    name: Name


@router.get("/teams", operation_id="listTeams")
def list_teams(house: HouseDep, me: TeamsReader, page: PageDep) -> Page[TeamOut]:
    """Teams by name."""
    with reading(house.sessions) as session:
        return page.select(session, select(Team), TeamOut.model_validate, kind="teams", order=(Team.name, Team.id))


@router.post("/teams", status_code=201, operation_id="createTeam")
def create_team(body: TeamBody, house: HouseDep, now: Now, me: TeamsWriter, once: OnceDep) -> TeamOut:
    """A new team."""
    with house.sessions.begin() as session:
        return once.run(
            session,
            me,
            lambda: TeamOut.model_validate(agents.create_team(session, body.name, now=now, actor_id=me.agent_id)),
            now=now,
        )


@router.get("/teams/{team_id}", operation_id="readTeam")
def read_team(team_id: PathId, house: HouseDep, me: TeamsReader) -> TeamOut:
    """One team."""
    with reading(house.sessions) as session:
        return TeamOut.model_validate(agents.get_team(session, team_id))


@router.patch("/teams/{team_id}", operation_id="renameTeam")
def rename_team(team_id: PathId, body: TeamBody, house: HouseDep, now: Now, me: TeamsWriter) -> TeamOut:
    """Another name for a team."""
    with house.sessions.begin() as session:
        return TeamOut.model_validate(agents.rename_team(session, team_id, body.name, now=now, actor_id=me.agent_id))
