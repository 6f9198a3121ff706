"""`/reassign`: callbacks are found, chosen, looked at, given to somebody else, and brought back.

Nothing is kept between the steps: what was chosen travels in the form, with the version that was previewed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Response
from markupsafe import Markup, escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from callback.db import reassignments as rows
from callback.db.reassignments import Filter, Place
from callback.db.tables import Agent, Team
from callback.domain.account import Scope
from callback.domain.moment import start_of_day
from callback.domain.rules import Refusal
from callback.domain.words import CallbackState, Purpose, Severity
from callback.errors import Invalid
from callback.services import callbacks, candidates, reassignments, wording
from callback.services.moves import MOVABLE, Stays, agents_named
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Mover = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE))]
Handle = Annotated[str, Path(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Chosen = Annotated[list[str] | None, Form(max_length=2_000)]
Text = Annotated[str, Form(max_length=2_000)]

MOST = 500
"""Chosen at once: what a person can look over, and what is planned while they wait."""
PAGE = 50
COUNTED = 500
SHOWN_AGENTS = 40
DUE = ("overdue", "soon", "today", "tomorrow", "week")
PRIORITIES = (90, 70, 50)
W = TypeVar("W", bound=StrEnum)


@router.get("/reassign")
def reassign(desk: Mover) -> Response:
    asked = dict(desk.request.query_params)
    with desk.reading() as session:
        values = _found(session, desk, asked, after=None)
        people = session.execute(select(Agent.id, Agent.name).where(Agent.active).order_by(Agent.name)).all()
        teams = session.execute(select(Team.id, Team.name).order_by(Team.name)).all()
    return desk.page(
        "reassign/page.html", asked=asked, people=people, teams=teams, purposes=Purpose, severities=Severity,
        states=(*MOVABLE, CallbackState.IN_PROGRESS), dues=DUE, priorities=PRIORITIES, most=MOST, **values,
    )  # fmt: skip


@router.get("/reassign/list")
def reassign_list(desk: Mover, after: Annotated[str, Query(max_length=80)] = "") -> Response:
    """The list alone; from `after` on only further rows."""
    asked = {name: value for name, value in desk.request.query_params.items() if name != "after"}
    with desk.reading() as session:
        values = _found(session, desk, asked, after=_place(after))
    if after:
        return desk.fragment("reassign/rows.html", **values)
    response = desk.fragment("reassign/list.html", most=MOST, **values)
    kept = _query(asked)
    response.headers["HX-Replace-Url"] = f"/reassign?{kept}" if kept else "/reassign"
    return response


@router.post("/reassign/candidates")
def show_candidates(
    desk: Mover,
    chosen: Chosen = None,
    everything: Text = "",
    filter: Text = "",
    q: Text = "",
) -> Response:
    """Who may take them, and who may not and why."""
    with desk.reading() as session:
        handles = list(dict.fromkeys(one.partition(":")[0] for one in chosen or ()))
        if everything:
            handles = list(rows.handles(session, _filter(dict(parse_qsl(filter)), desk), limit=MOST))
        ids = _ids(session, handles)
        found = candidates.look(session, ids, now=desk.now)
        names = _lines(session, found.nobody)
    word = q.strip().casefold()
    agents = [
        a for a in found.agents if word in a.name.casefold() or word in a.number or word in (a.team or "").casefold()
    ]
    whys = {agent.agent_id: [_why(desk, *refused) for refused in agent.refused] for agent in agents[:SHOWN_AGENTS]}
    return desk.fragment(
        "reassign/candidates.html", whys=whys, found=found, agents=agents[:SHOWN_AGENTS], handles=handles, q=q,
        more=max(0, len(agents) - SHOWN_AGENTS), nobody=names,
    )  # fmt: skip


def _why(desk: Desk, reason: str, about: str, count: int) -> Markup:
    if reason == "agent_language":
        about = wording.language_name(about, desk.language)
        return escape(desk.say("candidate.agent_language", count=count, about=about))
    return sentence(desk, f"candidate.{reason}", {"count": count, "about": about}, {})


@router.get("/reassign/who/{handle}")
def show_who(desk: Mover, handle: Handle) -> Response:
    """Of one callback: everybody by name, with the rule."""
    with desk.reading() as session:
        callback = callbacks.find_callback(session, handle)
        found = candidates.who(session, callback.id, now=desk.now)
        customer = callback.customer.name
    why = [
        (agent_id, name, _joined(desk, [(f"rule.{r.reason}", r.params) for r in refused], {agent_id: name}))
        for agent_id, name, refused in found.barred
    ]
    return desk.fragment("reassign/who.html", found=found, barred=why, customer=customer)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the dialog asks for."""

    handles: Sequence[str]
    versions: Mapping[str, int]
    to: frozenset[int] | None
    reason: str


@router.post("/reassign/preview")
def preview(desk: Mover, chosen: Chosen = None, to: Text = "", reason: Text = "") -> Response:
    """Which go, which are refused by which rule, when they would be called, and what it does to the load."""
    wish = _wish(chosen or (), to, reason)
    with desk.begin() as session:
        outcome = _reassign(session, desk, wish, dry_run=True)
        values = shown(session, desk, outcome)
    return desk.fragment("reassign/preview.html", wish=wish, to=to, outcome=outcome, **values)


@router.post("/reassign/do")
def do(desk: Mover, chosen: Chosen = None, to: Text = "", reason: Text = "") -> Response:
    """Move them. What changed since the preview stays and is named."""
    wish = _wish(chosen or (), to, reason)
    with desk.begin() as session:
        outcome = _reassign(session, desk, wish, dry_run=False)
        values = shown(session, desk, outcome)
    return desk.fragment("reassign/result.html", outcome=outcome, **values)


def _reassign(session: Session, desk: Desk, wish: Wish, *, dry_run: bool) -> reassignments.Outcome:
    return reassignments.reassign(
        session, callback_ids=_ids(session, wish.handles), to=wish.to, by=desk.me.agent_id, reason=wish.reason,
        now=desk.now, zone=desk.house.zone, dry_run=dry_run, versions=None if dry_run else wish.versions,
    )  # fmt: skip


def shown(session: Session, desk: Desk, outcome: reassignments.Outcome) -> dict[str, Any]:
    """What the templates of a preview and a result need to speak of people by name."""
    asked = [moved.handle for moved in outcome.moved] + [stays.handle for stays in outcome.stays]
    lines = _lines(session, asked)
    people = {m.agent_id for m in outcome.moved} | {m.from_agent_id for m in outcome.moved if m.from_agent_id}
    people |= {load.agent_id for load in outcome.loads}
    people |= agents_named(outcome.stays)
    names = dict(session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(people))).tuples().all())
    reasons = [(lines.get(s.handle), sentences(desk, s, names)) for s in outcome.stays]
    return {"lines": lines, "names": names, "reasons": reasons}


def told(desk: Desk, params: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    """Parameters of a rule's sentence as people read them, with who is meant by name instead of by number."""
    return wording.spoken(params, desk.language, names=names)


def barred(may_not: Sequence[tuple[int, str, Sequence[Refusal]]], desk: Desk) -> list[tuple[int, str, str]]:
    """(agent, name, everything that speaks against them) in the reader's language, without any mark-up."""
    return [
        (agent_id, name, wording.why_not(refused, desk.language, agent=name)) for agent_id, name, refused in may_not
    ]


def sentences(desk: Desk, stays: Stays, names: Mapping[int, str]) -> Markup:
    """Every reason why one was not moved."""
    return _joined(desk, stays.reasons, names)


def _joined(desk: Desk, reasons: Iterable[tuple[str, Mapping[str, Any]]], names: Mapping[int, str]) -> Markup:
    told = [sentence(desk, code, params, names) for code, params in reasons]
    return Markup(wording.between(desk.language)).join(told)  # noqa: S704  a space, or nothing


def sentence(desk: Desk, code: str, params: Mapping[str, Any], names: Mapping[int, str]) -> Markup:
    """The same as a sentence for a page: what people wrote is marked as not to be translated, and escaped."""
    said = told(desk, params, names)
    for name in ("agent_id", "skill", "why", "about"):
        if said.get(name):
            said[name] = Markup('<span translate="no">{}</span>').format(said[name])
    return escape(desk.say(code)).format(**said)


# ── What was asked for ──────────────────────────────────────────────────────────────────────────────────────────────


def _found(session: Session, desk: Desk, asked: Mapping[str, str], *, after: Place | None) -> dict[str, Any]:
    wanted = _filter(asked, desk)
    found = rows.found(session, wanted, after=after, limit=PAGE + 1)
    last = found[PAGE - 1] if len(found) > PAGE else None
    count = len(found) if last is None and after is None else len(rows.handles(session, wanted, limit=COUNTED + 1))
    return {
        "found": found[:PAGE],
        "movable": MOVABLE,
        "next_place": None if last is None else f"{last.due_at.isoformat()}~{last.id}",
        "count": count,
        "counted": COUNTED,
        "query": _query(asked),
        "one_agent": wanted.agent_id,
        "filtered": bool(_query(asked)),
    }


FIELDS = ("agent", "team", "purpose", "due", "severity", "priority", "state", "language", "q")


def _query(asked: Mapping[str, str]) -> str:
    return urlencode({name: asked[name] for name in FIELDS if asked.get(name, "").strip()})


def _filter(asked: Mapping[str, str], desk: Desk) -> Filter:
    """What an address or a form asks for; what is not understood filters nothing."""
    return Filter(
        agent_id=_number(asked.get("agent")),
        nobody=asked.get("agent") == "nobody",
        team_id=_number(asked.get("team")),
        purpose=_word(Purpose, asked.get("purpose")),
        due_before=_due(asked.get("due", ""), desk),
        severity=_word(Severity, asked.get("severity")),
        priority=_number(asked.get("priority")),
        state=_word(CallbackState, asked.get("state")),
        language=asked.get("language") if asked.get("language") in ("zh", "en") else None,
        text=asked.get("q", "").strip()[:100],
    )


def _due(word: str, desk: Desk) -> datetime | None:
    today = desk.now.astimezone(desk.zone).date()
    days = {"today": 1, "tomorrow": 2, "week": 7}
    if word in days:
        return start_of_day(today + timedelta(days=days[word]), desk.zone)
    return {"overdue": desk.now, "soon": desk.now + timedelta(hours=2)}.get(word)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def _word(kind: type[W], text: str | None) -> W | None:
    return kind(text) if text in {member.value for member in kind} else None


def _place(text: str) -> Place | None:
    """Where the last page ended; the beginning for anything else."""
    at, _, number = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    known = _number(number)
    return Place(moment, known) if known is not None and moment.tzinfo is not None else None


def _wish(chosen: Sequence[str], to: str, reason: str) -> Wish:
    """`chosen` are handles, from the preview on with their version: `handle:7`."""
    versions: dict[str, int] = {}
    for one in chosen:
        handle, _, version = one.partition(":")
        versions[handle] = _number(version) or 0
    if to != "best" and _number(to) is None:
        raise Invalid("reassign_to_missing")
    number = _number(to)
    return Wish(list(versions), versions, None if number is None else frozenset({number}), reason.strip()[:500])


def _ids(session: Session, handles: Sequence[str]) -> list[int]:
    if not handles:
        raise Invalid("reassign_nothing")
    if len(handles) > MOST:
        raise Invalid("reassign_too_many", most=MOST)
    return reassignments.by_handles(session, handles)


def _lines(session: Session, handles: Sequence[str]) -> dict[str, Any]:
    if not handles:
        return {}
    ids = reassignments.by_handles(session, handles)
    return {line.handle: line for line in rows.lines(session, ids)}
