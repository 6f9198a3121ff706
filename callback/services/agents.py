"""The people who work here: made, changed, sent home, and what that means for their sessions and their callbacks."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from callback.db import accounts as account_rows
from callback.db import agents as rows
from callback.db.bulk import allocate_ids
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
    agent = agent_of(details, now=now)
    if password is not None:
        accounts.set_password(agent, password)
    add(session, [agent], act=Act.of(now=now, actor_id=actor_id))
    return agent


def agent_of(details: AgentDetails, *, now: datetime) -> Agent:
    """Somebody new, not yet in the house; without a password."""
    columns = {name: _plain(getattr(details, name)) for name in AgentDetails.__slots__}
    return Agent(**columns, active=True, created_at=now, version=1)


def add(session: Session, new: Sequence[Agent], *, act: Act) -> None:
    """Take in who was made by `agent_of`: any number of people in a few statements. Raises as `create`."""
    documents = [document_of(agent) for agent in new]
    _check(session, documents)
    _refuse_taken(session, [(0, document) for document in documents])
    for agent, agent_id in zip(new, allocate_ids(session, cast(Table, Agent.__table__), len(new)), strict=True):
        agent.id = agent_id  # asked for one by one they would cost a statement each
    session.add_all(new)
    session.flush()
    audit.record_each(
        session,
        {agent.id: {"login": agent.login, "role": agent.role.value} for agent in new},
        now=act.now,
        actor_id=act.actor_id,
        action="agent_created",
        subject_kind="agent",
    )
    changes = {str(agent.id): Change({}, document) for agent, document in zip(new, documents, strict=True)}
    record_many(session, SetupKind.AGENT, changes, act)
    if new:
        enqueue(session, "plan", queueing_lock="plan")


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
    found = _locked(session, [agent_id], office=not changes.keys().isdisjoint({"role", "active"}))
    if not found:
        raise NotFound("agent_not_found")
    if found[0].version != version:
        raise Conflict("changed_meanwhile", present=found[0].version)
    _apply(session, [(found[0], changes)], act or Act.of(now=now, actor_id=actor_id))
    return found[0]


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
    wanted = [(agent, change_of(agent)) for agent in _locked(session, agent_ids, office=False)]
    alone = {name for _, changes in wanted for name in changes} - TOGETHER
    if alone:
        raise ValueError(f"not for many at once: {sorted(alone)}")
    return _apply(session, wanted, act)


def change_each(session: Session, changes: Mapping[int, Mapping[str, Any]], *, act: Act) -> int:
    """Change whatever of many agents, by id, as `change` does for one; how many were changed.

    For who has read them in the same transaction, behind `lock_office`, or puts back what versions remember.
    """
    return _apply(session, [(agent, changes[agent.id]) for agent in _locked(session, changes, office=True)], act)


def lock_office(session: Session) -> None:
    """Changes of who may do what come one after the other, and so do files of agents."""
    rows.lock_administrators(session)


def _locked(session: Session, agent_ids: Collection[int], *, office: bool) -> Sequence[Agent]:
    """These agents, for a change. With `office` the administrators first: two who take away each other's office would
    wait for each other for ever."""
    if office:
        lock_office(session)
    return rows.lock_agents(session, agent_ids)


def _apply(session: Session, wanted: Sequence[tuple[Agent, Mapping[str, Any]]], act: Act) -> int:
    """Check all of it, then change all of it, in a few statements for any number of people; how many were changed."""
    changed = [(agent, real) for agent, changes in wanted if (real := changes_of(agent, changes))]
    _check(session, [changes for _, changes in changed])
    _refuse_taken(session, [(agent.id, changes) for agent, changes in changed])
    if leaves_no_administrator(session, changed):
        raise Conflict("last_administrator")
    versions: dict[str, Change] = {}
    for agent, changes in changed:
        before = document_of(agent)
        for name, value in changes.items():
            setattr(agent, name, value)
        agent.version += 1
        versions[str(agent.id)] = Change(before, document_of(agent))
    session.flush()
    audit.record_each(
        session,
        {agent.id: _told(changes) for agent, changes in changed},
        now=act.now,
        actor_id=act.actor_id,
        action="agent_changed",
        subject_kind="agent",
    )
    _log_out(session, changed, now=act.now)
    record_many(session, SetupKind.AGENT, versions, act)
    if changed:
        enqueue(session, "plan", queueing_lock="plan")
    return len(changed)


def _told(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """For the audit trail, which no telephone number gets into."""
    return {"changed": {name: "…" if name == "phone" and value else value for name, value in changes.items()}}


def changes_of(agent: Agent, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of `wanted` is not so already."""
    plain = {name: Role(value) if name == "role" else _plain(value) for name, value in wanted.items()}
    return {name: value for name, value in plain.items() if getattr(agent, name) != value}


def _log_out(session: Session, changed: Sequence[tuple[Agent, Mapping[str, Any]]], *, now: datetime) -> None:
    gone = [agent.id for agent, changes in changed if changes.get("active") is False]
    account_rows.revoke_sessions(session, [*gone, *(a.id for a, changes in changed if "role" in changes)], now=now)
    account_rows.revoke_tokens(session, gone, now=now)


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
    account_rows.revoke_sessions(session, [agent_id], now=now)
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


def _check(session: Session, columns: Iterable[Mapping[str, Any]]) -> None:
    team_ids: set[int] = set()
    for one in columns:
        if one.get("time_zone") is not None:
            check_zone(one["time_zone"])
        for language in one.get("languages") or ():
            if language not in LANGUAGES:
                raise Invalid("language_not_known", language=language)
        if one.get("team_id") is not None:
            team_ids.add(one["team_id"])
    unknown = team_ids - rows.team_names(session).keys() if team_ids else ()
    if unknown:
        raise Invalid("team_not_known", team_id=min(unknown))


def check_zone(name: str) -> ZoneInfo:
    """Raises `Invalid("zone_not_known")` for what is no IANA zone."""
    if name not in _zones():
        raise Invalid("zone_not_known", zone=name)
    return ZoneInfo(name)


@functools.cache
def _zones() -> frozenset[str]:
    """Read from the disk once: it takes milliseconds."""
    return frozenset(available_timezones())


def _refuse_taken(session: Session, wanted: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """`wanted`: whose id (0: somebody new), and what they would be called."""
    for name in ("login", "number"):
        values = [(owner, columns[name]) for owner, columns in wanted if columns.get(name) is not None]
        owners = rows.owners_of(session, name, [value for _, value in values])
        for owner, value in values:
            if owners.setdefault(value, owner) != owner:
                raise Conflict(f"{name}_taken", value=value)


def leaves_no_administrator(session: Session, changed: Iterable[tuple[Agent, Mapping[str, Any]]]) -> bool:
    """Nobody could mend a house without an administrator."""
    leaving = [
        agent.id
        for agent, changes in changed
        if agent.role == Role.ADMINISTRATOR
        and agent.active
        and (changes.get("active") is False or changes.get("role", agent.role) != Role.ADMINISTRATOR)
    ]
    return bool(leaving) and rows.active_administrators(session, but=leaving) == 0


def create_team(session: Session, name: str, *, now: datetime, actor_id: int | None, act: Act | None = None) -> Team:
    if rows.team_named(session, name) is not None:
        raise Conflict("team_name_taken", value=name)
    team = Team(name=name, created_at=now)
    session.add(team)
    session.flush()
    record(session, SetupKind.TEAM, team.id, Change({}, {"name": name}), act or Act.of(now=now, actor_id=actor_id))
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
