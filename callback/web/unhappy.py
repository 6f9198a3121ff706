"""`/unhappy`: unhappy customers from the flag through the second call to the close."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Response
from pydantic import Field

from callback.db import board as board_rows
from callback.db import dissatisfactions as rows
from callback.db import work
from callback.db.dissatisfactions import Asked
from callback.domain.account import Scope
from callback.domain.recovery import SUB_CAUSES, Finding
from callback.domain.words import (
    Cause,
    ComplaintContent,
    ComplaintNature,
    DissatisfactionState,
    RecoveryStep,
    Role,
    Severity,
    SubCause,
    Validity,
)
from callback.errors import Invalid
from callback.services import dissatisfactions, recoveries, unhappy
from callback.services.board import AGES
from callback.web.choices import BIGGEST_ID, AfterPlace, Chosen, Id, OptionalId, moment_of, place, place_of
from callback.web.desk import Desk, at_desk
from callback.web.reassign import barred

router = APIRouter(prefix="/unhappy", include_in_schema=False)
LEADERS = (Role.SUPERVISOR, Role.ADMINISTRATOR)
Reader = Annotated[Desk, Depends(at_desk(Scope.DISSATISFACTIONS_READ, *LEADERS))]
Decider = Annotated[Desk, Depends(at_desk(Scope.DISSATISFACTIONS_WRITE, *LEADERS))]
Number = Annotated[int, Path(ge=1, le=BIGGEST_ID)]
Version = Annotated[int, Form(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form(max_length=1_000_000)]
"""How long it may be is said by the service, in words: what was typed stays in its field."""
LINES = 50
LIVE, ALL = "live", "all"
STATES: Mapping[str, tuple[DissatisfactionState, ...]] = {
    LIVE: rows.LIVE,
    **{state.value: (state,) for state in DissatisfactionState},
    ALL: (),
}
State = Annotated[str, Query(pattern=f"^({'|'.join(STATES)})$")]
SeverityChoice = Annotated[Severity | None, Chosen, Query()]
CauseChoice = Annotated[Cause | None, Chosen, Query()]
AgeChoice = Annotated[Annotated[int, Field(ge=0, le=len(AGES))] | None, Chosen, Query()]


@router.get("")
def list_unhappy(
    desk: Reader,
    state: State = LIVE,
    severity: SeverityChoice = None,
    age: AgeChoice = None,
    team: OptionalId = None,
    cause: CauseChoice = None,
    after: AfterPlace = None,
) -> Response:
    """The overview and one page of the list."""
    asked = _asked(desk, state, severity=severity, age=age, team=team, cause=cause)
    chosen = {"state": state, "severity": severity, "age": age, "team": team, "cause": cause}
    with desk.reading() as session:
        board_rows.plain_plans(session)
        lines = rows.page(session, asked, after=place_of(after), limit=LINES + 1)
        seen = unhappy.overview(session, now=desk.now, team_id=team)
        teams = work.teams(session)
    more = len(lines) > LINES
    lines = lines[:LINES]
    last = lines[-1].Dissatisfaction if more else None
    return desk.page(
        "unhappy/list.html",
        lines=lines,
        overview=seen,
        teams=teams,
        chosen=chosen,
        states=STATES,
        severities=[*reversed(Severity)],
        causes=list(Cause),
        ages=AGES,
        of_age=lambda age: _address({"state": LIVE, "age": age, "team": team}),
        tab=lambda name: _address({**chosen, "state": name}),
        filtered=any(value is not None for name, value in chosen.items() if name != "state"),
        first=after is None,
        first_page=_address(chosen),
        next_page=_address(chosen, after=place(last.raised_at, last.id)) if last is not None else None,
        export=_address(chosen, path="/unhappy/export.csv"),
    )


@router.get("/export.csv")
def export(
    desk: Reader,
    state: State = LIVE,
    severity: SeverityChoice = None,
    age: AgeChoice = None,
    team: OptionalId = None,
    cause: CauseChoice = None,
) -> Response:
    """The list as a file; that it was taken out is audited."""
    asked = _asked(desk, state, severity=severity, age=age, team=team, cause=cause)
    with desk.begin() as session:
        content = unhappy.export(session, asked, by=desk.me.agent_id, now=desk.now, language=desk.language)
    name = f"unhappy-{desk.now.astimezone(desk.zone):%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _asked(
    desk: Desk, state: str, *, severity: Severity | None, age: int | None, team: int | None, cause: Cause | None
) -> Asked:
    asked = Asked(states=STATES[state], team_id=team, severity=severity, cause=cause)
    return replace(asked, **unhappy.aged(desk.now, age))


def _address(chosen: Mapping[str, Any], *, after: str | None = None, path: str = "/unhappy") -> str:
    given = {name: value for name, value in {**chosen, "after": after}.items() if value is not None}
    return f"{path}?{urlencode(given)}"


# ── One of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/{number}")
def show(number: Number, desk: Reader) -> Response:
    with desk.reading() as session:
        found = recoveries.dossier(session, number, desk.language)
        flag = found.flag
        live = flag.state in rows.LIVE
        callers = recoveries.callers(session, flag, found.second, now=desk.now) if live else None
        return desk.page(
            "unhappy/one.html",
            found=found,
            flag=flag,
            case=found.story.case,
            customer=found.story.case.customer,
            live=live,
            calling=found.second is not None and found.second.state.value == "in_progress",
            may=callers.may if callers else (),
            may_not=barred(callers.may_not, desk) if callers else (),
            next_legal=callers.next_legal if callers else None,
            taken={step: [row for row in found.steps if row.step is step] for step in RecoveryStep},
            sub_causes=SUB_CAUSES,
            choices={"validity": Validity, "nature": ComplaintNature, "content": ComplaintContent},
            moment_from=datetime.fromisoformat,
            questions={one.name: one.question for one in found.scores},
        )


@router.post("/{number}/second-call")
def second_call(
    number: Number,
    desk: Decider,
    version: Version,
    agent_id: Annotated[Id | None, Chosen, Form()] = None,
    at: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """To this agent, at the next permitted time; the reason is needed only against a rule about persons."""
    if agent_id is None:
        raise Invalid("agent_not_chosen")
    with desk.begin() as session:
        callback = dissatisfactions.assign_second_call(
            session,
            dissatisfaction_id=number,
            agent_id=agent_id,
            by=desk.me.agent_id,
            now=desk.now,
            at=moment_of(at, desk.zone),
            override_reason=" ".join(reason.split()) or None,
            version=version,
        )
        name = callback.agent.name if callback.agent is not None else ""
    return desk.go(f"/unhappy/{number}", said="work_desk.assigned", name=name)


def _finding(
    sub_cause: Annotated[SubCause | None, Chosen, Form()] = None,
    validity: Annotated[Validity | None, Chosen, Form()] = None,
    nature: Annotated[ComplaintNature | None, Chosen, Form()] = None,
    content: Annotated[ComplaintContent | None, Chosen, Form()] = None,
    lesson: Text = "",
) -> Finding:
    return Finding(sub_cause=sub_cause, validity=validity, nature=nature, content=content, lesson=lesson)


Found = Annotated[Finding, Depends(_finding)]


@router.post("/{number}/review")
def review(number: Number, desk: Decider, version: Version, finding: Found) -> Response:
    with desk.begin() as session:
        recoveries.review(
            session, dissatisfaction_id=number, finding=finding, by=desk.me.agent_id, now=desk.now, version=version
        )
    return desk.go(f"/unhappy/{number}", said="unhappy_desk.saved")


@router.post("/{number}/close")
def close(number: Number, desk: Decider, version: Version, finding: Found) -> Response:
    with desk.begin() as session:
        dissatisfactions.close(
            session, dissatisfaction_id=number, finding=finding, by=desk.me.agent_id, now=desk.now, version=version
        )
    return desk.go(f"/unhappy/{number}", said="unhappy_desk.closed")


@router.post("/{number}/steps")
def take_step(
    number: Number, desk: Decider, version: Version, step: Annotated[RecoveryStep, Form()], note: Text = ""
) -> Response:
    with desk.begin() as session:
        recoveries.take_step(
            session,
            dissatisfaction_id=number,
            step=step,
            note=note,
            by=desk.me.agent_id,
            now=desk.now,
            version=version,
        )
    return desk.go(f"/unhappy/{number}", said="unhappy_desk.step_taken")


@router.post("/{number}/share")
def share(number: Number, desk: Decider, version: Version) -> Response:
    """The lesson was passed on."""
    with desk.begin() as session:
        recoveries.share_lesson(session, dissatisfaction_id=number, by=desk.me.agent_id, now=desk.now, version=version)
    return desk.go(f"/unhappy/{number}", said="unhappy_desk.shared")
