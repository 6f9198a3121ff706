"""The people who work here: made, changed, sent home, and what that means for their sessions and their callbacks."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import update
from sqlalchemy.orm import Session

from callback.db import accounts as account_rows
from callback.db import agents as rows
from callback.db.jobs import enqueue
from callback.db.tables import Agent, Team
from callback.domain.words import Role, SetupKind
from callback.errors import Conflict, Invalid, NotFound
from callback.services import accounts, audit
from callback.services.setups.record import Act, Change, Document, record, record_many

LANGUAGES = frozenset({"zh", "en"})
KEPT = (
    "login",
    "name",
    "number",
    "role",
    "team_id",
    "leads_team",
    "languages",
    "skills",
    "daily_capacity",
    "time_zone",
    "phone",
    "active",
)
"""What a version of an agent remembers. Never the password."""
TOGETHER = frozenset({"team_id", "leads_team", "languages", "skills", "daily_capacity", "time_zone"})
"""What may be changed for many at once: it is nobody's name and takes nobody's rights away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDetails:
    """What somebody decides about an agent; all of it is checked by `create` and `change`."""

    login: str
    name: str
    number: str
    time_zone: str
    role: Role = Role.AGENT
    team_id: int | None = None
    leads_team: bool = False
    languages: tuple[str, ...] = ("zh", "en")
    skills: tuple[str, ...] = ()
    daily_capacity: int = 60
    phone: str | None = None
    """E.164: where a call through the carrier rings them."""


def create(
    session: Session, details: AgentDetails, *, now: datetime, actor_id: int | None, password: str | None = None
) -> Agent:
    """A new agent. Without a password nobody can log in as them: an account for a program's token.

    Raises `Conflict` for a login or number that is taken, `Invalid` for an unknown zone, language or team.
    """
    _check(session, vars_of(details))
    _refuse_taken(session, login=details.login, number=details.number)
    agent = Agent(
        login=details.login,
        name=details.name,
        number=details.number,
        role=details.role,
        team_id=details.team_id,
        leads_team=details.leads_team,
        languages=list(details.languages),
        skills=list(details.skills),
        daily_capacity=details.daily_capacity,
        time_zone=details.time_zone,
        phone=details.phone,
        active=True,
        created_at=now,
        version=1,
    )
    if password is not None:
        accounts.set_password(agent, password)
    session.add(agent)
    session.flush()
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="agent_created",
        subject_kind="agent",
        subject_id=agent.id,
        login=agent.login,
        role=agent.role.value,
    )
    act = Act.of(now=now, actor_id=actor_id)
    record(session, SetupKind.AGENT, agent.id, Change({}, document_of(agent)), act)
    enqueue(session, "plan", queueing_lock="plan")
    return agent


def vars_of(details: AgentDetails) -> dict[str, Any]:
    return {name: getattr(details, name) for name in AgentDetails.__slots__}


def change(
    session: Session,
    agent_id: int,
    changes: Mapping[str, Any],
    *,
    version: int,
    now: datetime,
    actor_id: int | None,
    act: Act | None = None,
) -> Agent:
    """Change some columns (those of `AgentDetails` and `active`) of the agent that the author saw at `version`.

    A new role and a deactivation log the agent out everywhere; a deactivation revokes the tokens as well. The last
    active administrator keeps the office: `Conflict("last_administrator")`.
    """
    agent = get(session, agent_id)
    before = document_of(agent)
    _check(session, changes)
    _refuse_taken(session, login=changes.get("login"), number=changes.get("number"), but=agent_id)
    _keep_an_administrator(session, agent, changes)
    if not rows.bump(session, agent_id, version):
        raise Conflict("changed_meanwhile", present=agent.version)
    session.refresh(agent)
    changed = {name: value for name, value in changes.items() if _plain(getattr(agent, name)) != _plain(value)}
    for name, value in changed.items():
        setattr(agent, name, list(value) if isinstance(value, tuple) else value)
    session.flush()
    if "role" in changed or changed.get("active") is False:
        account_rows.revoke_sessions(session, agent_id, now=now)
    if changed.get("active") is False:
        account_rows.revoke_tokens(session, agent_id, now=now)
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="agent_changed",
        subject_kind="agent",
        subject_id=agent_id,
        changed={name: "…" if name == "phone" and value else _plain(value) for name, value in changed.items()},
    )
    act = act or Act.of(now=now, actor_id=actor_id)
    record(session, SetupKind.AGENT, agent_id, Change(before, document_of(agent)), act)
    enqueue(session, "plan", queueing_lock="plan")
    return agent


def document_of(agent: Agent) -> Document:
    """An agent as a version remembers them."""
    return {name: _plain(getattr(agent, name)) for name in KEPT}


def change_many(
    session: Session,
    agent_ids: Collection[int],
    change_of: Callable[[Agent], Mapping[str, Any]],
    *,
    act: Act,
) -> int:
    """Change columns of `TOGETHER` of many agents, each in its own way; how many were changed.

    Nobody's version is asked for: what is said of many at once (one skill more, another team) does not depend on what
    else was changed meanwhile.
    """
    changes: dict[str, Change] = {}
    for agent in rows.lock_agents(session, agent_ids):
        before = document_of(agent)
        wanted = change_of(agent)
        if not set(wanted) <= TOGETHER:
            raise ValueError(f"not for many at once: {sorted(set(wanted) - TOGETHER)}")
        _check(session, wanted)
        for name, value in wanted.items():
            setattr(agent, name, _plain(value))
        after = document_of(agent)
        if after == before:
            continue
        agent.version += 1
        changes[str(agent.id)] = Change(before, after)
        audit.record(
            session,
            now=act.now,
            actor_id=act.actor_id,
            action="agent_changed",
            subject_kind="agent",
            subject_id=agent.id,
            changed={name: after[name] for name in after if after[name] != before[name]},
        )
    session.flush()
    record_many(session, SetupKind.AGENT, changes, act)
    if changes:
        enqueue(session, "plan", queueing_lock="plan")
    return len(changes)


def put_back(session: Session, documents: Mapping[int, Document], *, act: Act) -> int:
    """Agents as they were, by id: by the same checks as any change."""
    together: dict[int, Document] = {}
    for agent in rows.lock_agents(session, documents):
        present, wanted = document_of(agent), documents[agent.id]
        changes = {name: value for name, value in wanted.items() if present.get(name) != value}
        if set(changes) <= TOGETHER:
            together[agent.id] = changes
            continue
        changes = {name: Role(value) if name == "role" else value for name, value in changes.items()}
        change(session, agent.id, changes, version=agent.version, now=act.now, actor_id=act.actor_id, act=act)
    return change_many(session, list(together), lambda agent: together[agent.id], act=act)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def get(session: Session, agent_id: int) -> Agent:
    agent = session.get(Agent, agent_id)
    if agent is None:
        raise NotFound("agent_not_found")
    return agent


def by_login(session: Session, login: str) -> Agent:
    """For the command line, where people are named by their login. Raises `NotFound("login_not_found")`."""
    agent = account_rows.agent_by_login(session, login)
    if agent is None:
        raise NotFound("login_not_found", login=login)
    return agent


def give_password(session: Session, agent_id: int, password: str, *, now: datetime, actor_id: int | None) -> None:
    """A new password from an administrator: every session of the agent ends."""
    agent = get(session, agent_id)
    accounts.set_password(agent, password)
    account_rows.revoke_sessions(session, agent_id, now=now)
    audit.record(
        session, now=now, actor_id=actor_id, action="password_given", subject_kind="agent", subject_id=agent_id
    )


def reveal_phone(session: Session, agent_id: int, *, now: datetime, actor_id: int) -> str | None:
    """An agent's own number in full; that somebody looked is kept."""
    agent = get(session, agent_id)
    audit.record(
        session, now=now, actor_id=actor_id, action="agent_phone_revealed", subject_kind="agent", subject_id=agent_id
    )
    return agent.phone


def first_administrator(session: Session, *, login: str, password: str, time_zone: str, now: datetime) -> Agent:
    """The account to begin with. Raises `Conflict("administrator_exists")` when there is one."""
    rows.lock_administrators(session)
    refuse_second_administrator(session)
    details = AgentDetails(login=login, name=login, number=login, role=Role.ADMINISTRATOR, time_zone=time_zone)
    return create(session, details, now=now, actor_id=None, password=password)


def refuse_second_administrator(session: Session) -> None:
    """Raises `Conflict("administrator_exists")`: `callback init` makes the first one alone."""
    if rows.active_administrators(session):
        raise Conflict("administrator_exists")


def _check(session: Session, columns: Mapping[str, Any]) -> None:
    zone = columns.get("time_zone")
    if zone is not None:
        check_zone(zone)
    for language in columns.get("languages") or ():
        if language not in LANGUAGES:
            raise Invalid("language_not_known", language=language)
    team_id = columns.get("team_id")
    if team_id is not None and session.get(Team, team_id) is None:
        raise Invalid("team_not_known", team_id=team_id)


def check_zone(name: str) -> ZoneInfo:
    """Raises `Invalid("zone_not_known")` for what is no IANA zone."""
    if name not in available_timezones():
        raise Invalid("zone_not_known", zone=name)
    return ZoneInfo(name)


def _refuse_taken(session: Session, *, login: str | None, number: str | None, but: int | None = None) -> None:
    what = rows.taken(session, login=login, number=number, but=but)
    if what is not None:
        raise Conflict(f"{what}_taken", value=login if what == "login" else number)


def _keep_an_administrator(session: Session, agent: Agent, changes: Mapping[str, Any]) -> None:
    """Nobody could mend a house without an administrator."""
    leaves = changes.get("active") is False or changes.get("role", agent.role) != Role.ADMINISTRATOR
    if agent.role != Role.ADMINISTRATOR or not agent.active or not leaves:
        return
    rows.lock_administrators(session)
    if rows.active_administrators(session, but=agent.id) == 0:
        raise Conflict("last_administrator")


def create_team(session: Session, name: str, *, now: datetime, actor_id: int | None) -> Team:
    if rows.team_named(session, name) is not None:
        raise Conflict("team_name_taken", value=name)
    team = Team(name=name, created_at=now)
    session.add(team)
    session.flush()
    act = Act.of(now=now, actor_id=actor_id)
    record(session, SetupKind.TEAM, team.id, Change({}, {"name": name}), act)
    audit.record(session, now=now, actor_id=actor_id, action="team_created", subject_kind="team", subject_id=team.id)
    return team


def rename_team(
    session: Session, team_id: int, name: str, *, now: datetime, actor_id: int | None, act: Act | None = None
) -> Team:
    team = get_team(session, team_id)
    other = rows.team_named(session, name)
    if other is not None and other.id != team_id:
        raise Conflict("team_name_taken", value=name)
    change = Change({"name": team.name}, {"name": name})
    session.execute(update(Team).where(Team.id == team_id).values(name=name))
    record(session, SetupKind.TEAM, team_id, change, act or Act.of(now=now, actor_id=actor_id))
    audit.record(
        session, now=now, actor_id=actor_id, action="team_renamed", subject_kind="team", subject_id=team_id, name=name
    )
    return team


def get_team(session: Session, team_id: int) -> Team:
    team = session.get(Team, team_id)
    if team is None:
        raise NotFound("team_not_found")
    return team
