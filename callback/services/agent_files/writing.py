"""A file of agents is written: teams, new people, changes, in the caller's transaction and as one act."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from callback.db.tables import Agent
from callback.errors import Conflict, Invalid
from callback.services import accounts, agents, audit
from callback.services.agent_files.columns import COLUMNS
from callback.services.agent_files.plan import Person, Plan, plan
from callback.services.agent_files.reading import AgentFile
from callback.services.imports.rejects import harmless
from callback.services.setups.record import Act
from callback.texts import Language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What whoever imports has ticked."""

    make_teams: bool = False
    take_back: bool = False
    passwords: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPassword:
    """Told once, kept nowhere."""

    login: str
    name: str
    number: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    act: str
    made: int
    changed: int
    unchanged: int
    teams: Sequence[str]
    passwords: Sequence[FirstPassword]


def write(
    session: Session,
    file: AgentFile,
    wishes: Wishes,
    *,
    time_zone: str,
    now: datetime,
    actor_id: int | None,
    seen: str | None = None,
) -> Written:
    """All of the file or, with an error, nothing. `seen` is the fingerprint of the plan that was looked at.

    Raises `Invalid` (`agents_file_faults`, `agents_file_teams`), `Conflict` (`agents_file_changed`), and what
    `agents.add` and `agents.change_each` raise.
    """
    agents.lock_office(session)
    found = plan(session, file, take_back=wishes.take_back, time_zone=time_zone)
    _refuse(found, wishes, seen)
    act = Act.of(now=now, actor_id=actor_id)
    teams = {
        number: agents.create_team(session, name, now=now, actor_id=actor_id, act=act).id
        for name, number in found.new_teams.items()
    }
    new = [agents.agent_of(agents.AgentDetails(**_placed(p, teams)), now=now) for p in found.made]
    passwords = [_first_password(agent) for agent in new] if wishes.passwords else []
    agents.add(session, new, act=act)
    changes = {p.agent.id: _placed(p, teams) for p in found.changed if p.agent is not None}
    agents.change_each(session, changes, act=act)
    back = [p.agent for p in found.changed if p.agent is not None and p.changes.get("active") is True]
    for agent in back if wishes.passwords else ():
        passwords.append(_first_password(agent))
        audit.record(
            session, now=now, actor_id=actor_id, action="password_given", subject_kind="agent", subject_id=agent.id
        )
    audit.record(
        session,
        now=now,
        actor_id=actor_id,
        action="agents_imported",
        subject_kind="setup",
        subject_id=act.handle,
        made=len(new),
        changed=len(changes),
        teams=len(teams),
    )
    return Written(
        act=act.handle,
        made=len(new),
        changed=len(changes),
        unchanged=found.unchanged,
        teams=tuple(found.new_teams),
        passwords=tuple(passwords),
    )


def _refuse(found: Plan, wishes: Wishes, seen: str | None) -> None:
    if found.faults:
        raise Invalid("agents_file_faults", count=len(found.faults))
    if seen is not None and seen != found.fingerprint:
        raise Conflict("agents_file_changed")
    if found.new_teams and not wishes.make_teams:
        raise Invalid("agents_file_teams", teams=", ".join(found.new_teams))


def _placed(person: Person, teams: dict[int, int]) -> dict[str, Any]:
    """With the team that was just made instead of its stand-in."""
    team_id = person.changes.get("team_id")
    return dict(person.changes) | ({"team_id": teams[team_id]} if team_id in teams else {})


def _first_password(agent: Agent) -> FirstPassword:
    return FirstPassword(
        login=agent.login, name=agent.name, number=agent.number, password=accounts.give_first_password(agent)
    )


def passwords_csv(passwords: Sequence[FirstPassword], language: Language) -> bytes:
    """For handing over. With a byte order mark, by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    names = ("login", "name", "number")
    headings = [say(COLUMNS[name].label, language) for name in names]
    writer.writerow([*headings, say("setup_desk.password", language)])
    for one in passwords:
        writer.writerow([*(harmless(getattr(one, name)) for name in names), one.password])
    return text.getvalue().encode("utf-8-sig", "replace")


def keep_passwords(path: Path, passwords: Sequence[FirstPassword], language: Language) -> None:
    """To a new file that its owner alone can read. Raises `Invalid("agents_file_passwords")`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(passwords_csv(passwords, language))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Invalid("agents_file_passwords", file=str(path), problem=error.strerror or "") from None
