"""A callback is taken from one place to another: by dragging, or by the dialog that does the same."""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import day_plans as rows
from callback.db.tables import Agent
from callback.domain.moment import start_of_day
from callback.errors import Invalid
from callback.services import candidates, placing, wording
from callback.services.placing import No, Noes, Wish
from callback.web import moments
from callback.web.desk import Desk
from callback.web.plan.grid import Leader, view_of
from callback.web.reassign import barred, told

router = APIRouter(include_in_schema=False)
Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Field = Annotated[str, Form(max_length=200)]
AgentId = Annotated[int, Query(ge=1, le=2**63 - 1)]


@router.get("/plan/targets/{handle}")
def targets(desk: Leader, handle: Handle) -> Response:
    """Where this callback may go on the page that is shown: who may not, and when not, each with the sentence."""
    view = view_of(desk, desk.request.query_params)
    with desk.reading() as session:
        asked = placing.wish(session, handle, now=desk.now)
        people, _ = rows.people(session, team_id=view.team, text=view.q, skip=(view.page - 1) * 12, limit=12)
        names = {person.id: person.name for person in people}
        agents = placing.agents_asked(session, names)
        since, until = start_of_day(view.day, desk.zone), start_of_day(view.day + timedelta(days=1), desk.zone)
        starts = rows.slots_between(session, names, since=since, until=until)
    who = {agent_id: noes for agent_id, agent in agents.items() if (noes := asked.who(agent))}
    when: dict[str, str] = {}
    for start, end in {(slot.starts_at, slot.ends_at) for slot in starts}:
        at = asked.when(start, end)
        if not isinstance(at, datetime):
            when[start.isoformat()] = _plain(desk, at, names)
    stuck = asked.movable()
    return JSONResponse(
        {
            "who": {agent_id: _plain(desk, noes, names) for agent_id, noes in who.items()},
            "when": when,
            "off": {agent_id: desk.say("plan_desk.off_shift", name=name) for agent_id, name in names.items()},
            "stuck": None if stuck is None else _plain(desk, (stuck,), names),
        },
        headers={"Cache-Control": "no-store"},
    )


@router.get("/plan/chip/{handle}")
def chip(desk: Leader, handle: Handle, agent: AgentId | None = None, day: Annotated[str, Query()] = "") -> Response:
    """The dialog: what it is, who may take it and when, and a list of times for whoever is chosen."""
    with desk.reading() as session:
        asked = placing.wish(session, handle, now=desk.now)
        found = candidates.who(session, asked.callback.id, now=desk.now)
        chosen = agent or asked.callback.agent_id
        when = _day(desk, asked, day)
        names = dict(found.allowed) | {a: name for a, name, _ in found.barred}
        times = _times(session, desk, asked, chosen, when) if chosen is not None else []
        customer, case = asked.callback.customer, asked.callback.case
        session.expunge_all()
    allowed = [*found.allowed, *((a, name) for a, name, _ in found.barred if a in asked.overridden)]
    against = [one for one in found.barred if one[0] not in asked.overridden]
    return desk.fragment(
        "plan/chip.html", asked=asked, callback=asked.callback, customer=customer, case=case, allowed=allowed,
        barred=barred(against, desk), chosen=chosen, times=times, when=when, stuck=asked.movable(),
        whose=names.get(asked.callback.agent_id or 0),
        days=[desk.now.astimezone(desk.zone).date() + timedelta(days=n) for n in range(4)],
    )  # fmt: skip


@router.post("/plan/move")
def move(
    desk: Leader, handle: Field = "", agent: Field = "", at: Field = "", version: Field = "", reason: Field = ""
) -> Response:
    """Put it there. What a rule forbids is refused with the rule."""
    if not agent.isdecimal() or not version.isdecimal() or len(agent + version) > 30:
        raise Invalid("place_where")
    try:
        starts_at = datetime.fromisoformat(at)
    except ValueError as error:
        raise Invalid("place_where") from error
    if starts_at.tzinfo is None:
        raise Invalid("place_where")
    with desk.begin() as session:
        placed = placing.place(
            session, handle, agent_id=int(agent), starts_at=starts_at, version=int(version), by=desk.me.agent_id,
            now=desk.now, reason=reason.strip(),
        )  # fmt: skip
        name = session.scalar(select(Agent.name).where(Agent.id == int(agent)))
    return done(desk, "plan_desk.placed", undo=placed.move_id, name=name, at=clock(desk, placed.at))


@router.post("/plan/pin")
def pin(desk: Leader, handle: Field = "", pinned: Field = "", version: Field = "") -> Response:
    """Pin it where it stands, or let the planner have it again."""
    if not version.isdecimal() or len(version) > 15:
        raise Invalid("place_where")
    with desk.begin() as session:
        move_id = placing.pin(
            session, handle, pinned=pinned == "1", version=int(version), by=desk.me.agent_id, now=desk.now
        )
    return done(desk, "plan_desk.pinned" if pinned == "1" else "plan_desk.unpinned", undo=move_id)


def done(desk: Desk, code: str, *, undo: int | None, **params: object) -> Response:
    """Say that it was done, close what is open, and let the page look again."""
    told_once = {
        "desk:notice": {"text": desk.say(code, **params), "undo": None if undo is None else f"/moves/{undo}/undo"},
        "moves:done": "",
    }
    return Response(status_code=204, headers={"HX-Trigger": json.dumps(told_once)})


def clock(desk: Desk, at: datetime) -> str:
    return moments.moment(at, desk.zone, desk.language, now=desk.now)


def _day(desk: Desk, asked: Wish, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        at = asked.callback.planned_at
        return (at if at is not None and at > desk.now else desk.now).astimezone(desk.zone).date()


def _times(session: Session, desk: Desk, asked: Wish, agent_id: int, day: date) -> list[dict[str, Any]]:
    since, until = start_of_day(day, desk.zone), start_of_day(day + timedelta(days=1), desk.zone)
    found = rows.slots_between(session, [agent_id], since=since, until=until)
    placed = rows.placed_between(session, [agent_id], since=since, until=until, limit=500)
    fits = max(1, round(asked.policy.slot / asked.policy.handling_time))
    times = []
    for slot, at in placing.legal_times(asked, found):
        if at == (No("place.past"),):
            continue
        held = sum(slot.starts_at <= row.planned_at < slot.ends_at for row in placed)
        why = None if isinstance(at, datetime) else _plain(desk, at, {})
        times.append({"slot": slot, "why": why, "full": held >= fits})
    return times


def _plain(desk: Desk, noes: Noes, names: Mapping[int, str]) -> str:
    return wording.joined((desk.say(no.code, **told(desk, no.params, names)) for no in noes), desk.language)
