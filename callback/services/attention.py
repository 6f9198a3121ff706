"""What a supervisor should look at in the set-up before the day shows it: people without shifts, nothing published, …

Cheap enough for every opening of the page: counts over the people, and over what is live. `findings` looks deeper.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from callback.db import senders
from callback.db.tables import Agent, Callback, Case, Questionnaire, Script, Shift, Team
from callback.domain.words import LIVE_STATES, CallbackState, Channel, Role, VersionState
from callback.texts import LANGUAGES

NAMED = 5
_LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Matter:
    """The sentence is `attention.<code>`. `names` are a few of the `count`."""

    code: str
    path: str
    count: int = 0
    names: tuple[str, ...] = ()
    bad: bool = False
    """Nothing works without it."""


@dataclass(frozen=True, slots=True)
class _Person:
    id: int
    name: str
    role: Role
    team_id: int | None
    leads_team: bool
    languages: Sequence[str]
    skills: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Look:
    session: Session
    people: Sequence[_Person]
    channels: frozenset[Channel]


def look(session: Session, *, channels: frozenset[Channel]) -> list[Matter]:
    """Everything that wants attention, the worst first. `channels`: the ways out that this house has."""
    columns = (Agent.id, Agent.name, Agent.role, Agent.team_id, Agent.leads_team, Agent.languages, Agent.skills)
    people = [_Person(*row) for row in session.execute(select(*columns).where(Agent.active).order_by(Agent.name))]
    seen = _Look(session, people, channels)
    found = [matter for check in CHECKS for matter in check(seen)]
    return sorted(found, key=lambda matter: not matter.bad)


def _of(people: Sequence[_Person], code: str, path: str, *, bad: bool = False) -> Iterator[Matter]:
    if people:
        yield Matter(code, path, len(people), tuple(person.name for person in people[:NAMED]), bad)


def _callers(seen: _Look) -> list[_Person]:
    return [person for person in seen.people if person.role is Role.AGENT]


def nobody(seen: _Look) -> Iterator[Matter]:
    if not _callers(seen):
        yield Matter("no_agents", "/setup/agents/new", bad=True)


def without_shifts(seen: _Look) -> Iterator[Matter]:
    with_shifts = set(seen.session.scalars(select(Shift.agent_id).distinct()))
    idle = [person for person in _callers(seen) if person.id not in with_shifts]
    yield from _of(idle, "without_shifts", "/setup/agents?lacking=shifts", bad=len(idle) == len(_callers(seen)))


def skills(seen: _Look) -> Iterator[Matter]:
    wanted = wanted_skills(seen.session)
    had = {skill for person in seen.people for skill in person.skills}
    for skill in sorted(set(wanted) - had):
        yield Matter("skill_nobody_has", "/setup/skills", wanted[skill], (skill,), bad=True)
    if wanted:
        without = [person for person in _callers(seen) if not person.skills]
        yield from _of(without, "without_skills", "/setup/agents?lacking=skills")


def wanted_skills(session: Session) -> Counter[str]:
    """Which skills the calls that wait ask for, and how many of them (of those looked at)."""
    live = (
        select(Callback.case_id)
        .where(
            Callback.state.in_(LIVE_STATES - {CallbackState.IN_PROGRESS}),
            Callback.channel == Channel.AGENT,
        )
        .limit(_LOOKED_AT)
        .subquery()
    )
    query = select(Case.required_skill, func.count()).join(live, live.c.case_id == Case.id)
    query = query.where(Case.required_skill.is_not(None)).group_by(Case.required_skill)
    return Counter({str(skill): count for skill, count in session.execute(query)})


def languages(seen: _Look) -> Iterator[Matter]:
    yield from _of(
        [p for p in _callers(seen) if not p.languages], "without_language", "/setup/agents?lacking=languages"
    )


def teams(seen: _Look) -> Iterator[Matter]:
    names = dict(seen.session.execute(select(Team.id, Team.name).order_by(Team.name)).tuples().all())
    members = Counter(person.team_id for person in seen.people)
    led = {person.team_id for person in seen.people if person.leads_team}
    leaderless = [name for team_id, name in names.items() if team_id not in led and members[team_id]]
    empty = [name for team_id, name in names.items() if not members[team_id]]
    if leaderless:
        yield Matter("without_leader", "/setup/teams", len(leaderless), tuple(leaderless[:NAMED]))
    if empty:
        yield Matter("empty_team", "/setup/teams", len(empty), tuple(empty[:NAMED]))
    if names:
        yield from _of([p for p in _callers(seen) if p.team_id is None], "without_team", "/setup/agents?team=none")


def one_administrator(seen: _Look) -> Iterator[Matter]:
    office = [person for person in seen.people if person.role is Role.ADMINISTRATOR]
    if len(office) == 1:
        yield Matter("one_administrator", "/setup/agents?role=administrator", 1, (office[0].name,))


def scripts(seen: _Look) -> Iterator[Matter]:
    query = select(Script.language).where(Script.state == VersionState.PUBLISHED).distinct()
    published = set(seen.session.scalars(query))
    spoken = {language for person in _callers(seen) for language in person.languages}
    for language in LANGUAGES:
        if language in spoken and language not in published:
            yield Matter(f"no_script_{language}", "/setup/scripts", bad=True)


def questionnaires(seen: _Look) -> Iterator[Matter]:
    if not seen.session.scalar(select(exists().where(Questionnaire.state == VersionState.PUBLISHED))):
        yield Matter("no_questionnaire", "/setup/questionnaires", bad=True)


def ways_out(seen: _Look) -> Iterator[Matter]:
    if not seen.channels:
        yield Matter("no_channel", "/setup/channels")


def senders_held(seen: _Look) -> Iterator[Matter]:
    found = senders.held(seen.session)
    if found:
        yield Matter("sender_held", "/plan/findings", len(found), tuple(row.sender for row in found), bad=True)


CHECKS: tuple[Callable[[_Look], Iterator[Matter]], ...] = (
    nobody,
    without_shifts,
    scripts,
    questionnaires,
    skills,
    languages,
    teams,
    one_administrator,
    ways_out,
    senders_held,
)
