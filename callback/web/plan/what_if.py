"""What if …: asked with a form, answered in plain words, nothing written. And the plan as a file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from callback.db import reassignments as rows
from callback.db.day_plans import at_work
from callback.db.policies import load_policy
from callback.db.shards import EVERYTHING, Shard
from callback.db.tables import Agent, Callback, Case, Team
from callback.domain.account import Scope
from callback.domain.facts import AgentFacts
from callback.domain.words import Role
from callback.errors import Invalid
from callback.services import audit, plan_files, what_if
from callback.services.optimum import OptimalAssigner
from callback.services.problems import read_problem
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Planner = Annotated[Desk, Depends(at_desk(Scope.PLANS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
MOST = 10_000
"""Callbacks that are planned twice while somebody waits. More are asked about by team, or on the command line."""
Text = Annotated[str, Form(max_length=60)]
Ids = Annotated[list[str] | None, Form(max_length=200)]


@router.get("/plan/what-if")
def ask(desk: Planner) -> Response:
    with desk.reading() as session:
        values = _form(session, desk)
    return desk.page("plan/what_if.html", **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The form, as it was filled in."""

    team: str
    absent: tuple[str, ...]
    shift_agent: str
    shift_day: str
    shift_from: str
    shift_to: str
    hire: str
    hire_skill: str
    hire_day: str
    hire_from: str
    hire_to: str
    windows: tuple[str, ...]
    """From, to, from, to."""
    attempts: str
    minutes: str


@router.post("/plan/what-if")
def compare(
    desk: Planner,
    team: Text = "",
    absent: Ids = None,
    shift_agent: Text = "",
    shift_day: Text = "",
    shift_from: Text = "",
    shift_to: Text = "",
    hire: Text = "",
    hire_skill: Text = "",
    hire_day: Text = "",
    hire_from: Text = "",
    hire_to: Text = "",
    window: Annotated[list[str] | None, Form(max_length=4)] = None,
    attempts: Text = "",
    minutes: Text = "",
) -> Response:
    """Plan twice, as it is and with the change."""
    asked = Asked(
        team=team, absent=tuple(absent or ()), shift_agent=shift_agent, shift_day=shift_day, shift_from=shift_from,
        shift_to=shift_to, hire=hire, hire_skill=hire_skill, hire_day=hire_day, hire_from=hire_from, hire_to=hire_to,
        windows=tuple(window or ()), attempts=attempts, minutes=minutes,
    )  # fmt: skip
    change = _change(asked, desk)
    with desk.reading() as session:
        shard = _shard(session, team)
        _check_size(session, shard)
        if shard.by_team:
            hired = tuple(replace(agent, team_id=shard.team_id) for agent in change.hired)
            change = replace(change, hired=hired)
            found = what_if.compare(session, change, moment=desk.now, zone=desk.house.zone, shard=shard)
        else:
            found = what_if.compare_all(session, change, moment=desk.now, zone=desk.house.zone)
        people = set(found.people) | {
            place[0] for one in found.shifted for place in (one.before, one.after) if place is not None
        }
        names = dict(session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(people))).tuples().all())
        ids = [one.callback_id for one in found.shifted]
        handle_of = dict(
            session.execute(select(Callback.id, Callback.handle).where(Callback.id.in_(ids))).tuples().all()
        )
        lines = {line.handle: line for line in rows.lines(session, ids)} if ids else {}
    names |= {agent.id: desk.say("plan_desk.hired") for agent in change.hired}
    return desk.fragment(
        "plan/difference.html", found=found, names=names, lines={i: lines.get(h) for i, h in handle_of.items()},
        nothing=not (change.absent or change.extra or change.figures),
    )  # fmt: skip


@router.get("/plan/export")
def export(desk: Planner) -> Response:
    """Question and answer of a planning of everything that may be moved, to be replayed (`callback plan --replay`)."""
    team = desk.request.query_params.get("team", "")
    with desk.begin() as session:
        shard = _shard(session, team)
        _check_size(session, shard)
        problem = read_problem(session, moment=desk.now, zone=desk.house.zone, afresh=True, shard=shard)
        solution = OptimalAssigner().solve(problem.demands, problem.roster, problem.policy)
        content = plan_files.export(problem.demands, problem.roster, problem.policy, solution)
        audit.record(
            session, now=desk.now, actor_id=desk.me.agent_id, action="plan.exported", subject_kind="plan",
            callbacks=len(problem.demands), team=team or None,
        )  # fmt: skip
    name = f"plan-{desk.now.astimezone(desk.zone):%Y-%m-%d-%H%M}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/json", headers=headers)


def _form(session: Session, desk: Desk) -> dict[str, Any]:
    people = select(Agent.id, Agent.name, Team.name.label("team")).outerjoin(Team, Team.id == Agent.team_id)
    policy = load_policy(session)
    today = desk.now.astimezone(desk.zone).date()
    return {
        "people": session.execute(people.where(*at_work()).order_by(Agent.name)).all(),
        "teams": session.execute(select(Team.id, Team.name).order_by(Team.name)).all(),
        "policy": policy,
        "days": [today + timedelta(days=n) for n in range(policy.planning_horizon_days)],
        "most": MOST,
    }


def _change(asked: Asked, desk: Desk) -> what_if.Change:
    extra: list[what_if.ExtraShift] = []
    hired: list[AgentFacts] = []
    if asked.shift_agent:
        hours = _hours(asked.shift_day, asked.shift_from, asked.shift_to)
        extra.append(what_if.ExtraShift(_number(asked.shift_agent), *hours))
    if asked.hire:
        skills = frozenset(part.strip() for part in asked.hire_skill.split(",") if part.strip())
        languages = frozenset({"zh", "en"} if asked.hire == "both" else {asked.hire} & {"zh", "en"})
        hired.append(AgentFacts(-1, languages, skills, zone=desk.house.zone))
        extra.append(what_if.ExtraShift(-1, *_hours(asked.hire_day, asked.hire_from, asked.hire_to)))
    return what_if.Change(
        absent=frozenset(_number(one) for one in asked.absent if one),
        extra=tuple(extra),
        hired=tuple(hired),
        figures=_figures(asked),
    )


def _figures(asked: Asked) -> Mapping[str, Any]:
    figures: dict[str, Any] = {}
    times = [one for one in asked.windows if one]
    if times:
        if len(times) % 2:
            raise Invalid("what_if_window")
        pairs = list(zip(times[::2], times[1::2], strict=True))
        if any(_time(start) >= _time(end) for start, end in pairs):
            raise Invalid("what_if_window")
        figures["calling_windows"] = [list(pair) for pair in pairs]
    if asked.attempts:
        figures["attempts_per_day"] = _number(asked.attempts)
    if asked.minutes:
        figures["handling_time"] = _number(asked.minutes) * 60
    return figures


def _hours(day: str, starts: str, ends: str) -> tuple[date, time, time]:
    try:
        return date.fromisoformat(day), time.fromisoformat(starts), time.fromisoformat(ends)
    except ValueError as error:
        raise Invalid("what_if_hours") from error


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise Invalid("what_if_window") from error


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 15 or int(text) == 0:
        raise Invalid("what_if_number")
    return int(text)


def _shard(session: Session, team: str) -> Shard:
    if not team:
        return EVERYTHING
    found = session.get(Team, _number(team))
    return EVERYTHING if found is None else Shard(by_team=True, team_id=found.id)


def _check_size(session: Session, shard: Shard) -> None:
    """Raises `Invalid` where a person would wait for minutes."""
    live = select(Callback.id).where(text("callbacks.state IN ('waiting', 'assigned')"), Callback.channel == "agent")
    if shard.by_team:
        live = live.join(Case, Case.id == Callback.case_id).where(shard.cases())
    bounded = live.limit(MOST + 1).subquery()
    if (session.scalar(select(func.count()).select_from(bounded)) or 0) > MOST:
        raise Invalid("what_if_too_many", most=f"{MOST:,}")
