"""The people who work here."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints

from callback.api.accounts import Login, Password
from callback.api.idempotency import OnceDep
from callback.api.paging import Page, PageDep
from callback.api.schemas import Body, BodyId, Name, Out, PathId, Version, left_out
from callback.api.versions import IfMatch, check_version, set_etag
from callback.db import agents as rows
from callback.db.engine import reading
from callback.db.tables import Agent
from callback.domain.account import Scope
from callback.domain.words import Role
from callback.entrance import HouseDep, Now, Principal, caller
from callback.services import agents
from callback.texts import Language

router = APIRouter(tags=["agents"])

AgentsReader = Annotated[Principal, Depends(caller(Scope.AGENTS_READ))]
AgentsWriter = Annotated[Principal, Depends(caller(Scope.AGENTS_WRITE))]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32)]
Skill = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Languages = Annotated[list[Language], Field(min_length=1, max_length=2)]
Skills = Annotated[list[Skill], Field(max_length=50)]
Capacity = Annotated[int, Field(ge=0, le=1000, description="Callbacks a day at the most.")]
Phone = Annotated[
    str,
    StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"),
    Field(description="Where a call through the carrier rings the agent, in E.164."),
]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]


class AgentOut(Out):
    id: int
    login: str
    name: str
    number: str
    role: Role
    team_id: int | None
    leads_team: bool
    languages: list[str]
    skills: list[str]
    daily_capacity: int
    time_zone: str
    phone: str | None
    active: bool
    created_at: datetime
    version: int


class NewAgent(Body):
    login: Login
    name: Name
    number: Number
    role: Role = Role.AGENT
    team_id: BodyId | None = None
    leads_team: bool = False
    languages: Languages = Field(default=["zh", "en"])
    skills: Skills = Field(default=[])
    daily_capacity: Capacity = 60
    time_zone: Zone | None = Field(default=None, description="Null: the centre's.")
    phone: Phone | None = None
    password: Password | None = Field(default=None, description="Null: nobody logs in; a program's account.")


class AgentChange(Body):
    login: Login = left_out()
    name: Name = left_out()
    number: Number = left_out()
    role: Role = left_out()
    team_id: BodyId | None = left_out()
    leads_team: bool = left_out()
    languages: Languages = left_out()
    skills: Skills = left_out()
    daily_capacity: Capacity = left_out()
    time_zone: Zone = left_out()
    phone: Phone | None = left_out()
    active: bool = left_out()
    version: Version | None = None


class GivenPassword(Body):
    password: Password


@router.get("/agents", operation_id="listAgents")
def list_agents(
    house: HouseDep,
    me: AgentsReader,
    page: PageDep,
    active: bool | None = None,
    team_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    role: Role | None = None,
) -> Page[AgentOut]:
    """Agents, supervisors and administrators, by login."""
    with reading(house.sessions) as session:
        query = rows.agents(active=active, team_id=team_id, role=role)
        return page.select(session, query, AgentOut.model_validate, kind="agents", order=(Agent.login, Agent.id))


@router.post("/agents", status_code=201, operation_id="createAgent")
def create_agent(body: NewAgent, house: HouseDep, now: Now, me: AgentsWriter, once: OnceDep) -> AgentOut:
    """A new agent."""
    details = agents.AgentDetails(
        login=body.login,
        name=body.name,
        number=body.number,
        role=body.role,
        team_id=body.team_id,
        leads_team=body.leads_team,
        languages=tuple(body.languages),
        skills=tuple(body.skills),
        daily_capacity=body.daily_capacity,
        time_zone=body.time_zone or house.settings.time_zone,
        phone=body.phone,
    )
    with house.sessions.begin() as session:
        return once.run(
            session,
            me,
            lambda: AgentOut.model_validate(
                agents.create(session, details, now=now, actor_id=me.agent_id, password=body.password)
            ),
            now=now,
        )


@router.get("/agents/{agent_id}", operation_id="readAgent")
def read_agent(agent_id: PathId, house: HouseDep, me: AgentsReader, response: Response) -> AgentOut:
    """One agent."""
    with reading(house.sessions) as session:
        agent = agents.get(session, agent_id)
        set_etag(response, agent.version)
        return AgentOut.model_validate(agent)


@router.patch("/agents/{agent_id}", operation_id="changeAgent")
def change_agent(
    agent_id: PathId,
    body: AgentChange,
    house: HouseDep,
    now: Now,
    me: AgentsWriter,
    if_match: IfMatch,
    response: Response,
) -> AgentOut:
    """Change what is given. A new role or a deactivation logs the agent out everywhere."""
    changes: dict[str, Any] = body.model_dump(exclude_unset=True, exclude={"version"})
    with house.sessions.begin() as session:
        present = agents.get(session, agent_id).version
        version = check_version(present, if_match=if_match, body=body.version)
        agent = agents.change(session, agent_id, changes, version=version, now=now, actor_id=me.agent_id)
        set_etag(response, agent.version)
        return AgentOut.model_validate(agent)


@router.put("/agents/{agent_id}/password", status_code=204, operation_id="giveAgentPassword")
def give_password(agent_id: PathId, body: GivenPassword, house: HouseDep, now: Now, me: AgentsWriter) -> None:
    """A new password for somebody who forgot theirs; every session of theirs ends."""
    with house.sessions.begin() as session:
        agents.give_password(session, agent_id, body.password, now=now, actor_id=me.agent_id)
