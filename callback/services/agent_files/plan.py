"""What a file of agents would do: who is made, who is changed and how, what stands in the way. Nothing is written."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from callback.db import agents as rows
from callback.db.tables import Agent
from callback.domain.words import Role
from callback.services import agents
from callback.services.agent_files.columns import COLUMNS
from callback.services.agent_files.reading import AgentFile, Fault, Line


@dataclass(frozen=True, slots=True)
class Person:
    """One row that can be followed. `agent` is who is meant; None: somebody new.

    `changes` are columns of an agent; a team that is not there yet has the negative id that `Plan.new_teams` gives it.
    """

    row: int
    agent: Agent | None
    changes: Mapping[str, Any]

    def shown(self, name: str) -> str:
        """Their name, login or number as it will be."""
        return str(self.changes.get(name) or getattr(self.agent, name, ""))


@dataclass(frozen=True, slots=True)
class Plan:
    made: Sequence[Person]
    changed: Sequence[Person]
    unchanged: int
    away: int
    """Who is in the file and deactivated: taken back only when somebody says so."""
    new_teams: Mapping[str, int]
    faults: Sequence[Fault]
    ignored: Sequence[str]
    fingerprint: str
    """The same as long as the file says the same and nobody in it was changed meanwhile."""


def plan(session: Session, file: AgentFile, *, take_back: bool, time_zone: str) -> Plan:
    """Compare the file with who is here: a known login, else a known number, is somebody who is here already.

    `time_zone` is for new people whose row names none. A few queries for any number of rows.
    """
    matcher = _Matcher(session, file)
    people: list[Person] = []
    faults = list(file.faults)
    for line in file.lines:
        person, wrong = matcher.match(line, take_back=take_back, time_zone=time_zone)
        people.append(person)
        faults += wrong
    faults += _office(session, people)
    known = [person for person in people if person.agent is not None]
    changed = [person for person in known if person.changes]
    return Plan(
        made=[person for person in people if person.agent is None],
        changed=changed,
        unchanged=len(known) - len(changed),
        away=sum(person.agent is not None and not person.agent.active for person in known),
        new_teams=matcher.new_teams,
        faults=sorted(faults, key=lambda fault: (fault.row, list(COLUMNS).index(fault.column or "login"))),
        ignored=file.ignored,
        fingerprint=_fingerprint(file, people),
    )


def _office(session: Session, people: Sequence[Person]) -> Iterator[Fault]:
    """The last administrator keeps the office, in whichever row it would go."""
    changed = [(person.agent, person.changes) for person in people if person.agent is not None]
    if agents.leaves_no_administrator(session, changed):
        for person in people:
            if person.agent is not None and person.agent.role == Role.ADMINISTRATOR and "role" in person.changes:
                yield Fault(person.row, "role", "error.last_administrator")


def _fingerprint(file: AgentFile, people: Sequence[Person]) -> str:
    present = [(p.row, p.agent.id, p.agent.version) if p.agent is not None else (p.row,) for p in people]
    said = [(line.row, sorted(line.values.items())) for line in file.lines]
    return hashlib.sha256(repr((present, said)).encode("utf-8", "replace")).hexdigest()


class _Matcher:
    """Who is meant by each line, and what becomes of them."""

    def __init__(self, session: Session, file: AgentFile) -> None:
        lines = file.lines
        self._told = {(fault.row, fault.column) for fault in file.faults}
        self._owners = {
            name: rows.owners_of(session, name, [line.values[name] for line in lines if name in line.values])
            for name in ("login", "number")
        }
        self._agents = rows.these(session, {owner for owners in self._owners.values() for owner in owners.values()})
        self._teams = {name: team_id for team_id, name in rows.team_names(session).items()}
        self._seen: dict[tuple[str, object], int] = {}
        """What a login, a number or a person was named by first."""
        self.new_teams: dict[str, int] = {}

    def match(self, line: Line, *, take_back: bool, time_zone: str) -> tuple[Person, list[Fault]]:
        agent = self._meant(line)
        faults = list(self._twice(line, agent))
        columns = self._columns(line)
        if agent is None:
            faults += [
                Fault(line.row, name, "agents_file.fault_needed_new")
                for name, column in COLUMNS.items()
                if column.needed and name not in line.values and (line.row, name) not in self._told
            ]
            return Person(line.row, None, {"time_zone": time_zone} | columns), faults
        number_of = self._owners["number"].get(line.values.get("number", ""), agent.id)
        if number_of != agent.id:
            params = {"value": line.values["number"], "name": self._agents[number_of].name}
            faults.append(Fault(line.row, "number", "agents_file.fault_number_of_another", params))
        return Person(line.row, agent, self._changes(agent, columns, take_back=take_back)), faults

    def _meant(self, line: Line) -> Agent | None:
        for name, owners in self._owners.items():
            owner = owners.get(line.values.get(name, ""))
            if owner is not None:
                return self._agents[owner]
        return None

    def _twice(self, line: Line, agent: Agent | None) -> Iterator[Fault]:
        """Two rows for one person would overwrite each other."""
        keys = [(name, line.values[name]) for name in ("login", "number") if name in line.values]
        for name, key in [*keys, *([("login", agent.id)] if agent is not None else [])]:
            first = self._seen.setdefault((name, key), line.row)
            if first != line.row:
                yield Fault(line.row, name, "agents_file.fault_twice", {"row": first})
                return

    def _columns(self, line: Line) -> dict[str, Any]:
        """The values as columns of an agent."""
        columns = {name: value for name, value in line.values.items() if name != "team"}
        if "team" in line.values:
            columns["team_id"] = self._team_id(line.values["team"])
        return columns

    def _team_id(self, name: str | None) -> int | None:
        if name is None:
            return None
        return self._teams.get(name) or self.new_teams.setdefault(name, -1 - len(self.new_teams))

    @staticmethod
    def _changes(agent: Agent, columns: dict[str, Any], *, take_back: bool) -> Mapping[str, Any]:
        if "team_id" in columns and columns["team_id"] != agent.team_id:
            columns = {"leads_team": False} | columns  # who leaves a team does not lead the next one by it
        if take_back:
            columns = columns | {"active": True}
        return agents.changes_of(agent, columns)
