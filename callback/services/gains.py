"""What one more agent would bring: asked of the plan itself, for each kind of people that it lacks.

A planning knows at which times one more call would bring something; its proof is kept (`remember`). What a whole agent
would bring is another question, since the calls that a first one takes are no gain for a second: so each scarce kind is
hired once in a what-if (`ask`). Like whom: like the colleague who has these languages and skills, at the same hours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callback.db.engine import SessionFactory, reading
from callback.db.shards import EVERYTHING, Shard
from callback.db.tables import Agent, Callback, PlanProof
from callback.domain.facts import AgentFacts
from callback.domain.shift import WorkingTime
from callback.domain.words import CallbackState, Channel
from callback.services import demands, what_if, wording
from callback.services.optimum import Proof
from callback.texts import Language, say

KINDS = 3
"""Scarce kinds that are asked about: each is a planning of its own."""
KEPT = 12
"""Dear times that are kept."""
SOON_ENOUGH = timedelta(minutes=14)
"""A worker does not ask again sooner."""
AT_ONCE = 5_000
"""Up to so many callbacks the command line asks while somebody waits."""
_HIRED = -1
_LAST_MINUTE = time(23, 59)

Kind = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Beside one more agent like `like`, nothing is changed."""

    languages: tuple[str, ...]
    skills: tuple[str, ...]
    like: str
    in_time: int
    """Due times more that would be kept."""
    placed: int
    """Callbacks more that would have a place."""

    def as_json(self) -> dict[str, Any]:
        return {
            "languages": list(self.languages),
            "skills": list(self.skills),
            "like": self.like,
            "in_time": self.in_time,
            "placed": self.placed,
        }


def remember(session: Session, shard: Shard, proof: Proof | None, *, now: datetime) -> None:
    """Keep what a planning proved. A planning of one new callback does not know what the one before it lacked: dear
    times that are still to come are kept beside the new ones, until `ask` has looked at everything."""
    if proof is None:
        return
    row = _row(session, shard)
    new = _bottlenecks(proof)
    if row is None:
        session.add(PlanProof(shard=shard.name, at=now, bottlenecks=new, gains=[]))
        return
    seen = {(b["at"], *b["languages"], "/", *b["skills"]) for b in new}
    old = [b for b in _to_come(row, now) if (b["at"], *b["languages"], "/", *b["skills"]) not in seen]
    kept = sorted([*new, *old], key=lambda b: (-b["promises"], -b["value"], b["at"]))[:KEPT]
    if kept != row.bottlenecks:
        row.at, row.bottlenecks = now, kept


def ask_all(
    sessions: SessionFactory, *, now: datetime, zone: ZoneInfo, shards: Iterable[Shard], again: bool = False
) -> None:
    """For every part that lacks somebody, unless it was asked just now; with `again` even then."""
    for shard in shards:
        with reading(sessions) as session:
            row = _row(session, shard)
            if row is None or (not again and row.gains_at is not None and row.gains_at > now - SOON_ENOUGH):
                continue
            found, proof = ask(session, row, now=now, zone=zone, shard=shard)
        with sessions.begin() as session:
            keep(session, shard, found, proof, now=now)


def keep(session: Session, shard: Shard, found: Sequence[Gain], proof: Proof | None, *, now: datetime) -> None:
    row = _row(session, shard)
    if row is None:
        return
    row.gains, row.gains_at = [gain.as_json() for gain in found], now
    if proof is not None:
        row.bottlenecks = _bottlenecks(proof)


def ask(
    session: Session, row: PlanProof, *, now: datetime, zone: ZoneInfo, shard: Shard = EVERYTHING
) -> tuple[list[Gain], Proof | None]:
    """What one more agent of each scarce kind would bring, the most first; and what the whole plan proves today."""
    kinds = _kinds(_to_come(row, now))
    if not kinds:
        return [], None
    seen = what_if.look(session, moment=now, zone=zone, shard=shard)
    people, days = seen.people, seen.problem.policy.planning_horizon_days
    gains: list[Gain] = []
    for languages, skills in kinds:
        model = _model(people, languages, skills)
        if model is None:
            continue
        hired = replace(model, id=_HIRED, team_id=shard.team_id)
        extra = _hours(people.hours[model.id], now, days)
        found = what_if.otherwise(session, seen, what_if.Change(hired=(hired,), extra=tuple(extra)))
        gain = Gain(
            languages=tuple(sorted(languages)),
            skills=tuple(sorted(skills)),
            like=session.get_one(Agent, model.id).name,
            in_time=found.otherwise.in_time - found.today.in_time,
            placed=found.otherwise.placed - found.today.placed,
        )
        if gain.in_time > 0 or gain.placed > 0:
            gains.append(gain)
    return sorted(gains, key=lambda gain: (-gain.in_time, -gain.placed)), seen.solution.proof


def newest(session: Session, shards: Iterable[Shard]) -> list[PlanProof]:
    """Of the parts that are planned now; what was kept before teams were planned by themselves is not shown."""
    names = [shard.name for shard in shards]
    return list(session.scalars(select(PlanProof).where(PlanProof.shard.in_(names)).order_by(PlanProof.shard)))


def few_enough(session: Session) -> bool:
    live = select(Callback.id).where(
        Callback.channel == Channel.AGENT,
        Callback.state.in_((CallbackState.WAITING, CallbackState.ASSIGNED, CallbackState.BLOCKED)),
    )
    return (session.scalar(select(func.count()).select_from(live.limit(AT_ONCE + 1).subquery())) or 0) <= AT_ONCE


def tell(rows: Iterable[PlanProof], language: Language, zone: ZoneInfo, *, now: datetime) -> list[str]:
    """The gains of all parts as sentences, and the dearest times where nothing is known of gains yet."""
    lines: list[str] = []
    for row in rows:
        for gain in row.gains:
            who = _kind_said(gain, language)
            counts = {"in_time": gain["in_time"], "placed": gain["placed"]}
            lines.append(say("gain.agent", language, name=gain["like"], who=who, **counts))
        if not row.gains:
            for one in _to_come(row, now)[:KINDS]:
                at = wording.moment(datetime.fromisoformat(one["at"]).astimezone(zone), language)
                code = "gain.call" if one["promises"] else "gain.call_value"
                told = {"promises": one["promises"], "points": f"{one['value']:.1f}"}
                lines.append(say(code, language, at=at, who=_kind_said(one, language), **told))
    return lines


def _kind_said(kind: dict[str, Any], language: Language) -> str:
    return wording.listed(
        [*(wording.language_name(one, language) for one in kind["languages"]), *kind["skills"]], language
    )


def _row(session: Session, shard: Shard) -> PlanProof | None:
    return session.scalars(select(PlanProof).where(PlanProof.shard == shard.name)).one_or_none()


def _bottlenecks(proof: Proof) -> list[dict[str, Any]]:
    return [
        {
            "at": one.starts_at.isoformat(),
            "languages": sorted(one.languages),
            "skills": sorted(one.skills),
            "promises": one.promises,
            "value": round(one.value, 3),
        }
        for one in proof.bottlenecks
    ]


def _to_come(row: PlanProof, now: datetime) -> list[dict[str, Any]]:
    return [one for one in row.bottlenecks if datetime.fromisoformat(one["at"]) > now - timedelta(hours=1)]


def _kinds(bottlenecks: Iterable[dict[str, Any]]) -> list[Kind]:
    """The scarcest kinds, each once."""
    kinds = dict.fromkeys((frozenset(one["languages"]), frozenset(one["skills"])) for one in bottlenecks)
    return list(kinds)[:KINDS]


def _model(people: demands.People, languages: frozenset[str], skills: frozenset[str]) -> AgentFacts | None:
    """The colleague whom one more agent would be like: of this kind, with the most room on a day."""
    alike = [a for a in people.agents.values() if (a.languages, a.skills) == (languages, skills) and a.daily_capacity]
    return max(alike, key=lambda a: (a.daily_capacity, -a.id), default=None)


def _hours(hours: WorkingTime, now: datetime, days: int) -> Iterable[what_if.ExtraShift]:
    """The ordinary week of the model: that they are ill on one day is no reason why a second one should be."""
    ordinary = replace(hours, exceptions={})
    today = now.astimezone(hours.zone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(days)):
        for stretch in ordinary.stretches(day):
            starts, ends = (at.astimezone(hours.zone) for at in (stretch.start, stretch.end))
            last = ends.time() if ends.date() == day else _LAST_MINUTE
            passed = datetime.combine(day, last, hours.zone) <= now
            if starts.date() == day and starts.time() < last and not passed:
                yield what_if.ExtraShift(_HIRED, day, starts.time(), last)
