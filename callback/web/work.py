"""`/work`: the lists behind the figures of the board, and what is decided about several at once."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from callback.db import escalations, handovers, work
from callback.db.work import Kind, Wanted
from callback.domain.account import Scope
from callback.domain.moment import start_of_day
from callback.domain.words import Disposition, Purpose, Role
from callback.entrance import address_parts
from callback.errors import CallbackError, Invalid
from callback.services import supervision
from callback.web.choices import AfterPlace, Chosen, OptionalId, place, place_of
from callback.web.desk import Desk, at_desk

router = APIRouter(include_in_schema=False)
Leader = Annotated[Desk, Depends(at_desk(Scope.CALLBACKS_WRITE, Role.SUPERVISOR, Role.ADMINISTRATOR))]
LINES = 50
BROKEN, WITHOUT_ADDRESS, MARKED, UNSIGNED = "broken", "without_address", "marked", "unsigned"
MOMENTS = {MARKED: "raised_at", UNSIGNED: "given_at"}
"""What the lines of a list stand in order of; of the others `moment`."""
KINDS = (
    Kind.OVERDUE.value,
    Kind.SOON.value,
    BROKEN,
    Kind.NOBODY_QUALIFIES.value,
    Kind.NO_LEGAL_MOMENT.value,
    Kind.NEEDS_DATA.value,
    WITHOUT_ADDRESS,
    MARKED,
    UNSIGNED,
    Kind.SUPERVISOR_ONLY.value,
    Kind.EXHAUSTED.value,
    Kind.WAITING.value,
    Kind.ASSIGNED.value,
    Kind.CALLING.value,
    Kind.OWED.value,
    Kind.DONE_TODAY.value,
    Kind.REACHED_TODAY.value,
    Kind.UNREACHED_TODAY.value,
    Kind.CONTENT_TODAY.value,
    Kind.DISCONTENT_TODAY.value,
    Kind.RECOMMENDING_TODAY.value,
)
GROUPS = {"promised": True, "courtesy": False}
"""Whether it is owed by a time that somebody was told."""
MOST_AT_ONCE = 200


@router.get("/work")
def list_work(
    desk: Leader,
    kind: Annotated[str, Query(pattern=f"^({'|'.join(KINDS)})$")] = Kind.OWED.value,
    purpose: Annotated[Annotated[str, Field(max_length=20)] | None, Chosen, Query()] = None,
    team: OptionalId = None,
    agent: OptionalId = None,
    after: AfterPlace = None,
) -> Response:
    """One page of a list; the address is the filter, so that it can be kept and sent to somebody."""
    chosen = {"kind": kind, "purpose": purpose, "team": team, "agent": agent}
    with desk.reading() as session:
        lines = _lines(session, desk, kind, purpose=purpose, team=team, agent=agent, after=place_of(after))
        teams, agents = work.teams(session), work.agents(session, team_id=team)
    more = len(lines) > LINES
    lines = lines[:LINES]
    return desk.page(
        "callbacks/list.html",
        lines=lines,
        kind=kind,
        kinds=KINDS,
        of_callbacks=kind in set(Kind),
        purpose=purpose,
        purposes=[*GROUPS, *(each.value for each in Purpose)],
        team=team,
        teams=teams,
        agent=agent,
        agents=agents,
        first=after is None,
        filtered=any((purpose, team, agent)),
        next_page=_address(chosen, after=_place_of_line(kind, lines[-1])) if more else None,
        first_page=_address(chosen),
        result_code=_result_code,
    )


def _lines(
    session: Session,
    desk: Desk,
    kind: str,
    *,
    purpose: str | None,
    team: int | None,
    agent: int | None,
    after: tuple[Any, int] | None,
) -> Sequence[Any]:
    day_starts = start_of_day(desk.now.astimezone(desk.house.zone).date(), desk.house.zone)
    if kind == BROKEN:
        return work.page_of_promises(session, since=day_starts, team_id=team, after=after, limit=LINES + 1)
    if kind == WITHOUT_ADDRESS:
        return work.page_of_cases(session, team_id=team, after=after, limit=LINES + 1)
    if kind == MARKED:
        return escalations.marked(session, team_id=team, after=after, limit=LINES + 1)
    if kind == UNSIGNED:
        return handovers.page_of_unsigned(session, team_id=team, after=after, limit=LINES + 1)
    wanted = Wanted(
        kind=Kind(kind), purposes=_purposes(purpose), promised=GROUPS.get(purpose or ""), team_id=team, agent_id=agent
    )
    return work.page(session, wanted, now=desk.now, day_starts=day_starts, after=after, limit=LINES + 1)


def _place_of_line(kind: str, line: Any) -> str:
    return place(getattr(line, MOMENTS.get(kind, "moment")), line.id)


def _result_code(result: str) -> str:
    """The code of the sentence for how a callback ended: a disposition, or one of the house's own words."""
    if result in set(Disposition):
        return f"disposition.{result}"
    own = result.split("_", maxsplit=1)[0] if result.startswith("withdrawn") else result
    return f"work_desk.result_{own}" if own in ("withdrawn", "cancelled", "called_again") else "work_desk.result_other"


def _purposes(chosen: str | None) -> tuple[Purpose, ...]:
    if chosen is None or chosen in GROUPS:
        return ()
    try:
        return (Purpose(chosen),)
    except ValueError:
        raise Invalid("filter_unknown", value=chosen[:20]) from None


def _address(chosen: dict[str, Any], *, after: str | None = None) -> str:
    given = {name: value for name, value in {**chosen, "after": after}.items() if value is not None}
    return f"/work?{urlencode(given)}"


@router.post("/work/exhausted")
def decide_exhausted(
    desk: Leader,
    act: Annotated[str, Form(pattern="^(again|rest)$")],
    reason: Annotated[str, Form(max_length=2_000)] = "",
    handles: Annotated[list[str] | None, Form(max_length=MOST_AT_ONCE)] = None,
) -> Response:
    """Several that came to nothing: tried again, or laid to rest. What somebody has decided meanwhile is left alone."""
    if not handles:
        raise Invalid("nothing_chosen")
    decide = supervision.call_again if act == "again" else supervision.let_rest
    done, refused = 0, 0
    for handle in dict.fromkeys(handles):
        try:
            with desk.begin() as session:  # each by itself: one that fails takes no other with it
                decide(session, handle=handle, reason=reason, by=desk.me.agent_id, now=desk.now)
            done += 1
        except Invalid:
            raise
        except CallbackError:
            refused += 1
    said = "work_desk.decided" if not refused else "work_desk.decided_some"
    return desk.go(_back(desk), said=said, count=done, refused=refused)


def _back(desk: Desk) -> str:
    """The list from which it was decided, as htmx tells it."""
    here = address_parts(desk.request.headers.get("hx-current-url", ""))
    return f"/work?{here.query}" if here.path == "/work" and here.query else "/work?kind=exhausted"
