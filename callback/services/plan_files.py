"""A planning as a file: what the assigner was asked and what it answered, to be replayed in a dispute.

The file is JSON with sorted keys and times in UTC, so the same planning makes the same bytes. It holds numbers of
callbacks, customers and agents, no names and no telephone numbers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from callback.domain import policy_figures
from callback.domain.appointment import Way
from callback.domain.assignment import Demand, Left, Odds, Placement, Roster, SlotFact
from callback.domain.facts import AgentFacts
from callback.domain.moment import Interval
from callback.domain.policy import Policy
from callback.domain.words import PartOfDay
from callback.errors import Invalid
from callback.services.optimum import OptimalAssigner, Solution

FORMAT = "callback-plan-2"


def export(demands: Sequence[Demand], roster: Roster, policy: Policy, solution: Solution) -> str:
    """The whole planning as text."""
    odds: dict[int, int] = {}
    tables: list[list[Any]] = []
    wishes = []
    for demand in sorted(demands, key=lambda d: d.callback_id):
        number = None
        if demand.odds is not None:
            if id(demand.odds) not in odds:
                odds[id(demand.odds)] = len(tables)
                tables.append([[day, part.value, p] for (day, part), p in sorted(demand.odds.items())])
            number = odds[id(demand.odds)]
        wishes.append(_demand_out(demand, number))
    whole = {
        "format": FORMAT,
        "policy": _policy_out(policy),
        "odds": tables,
        "demands": wishes,
        "agents": [
            {
                "id": a.id,
                "languages": sorted(a.languages),
                "skills": sorted(a.skills),
                "team": a.team_id,
                "capacity": a.daily_capacity,
                "zone": a.zone.key,
                "active": a.active,
            }
            for a in sorted(roster.agents, key=lambda a: a.id)
        ],
        "slots": [
            [s.id, s.agent_id, s.starts_at.isoformat(), s.ends_at.isoformat(), s.booked_seconds]
            for s in sorted(roster.slots, key=lambda s: s.id)
        ],
        "booked": [[agent, day.isoformat(), n] for (agent, day), n in sorted(roster.booked_today.items())],
        "contacts": [[c, [at.isoformat() for at in moments]] for c, moments in sorted(roster.contacts.items())],
        "appointed": [
            [agent, [[s.start.isoformat(), s.end.isoformat()] for s in spans]]
            for agent, spans in sorted(roster.appointed.items())
        ],
        "pace": [[agent, pace] for agent, pace in sorted(roster.pace.items())],
        "answer": _answer(solution),
    }
    return json.dumps(whole, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class Replay:
    """What comes of planning a file again."""

    again: str
    """The file as it comes out."""
    same: bool
    """To the byte."""
    placed: int
    differing: tuple[int, ...]
    """The callbacks of which the two answers say something else."""


def replay(content: bytes) -> Replay:
    """Plan again from the file alone. Raises `Invalid("plan_file")` for anything that is no such file."""
    try:
        whole = json.loads(content.decode())
        if whole["format"] != FORMAT:
            raise ValueError(f"format {whole['format']!r}")
        policy, demands, roster = _policy_in(whole["policy"]), _demands_in(whole), _roster_in(whole)
        # A file that somebody wrote by hand may ask what cannot be answered; it is told like any other fault in it.
        solution = OptimalAssigner().solve(demands, roster, policy)
        before, after = _by_callback(whole["answer"]), _by_callback(_answer(solution))
        again = export(demands, roster, policy, solution)
    except (ValueError, TypeError, AttributeError, ArithmeticError, LookupError, RecursionError) as error:
        raise Invalid("plan_file", problem=f"{type(error).__name__}: {error}"[:200]) from error
    different = sorted(i for i in before.keys() | after.keys() if before.get(i) != after.get(i))
    return Replay(again, again.encode() == content, len(solution.placed), tuple(different))


def _by_callback(answer: Mapping[str, Any]) -> dict[int, list[Any]]:
    """Where each was placed, or why it was left."""
    return {item[0]: item[1:] for item in (*answer["placed"], *answer["left"])}


def _demand_out(demand: Demand, odds: int | None) -> dict[str, Any]:
    return {
        "id": demand.callback_id,
        "customer": demand.customer_id,
        "zone": demand.zone.key,
        "language": demand.language,
        "skill": demand.skill,
        "earliest": demand.earliest.isoformat(),
        "due": demand.due.isoformat(),
        "priority": demand.priority,
        "excluded": sorted(demand.excluded),
        "only": None if demand.only is None else sorted(demand.only),
        "at": demand.at.isoformat() if demand.at else None,
        "seconds": demand.seconds,
        "legal": [[s.start.isoformat(), s.end.isoformat()] for s in demand.stretches or ()],
        "odds": odds,
        "current": demand.current,
        "knows": demand.knows,
        "ways": [_way_out(way) for way in demand.ways],
    }


def _way_out(way: Way) -> list[Any]:
    only = None if way.only is None else sorted(way.only)
    return [way.rule, way.since.isoformat(), way.until.isoformat(), only]


def _way_in(entry: list[Any]) -> Way:
    rule, since, until, only = entry
    return Way(rule, _moment(since), _moment(until), None if only is None else frozenset(only))


def _demands_in(whole: dict[str, Any]) -> list[Demand]:
    tables: list[Odds] = [{(day, PartOfDay(part)): p for day, part, p in table} for table in whole["odds"]]
    shared: dict[tuple[Interval, ...], tuple[Interval, ...]] = {}
    demands = []
    for entry in whole["demands"]:
        stretches = tuple(Interval(_moment(a), _moment(b)) for a, b in entry["legal"])
        stretches = shared.setdefault(stretches, stretches)
        demands.append(
            Demand(
                callback_id=entry["id"],
                customer_id=entry["customer"],
                zone=ZoneInfo(entry["zone"]),
                language=entry["language"],
                skill=entry["skill"],
                earliest=_moment(entry["earliest"]),
                due=_moment(entry["due"]),
                priority=entry["priority"],
                legal=_Within(stretches),
                excluded=frozenset(entry["excluded"]),
                only=None if entry["only"] is None else frozenset(entry["only"]),
                at=_moment(entry["at"]) if entry["at"] else None,
                seconds=entry["seconds"],
                stretches=stretches,
                odds=None if entry["odds"] is None else tables[entry["odds"]],
                current=entry["current"],
                knows=entry["knows"],
                ways=tuple(_way_in(way) for way in entry["ways"]),
            )
        )
    return demands


class _Within:
    def __init__(self, stretches: tuple[Interval, ...]) -> None:
        self._stretches = stretches

    def __call__(self, at: datetime) -> bool:
        return any(at in stretch for stretch in self._stretches)


def _roster_in(whole: dict[str, Any]) -> Roster:
    return Roster(
        agents=tuple(
            AgentFacts(
                a["id"],
                frozenset(a["languages"]),
                frozenset(a["skills"]),
                a["team"],
                a["capacity"],
                ZoneInfo(a["zone"]),
                a["active"],
            )
            for a in whole["agents"]
        ),
        slots=tuple(SlotFact(i, agent, _moment(a), _moment(b), used) for i, agent, a, b, used in whole["slots"]),
        booked_today={(agent, date.fromisoformat(day)): n for agent, day, n in whole["booked"]},
        contacts={c: tuple(_moment(at) for at in moments) for c, moments in whole["contacts"]},
        appointed={
            agent: tuple(Interval(_moment(a), _moment(b)) for a, b in spans) for agent, spans in whole["appointed"]
        },
        pace=dict(whole["pace"]),
    )


def _policy_out(policy: Policy) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(policy).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return value.isoformat("minutes")
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def _policy_in(figures: dict[str, Any]) -> Policy:
    policy = Policy().changed(figures)
    if faults := policy_figures.faults(policy):
        raise ValueError("; ".join(map(str, faults)))
    return policy


def _answer(solution: Solution) -> dict[str, Any]:
    def placed(p: Placement) -> list[Any]:
        return [p.callback_id, p.slot_id, p.agent_id, p.at.isoformat()]

    def left(item: Left) -> list[Any]:
        return [item.callback_id, item.reason]

    proof = solution.proof
    return {
        "placed": [placed(p) for p in solution.placed],
        "left": [left(item) for item in solution.left],
        "proof": [proof.missed, proof.risky, proof.late, proof.lost, proof.repaired],
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
